/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters in the text format that Prometheus reads. Pure functions. */
#ifndef XDPLB_PROMETHEUS_H
#define XDPLB_PROMETHEUS_H

#include <stdio.h>

#include "counts.h"

/* The value of a label: \, " and the end of a line have a \ in front of them. */
void prometheus_label(FILE *out, const char *value);

/* All of it, each family once with its help and type before it. */
void prometheus_print(FILE *out, const struct all_counts *all);

#endif
