/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_APPLY_H
#define XDPLB_APPLY_H

#include "balancer.h"
#include "configuration.h"

/*
 * Makes the balancer this, and nothing else; states and weights that xdplbd has
 * changed stay so while it runs, where the file does not say otherwise than
 * before. The caller holds the lock. 0, or a negative errno after an error line:
 * nothing has changed.
 */
int configuration_apply(struct balancer *balancer, struct configuration *configuration);

/*
 * Says what that would refuse before anything is made, and changes nothing; only the
 * room for it shows as it is made. Likewise.
 */
int configuration_check(struct balancer *balancer, struct configuration *configuration);

#endif
