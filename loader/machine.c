// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "error.h"
#include "interfaces.h"
#include "sysctl.h"

/* Publishes an entry by its ifindex: readers see none of it, or all. */
static void interface_publish(struct xdplb_interface *entry, const struct xdplb_interface *wanted)
{
	if (!memcmp(entry, wanted, sizeof(*entry)))
		return;
	__atomic_store_n(&entry->ifindex, 0, __ATOMIC_SEQ_CST);
	entry->out = wanted->out;
	entry->mtu = wanted->mtu;
	entry->vlan = wanted->vlan;
	memcpy(entry->mac, wanted->mac, sizeof(entry->mac));
	__atomic_store_n(&entry->ifindex, wanted->ifindex, __ATOMIC_RELEASE);
}

/* Tells the program about the interfaces that have XDP, and VLANs on them. */
static void interfaces_publish(struct balancer *balancer)
{
	struct xdplb_interface table[XDPLB_INTERFACES];
	struct link *links;
	int count = links_read(&links), wanted;

	if (count < 0) {
		warn("cannot list the interfaces: %s", strerror(-count));
		return;
	}
	wanted = interfaces_of(links, count, table);
	free(links);
	if (wanted > XDPLB_INTERFACES)
		warn("%d interfaces and VLANs have XDP: only the first %d are used", wanted,
		     XDPLB_INTERFACES);
	for (int i = 0; i < XDPLB_INTERFACES; i++)
		interface_publish(&balancer->config->interface[i], &table[i]);
}

#define LOOPBACK4 "/proc/sys/net/ipv4/conf/lo/forwarding"
#define LOOPBACK6 "/proc/sys/net/ipv6/conf/lo/forwarding"
#define ACCEPT_RA "/proc/sys/net/ipv6/conf/*/accept_ra"

static int loopback4_forwards(void)
{
	return sysctl_read(LOOPBACK4) == '1' ? 0 : sysctl_write(LOOPBACK4, '1');
}

/*
 * Turning on any interface's IPv6 forwarding makes the kernel forget all default
 * routes it has from router advertisements (rt6_purge_dflt_routers() in
 * net/ipv6/route.c), but for those of interfaces where accept_ra is 2: it is 2
 * meanwhile, which differs from 1 only where an interface forwards.
 */
static int loopback6_forwards(void)
{
	glob_t found;
	bool *raised;
	int err;

	if (sysctl_read(LOOPBACK6) == '1')
		return 0;
	if (glob(ACCEPT_RA, 0, NULL, &found))
		return ENOENT;
	raised = calloc(found.gl_pathc, sizeof(*raised));
	for (size_t i = 0; raised && i < found.gl_pathc; i++)
		raised[i] = sysctl_read(found.gl_pathv[i]) == '1' &&
			    !sysctl_write(found.gl_pathv[i], '2');
	err = raised ? sysctl_write(LOOPBACK6, '1') : ENOMEM;
	for (size_t i = 0; raised && i < found.gl_pathc; i++)
		if (raised[i])
			sysctl_write(found.gl_pathv[i], '1');
	free(raised);
	globfree(&found);
	return err;
}

/* Some service or backend has an IPv6 address. */
static bool ipv6_in_use(const struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && xdplb_is_ipv6(balancer->services[id].addr))
			return true;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (balancer->backends[id].flags && xdplb_is_ipv6(balancer->backends[id].addr))
			return true;
	return false;
}

/*
 * Lets the program route packets also where the interface does not forward: it
 * then looks routes up as from the loopback interface, whose forwarding is
 * turned on for that. It makes no other interface forward.
 */
static void routes_allow(const struct balancer *balancer)
{
	int err = loopback4_forwards();

	if (err)
		warn("cannot set net.ipv4.conf.lo.forwarding (%s): set net.ipv4.ip_forward to 1, "
		     "or no backend will be reached",
		     strerror(err));
	err = ipv6_in_use(balancer) ? loopback6_forwards() : 0;
	if (err)
		warn("cannot set net.ipv6.conf.lo.forwarding (%s): set "
		     "net.ipv6.conf.all.forwarding to 1, or nobody will be reached by IPv6",
		     strerror(err));
}

void machine_prepare(struct balancer *balancer)
{
	routes_allow(balancer);
	interfaces_publish(balancer);
}
