/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_COLLECT_H
#define XDPLB_COLLECT_H

#include "balancer.h"

/*
 * Frees what nothing leads to any more: backends that are in no set and have no
 * flow left, removed services without such backends, pools of neither; also
 * what a command that was killed left behind. The caller holds the lock. 0 or a
 * negative errno after an error line.
 */
int balancer_collect(struct balancer *balancer);

#endif
