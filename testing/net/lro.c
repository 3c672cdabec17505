// SPDX-License-Identifier: GPL-2.0-only
/* Preloaded: every interface says that it has large receive offload on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <sys/ioctl.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
	struct ethtool_value *value;
	void *argument;
	va_list args;
	int result;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	result = next(fd, request, argument);
	if (result || request != SIOCETHTOOL)
		return result;
	value = (struct ethtool_value *)((struct ifreq *)argument)->ifr_data;
	if (value->cmd == ETHTOOL_GFLAGS)
		value->data |= ETH_FLAG_LRO;
	return 0;
}
