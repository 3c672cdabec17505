/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways that services share: the kernel has one entry for a neighbour, however
 * many backends have its address. The caller holds the lock.
 */
#ifndef XDPLB_WAYS_LEFT_H
#define XDPLB_WAYS_LEFT_H

#include "balancer.h"
#include "wanted.h"

/* A backend's way, and what those in force want of the same address. */
struct left_way {
	const struct wanted_backend *backend;
	__u32 service;
	__u32 turn; /* when it was added */
	bool wanted; /* some want the same MAC, or none as well */
	const struct xdplb_backend *other; /* wants another MAC, or none; NULL: nobody does */
};

struct left_ways {
	struct left_way *way; /* malloc()ed */
	__u32 count;
};

/*
 * Adds the ways to a service's backends, which stay the caller's. 0, or a negative
 * errno after an error line.
 */
int left_add(struct left_ways *left, __u32 service, const struct wanted_service *wanted);
void left_free(struct left_ways *left);

/*
 * Undoes ways_keep() where nobody in force wants these ways any more. A MAC that
 * was given goes, unless somebody has set another since; what others in force want
 * of that address takes its place.
 */
void ways_forget(const struct balancer *balancer, struct left_ways *left);

/*
 * The same of all MACs in force, with the balancer; other balancers' backends do
 * not count.
 */
void ways_forget_given(const struct balancer *balancer);

/*
 * Warns where another service in force gives another MAC. Of two services that were
 * both added the later one is warned of, as ways_keep() in that order leaves its MAC.
 */
void ways_compare(const struct balancer *balancer, struct left_ways *left);

#endif
