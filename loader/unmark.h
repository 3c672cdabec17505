/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_UNMARK_H
#define XDPLB_UNMARK_H

#include "balancer.h"

/*
 * Takes away marks that are of no use any more, so that slots decide again
 * without a look at the flow table: of slots whose window has closed and of
 * whose remembered flows none belongs to another than its owner. The caller
 * holds the lock. What fails is no error: too many marks cost time and no flow.
 */
void marks_settle(struct balancer *balancer);

#endif
