/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_MACHINE_H
#define XDPLB_MACHINE_H

#include "balancer.h"

/*
 * Fits balancer and machine to each other: its interfaces and which need a
 * redirect where others take XDP_TX, and routes for interfaces that do not forward. Warns
 * about what it cannot do. The caller holds the lock.
 */
void machine_prepare(struct balancer *balancer);

#endif
