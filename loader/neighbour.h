/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's routes and neighbours (netlink, RFC 3549): the way to a backend
 * and who keeps its MAC known. Addresses in network byte order.
 */
#ifndef XDPLB_NEIGHBOUR_H
#define XDPLB_NEIGHBOUR_H

#include <linux/types.h>
#include <stdbool.h>

struct next_hop {
	__be32 addr; /* the gateway, or the destination itself */
	__be32 source; /* the address this machine would send from */
	int ifindex;
	bool local; /* the destination is this machine */
};

/* The route to an address; a negative errno, and nothing said, if there is none. */
int route_get(__be32 to, struct next_hop *hop);

/*
 * Has the kernel resolve a neighbour and keep it resolved (a managed entry), or
 * sets it for good when a MAC is given. 0 or a negative errno.
 */
int neighbour_keep(const struct next_hop *hop, const __u8 *mac);

/* Lets a neighbour grow old as others do. */
int neighbour_release(const struct next_hop *hop);

/* Has the kernel forget a neighbour, so that it resolves it anew. */
int neighbour_forget(const struct next_hop *hop);

/* The kernel knows the neighbour's MAC. */
bool neighbour_known(const struct next_hop *hop);

struct xdp_link {
	__u32 ifindex;
	bool veth;
	__u8 mac[6];
};

/*
 * Up to `max` interfaces here that have an XDP program; returns how many, or a
 * negative errno.
 */
int links_with_xdp(struct xdp_link *link, int max);

#endif
