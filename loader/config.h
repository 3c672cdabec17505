/* SPDX-License-Identifier: GPL-2.0-only */
/* What a balancer begins with. */
#ifndef XDPLB_CONFIG_H
#define XDPLB_CONFIG_H

#include "balancer.h"

/* Makes a balancer that was never configured ready. 0, or a negative errno after an error line. */
int config_prepare(struct balancer *balancer);

#endif
