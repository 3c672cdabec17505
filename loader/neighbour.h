/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's neighbours: who keeps a next hop's MAC known. Each returns 0 or
 * a negative errno, and nothing said.
 */
#ifndef XDPLB_NEIGHBOUR_H
#define XDPLB_NEIGHBOUR_H

#include "route.h"

/*
 * Has the kernel resolve a neighbour and keep it resolved (a managed entry), or
 * sets it for good when a MAC is given.
 */
int neighbour_keep(const struct next_hop *hop, const __u8 *mac);

/* Lets a neighbour grow old as others do. */
int neighbour_release(const struct next_hop *hop);

/* Has the kernel forget a neighbour, so that it resolves it anew. */
int neighbour_forget(const struct next_hop *hop);

/* The kernel knows the neighbour's MAC. */
bool neighbour_known(const struct next_hop *hop);

#endif
