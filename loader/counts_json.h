/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters as JSON. Pure functions. */
#ifndef XDPLB_COUNTS_JSON_H
#define XDPLB_COUNTS_JSON_H

#include "counts.h"
#include "output.h"

/* All of it, as `xdplb-config -j stats` prints it; services and backends in the order they have. */
struct json_object *json_of_counts(const struct all_counts *all);

#endif
