/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object's program for the stack's socket lookups, xdplb_lookup, in this
 * network namespace: no listener gets a datagram from elsewhere that says to come
 * from where registrations go to. It goes with a balancer on lo, by which
 * listeners register; a pinned link holds it.
 */
#ifndef XDPLB_LOOKUP_H
#define XDPLB_LOOKUP_H

#include <linux/types.h>
#include <stdbool.h>

#include "balancer.h"

/*
 * Attaches it over the maps of this balancer; one that is there is replaced, without
 * a lookup between the two. 0, or a negative errno after an error line.
 */
int lookup_attach(const struct balancer *balancer);

/* It is there, over the maps with this balancer_id(). */
bool lookup_attached(__u32 id);

/* Takes those off whose balancer is not on lo, or whose namespace is gone. */
void lookup_tidy(void);

#endif
