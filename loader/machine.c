// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "neighbour.h"

/* Tells the program about the interfaces that have XDP. */
static void interfaces_publish(struct balancer *balancer)
{
	struct xdp_link link[XDPLB_INTERFACES];
	int count = links_with_xdp(link, XDPLB_INTERFACES);

	for (int i = 0; i < XDPLB_INTERFACES && count >= 0; i++) {
		struct xdplb_interface *entry = &balancer->config->interface[i];

		if (i < count)
			memcpy(entry->mac, link[i].mac, sizeof(entry->mac));
		__atomic_store_n(&entry->out,
				 i >= count   ? 0 :
				 link[i].veth ? link[i].ifindex | XDPLB_OUT_REDIRECT :
						link[i].ifindex,
				 __ATOMIC_RELEASE);
	}
}

#define LOOPBACK_FORWARDING "/proc/sys/net/ipv4/conf/lo/forwarding"

/*
 * Lets the program route packets also where the interface does not forward: it
 * then looks routes up as from the loopback interface, whose forwarding is
 * turned on for that.
 */
static void routes_allow(void)
{
	int file = open(LOOPBACK_FORWARDING, O_RDWR | O_CLOEXEC);
	char now = '0';

	if (file >= 0 && read(file, &now, 1) == 1 && now == '1') {
		close(file);
		return;
	}
	if (file < 0 || pwrite(file, "1", 1, 0) != 1)
		warn("cannot set net.ipv4.conf.lo.forwarding (%s): set net.ipv4.ip_forward to 1, "
		     "or no backend will be reached",
		     strerror(errno));
	if (file >= 0)
		close(file);
}

void machine_prepare(struct balancer *balancer)
{
	routes_allow();
	interfaces_publish(balancer);
}
