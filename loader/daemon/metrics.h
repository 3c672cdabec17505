/* SPDX-License-Identifier: GPL-2.0-only */
/* All that there is for Prometheus: the balancer's counters, and what the daemon knows. */
#ifndef XDPLBD_METRICS_H
#define XDPLBD_METRICS_H

#include <stdio.h>

#include "process.h"
#include "view.h"

void metrics_print(FILE *out, const struct view *view, const struct process *process);

#endif
