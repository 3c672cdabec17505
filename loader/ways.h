/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways to a service's backends, before traffic is sent on them. */
#ifndef XDPLB_WAYS_H
#define XDPLB_WAYS_H

#include "balancer.h"
#include "route.h"
#include "wanted.h"

/*
 * The next hop of each backend; `way` has room for all. 0, or a negative errno
 * after an error line about the backend that cannot be reached.
 */
int ways_find(const struct wanted_service *wanted, struct next_hop *way);

/*
 * Has the kernel resolve the next hops of backends that were not there before
 * (`stays` says of whom). ways_wait() then waits a moment for those it had never
 * heard of.
 */
struct asked {
	struct neighbour *neighbour;
	__u32 count;
};

void ways_ask(const struct wanted_service *wanted, const struct next_hop *way, const bool *stays,
	      struct asked *asked);

/* At most *steps, which are taken off it; of all services together a second is enough. */
#define WAYS_STEPS 100 /* a second */
void ways_wait(struct asked *asked, int *steps);

/*
 * Has the kernel keep all next hops' MACs known, which costs nothing where it
 * does already. Warns about those that do not answer.
 */
void ways_keep(const struct wanted_service *wanted, const struct next_hop *way, int *steps);

#endif
