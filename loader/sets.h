/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backend sets: written aside, then put in force by one store, those of all
 * services that change together. The caller holds the lock.
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

/* What shall come into force; until it does, all is as it was. */
struct staging {
	struct balancer *balancer;
	bool *used; /* by line: of sets in force, and of staged ones */
	__u32 from; /* where lines are looked for first */
};

/* 0, or a negative errno after an error line; staging_free() it in any case. */
int staging_begin(struct balancer *balancer, struct staging *staging);
void staging_free(struct staging *staging);

/*
 * Writes the set that is wanted (completely: nothing is left as it is), ids[i]
 * being the id of backend i. The set in force stays, with its count, when it says
 * the same already. *second is when it was laid out. 0, or a negative errno after
 * an error line.
 */
int set_stage(struct staging *staging, __u32 service, const struct wanted_service *wanted,
	      const __u32 *ids, __u32 *second);

/* A window has closed since that second, so that the set must be staged again. */
bool set_is_outdated(const struct balancer *balancer, __u32 service, __u32 second);

/* The service shall not be in force. */
void set_unstage(struct staging *staging, __u32 service);

/*
 * Puts all that is staged in force, at once. Returns when no packet is under way
 * by what was before: 0, or a negative errno after an error line.
 */
int staging_commit(struct staging *staging);

/* The configuration that is in force; wanted_free() it. */
int set_read(const struct balancer *balancer, __u32 service, struct wanted_service *wanted);

#endif
