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

#define PLAN_WAS_IN 1 /* it is in the set */
#define PLAN_WAS_TAKING 2 /* it takes new flows */

/* A service's change under way; the arrays have a place for each wanted backend. */
struct plan {
	struct wanted_service before; /* what is in force */
	__u8 *was; /* by backend id: PLAN_WAS_* in the set in force; of all plans together */
	__u32 *ids; /* 0: it is to be made */
	bool *stays; /* it was in the set before */
	__u32 *pools; /* which port pools new flows shall use */
	struct next_hop *ways;
};

/*
 * `known` is the service's id, 0: it is new; `was` has XDPLB_BACKENDS places. 0, or
 * a negative errno after an error line.
 */
int plan_new(const struct balancer *balancer, __u32 known, int backends, __u8 *was,
	     struct plan *plan);
void plan_free(struct plan *plan);

/* Finds the entries that there are. 0, or a negative errno after an error line. */
int backends_find(const struct balancer *balancer, __u32 service,
		  const struct wanted_service *wanted, struct plan *plan);

/* Backends, or what their method needs, are yet to be made. */
bool plan_makes(const struct plan *plan, const struct wanted_service *wanted);

/*
 * Makes the entries that there are not, and what the method needs, beside what
 * is in force. 0, or a negative errno after an error line.
 */
int backends_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     struct plan *plan);

/*
 * Before the set is put in force: what backends that had nothing lack for their
 * first packet, and who begins slowly.
 */
void backends_open(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		   const struct plan *plan);

/* After that: flags, timeouts, MACs; takes those that stay out of `was`. */
void backends_finish(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     const struct plan *plan);

/*
 * The same where nothing but states and weights of backends that are in the set
 * changes, ids[i] being the id of backend i: before, took[i] saying that it took
 * new flows so far; and after that, or when it came to nothing.
 */
void backends_raise(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		    const __u32 *ids, const bool *took);
void backends_settle(struct balancer *balancer, __u32 service);

/* Those that are in no set any more take no new flows. */
void backends_close(struct balancer *balancer, const __u8 *was);

/* A free entry becomes a backend. 0, or a negative errno after an error line. */
int backend_new(struct balancer *balancer, __u32 id, __u32 service,
		const struct wanted_backend *wanted);

/*
 * Adds what the program has counted for a backend to its service's totals, for
 * good, and has it count from 0 again. 0, or a negative errno after an error line.
 */
int backend_counts_retire(struct balancer *balancer, __u32 id);

/* How long a backend's flows are remembered, from a service's timeouts; zeros: not at all. */
void backend_timeouts_set(struct xdplb_backend *backend, const __u16 timeout[XDPLB_TIMEOUTS]);

#endif
