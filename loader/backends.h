/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The entries of a service's backends while the service changes. The caller
 * holds the lock.
 */
#ifndef XDPLB_BACKENDS_H
#define XDPLB_BACKENDS_H

#include "balancer.h"
#include "route.h"
#include "wanted.h"

/* A change under way; the arrays have a place for each wanted backend. */
struct plan {
	struct wanted_service before; /* what is in force */
	__u32 *ids;
	__u32 *pools; /* which port pools new flows shall use */
	struct next_hop *ways;
};

/* `known` is the service's id, 0: it is new. 0, or a negative errno after an error line. */
int plan_new(const struct balancer *balancer, __u32 known, int backends, struct plan *plan);
void plan_free(struct plan *plan);

/*
 * Finds or makes the entries of all wanted backends, with what their method
 * needs, beside what is in force. 0, or a negative errno after an error line.
 */
int backends_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     struct plan *plan);

/* Before the set is put in force: what backends that had nothing lack for their first packet. */
void backends_open(struct balancer *balancer, const struct wanted_service *wanted,
		   const struct plan *plan);

/* After that: flags, MACs, and what takes something away. */
void backends_finish(struct balancer *balancer, const struct wanted_service *wanted,
		     const struct plan *plan);

#endif
