/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's neighbours: who keeps a next hop's MAC known. Each returns 0 or
 * a negative errno, and nothing said.
 */
#ifndef XDPLB_NEIGHBOUR_H
#define XDPLB_NEIGHBOUR_H

#include "route.h"

/* What is known of a next hop, and what is wanted. */
struct neighbour {
	struct next_hop hop;
	const __u8 *mac; /* given for good, NULL: the kernel shall resolve it */
	bool known; /* the kernel has its MAC */
	bool kept; /* it is as wanted, and stays so */
	int err; /* the kernel will not keep it */
};

/* Finds out what the kernel knows of them. */
int neighbours_look(struct neighbour *neighbour, __u32 count);

/*
 * Has the kernel resolve those that are not kept and keep them resolved
 * (managed entries), or sets them for good where a MAC is given. What somebody
 * else has set stays.
 */
int neighbours_keep(struct neighbour *neighbour, __u32 count);

/* Has the kernel ask for a neighbour once; it forgets that it did. */
int neighbour_ask(const struct next_hop *hop);

/* This machine answers in its stead (ip neigh add proxy). */
bool neighbour_is_proxied(const struct next_hop *hop);

/* Lets a neighbour grow old as others do. */
int neighbour_release(const struct next_hop *hop);

/* Has the kernel forget a neighbour, so that it resolves it anew. */
int neighbour_forget(const struct next_hop *hop);

/* All of them are. */
bool neighbours_known(const struct neighbour *neighbour, __u32 count);

#endif
