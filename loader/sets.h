/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backend sets: written aside, then put in force by one store. The caller
 * holds the lock.
 */
#ifndef XDPLB_SETS_H
#define XDPLB_SETS_H

#include "balancer.h"
#include "marks.h"
#include "wanted.h"

/* The set in force of a service, NULL: none. */
const struct xdplb_set *set_of(const struct balancer *balancer, __u32 service);
/* Its backends, in the order they were given, and its source addresses. */
const struct xdplb_set_backend *set_backend(const struct balancer *balancer, __u32 service,
					    __u32 index);
const __be32 *set_snat(const struct balancer *balancer, __u32 service, __u32 index);

/* The state of its backends that take new flows: up, or backup while none is up. */
__u8 set_taking(const struct balancer *balancer, __u32 service);

/* Its slots, where they lie; all zero while there is no set. */
struct marks set_marks(const struct balancer *balancer, __u32 service);

/*
 * Writes the set that is wanted (completely: nothing is left as it is), ids[i]
 * being the id of backend i, and puts it in force; the one before is free when
 * it returns. The set in force stays, with its count, when it says the same
 * already. 0 or a negative errno after an error line; nothing has changed then,
 * but where the wait for running programs failed.
 */
int set_publish(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		const __u32 *ids);

/* The configuration that is in force; wanted_free() it. */
int set_read(const struct balancer *balancer, __u32 service, struct wanted_service *wanted);

#endif
