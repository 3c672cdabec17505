// SPDX-License-Identifier: GPL-2.0-only
#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One value; 0 or a negative errno. */
static int value_read(int socket, const char *interface, __u32 command, __u32 *value)
{
	struct ethtool_value ask = { .cmd = command };
	struct ifreq request = { .ifr_data = (char *)&ask };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(socket, SIOCETHTOOL, &request))
		return -errno;
	*value = ask.data;
	return 0;
}

int offloads_read(int socket, const char *interface, struct offloads *offloads)
{
	__u32 checksums = 0, gro = 0, flags = 0;
	int err = value_read(socket, interface, ETHTOOL_GTXCSUM, &checksums);

	memset(offloads, 0, sizeof(*offloads));
	if (!err)
		err = value_read(socket, interface, ETHTOOL_GGRO, &gro);
	if (!err)
		err = value_read(socket, interface, ETHTOOL_GFLAGS, &flags);
	if (err)
		return err;
	offloads->checksums = checksums;
	offloads->gro = gro;
	offloads->lro = flags & ETH_FLAG_LRO;
	return 0;
}

int offloads_here(const char *interface, struct offloads *offloads)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = offloads_read(fd, interface, offloads);
	close(fd);
	return err;
}
