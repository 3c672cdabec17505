/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * States and weights of backends that are there, and nothing else: what checks
 * change. It asks the kernel for no route and waits for no neighbour, so that it
 * works with the network gone, and in a moment.
 */
#ifndef XDPLB_STATES_H
#define XDPLB_STATES_H

#include "balancer.h"
#include "wanted.h"

/*
 * Puts these services in force, all at once. Each is as set_read() gave it while
 * the caller has held the lock, but for its backends' state, weight and what the
 * operator wants. 0, or a negative errno after an error line: nothing has changed.
 */
int states_change(struct balancer *balancer, struct wanted_service *const *wanted, int services);

#endif
