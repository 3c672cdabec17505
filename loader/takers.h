/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which backends take a service's new flows now: of its set and, where listeners
 * register themselves, of those. The caller holds the lock.
 */
#ifndef XDPLB_TAKERS_H
#define XDPLB_TAKERS_H

#include "balancer.h"

struct taker {
	__u32 backend; /* id */
	bool registered; /* by itself, and not expired */
};

/* All, by place: the next from *place on, which is moved on; false: no more. */
bool taker_next(const struct balancer *balancer, __u32 service, __u32 *place, struct taker *taker);

/* The state of a backend of the service's set, by its place there, that counts now. */
__u8 backend_state_now(const struct balancer *balancer, __u32 service, __u32 index);

#endif
