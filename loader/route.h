/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's routes: the way to a backend. */
#ifndef XDPLB_ROUTE_H
#define XDPLB_ROUTE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct next_hop {
	__be32 addr[4]; /* the gateway, or the destination itself */
	__be32 source[4]; /* the address this machine would send from, 0: none */
	int ifindex;
	bool local; /* the destination is this machine */
};

/* The route to an address; a negative errno, and nothing said, if there is none. */
int route_get(const __be32 to[4], struct next_hop *hop);

/*
 * The routes to `count` addresses, `size` bytes from one to the next. err[i] is
 * 0 or a negative errno. A negative errno, and nothing said, when the kernel
 * could not be asked.
 */
int routes_get(const __be32 *to, size_t size, __u32 count, struct next_hop *hop, int *err);

#endif
