/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters as JSON. Pure functions. */
#ifndef XDPLB_COUNTS_JSON_H
#define XDPLB_COUNTS_JSON_H

#include "counts.h"
#include "fill.h"
#include "output.h"

/* All of it, as `xdplb-config -j stats` prints it; services and backends in the order they have. */
struct json_object *json_of_counts(const struct all_counts *all);
/* How full the balancer is, and how much fits, as `status` has it. */
void json_add_fill(struct json_object *object, const struct fill *fill);

#endif
