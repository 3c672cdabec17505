/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters in the text format that Prometheus reads. Pure functions. */
#ifndef XDPLB_PROMETHEUS_H
#define XDPLB_PROMETHEUS_H

#include <stdio.h>

#include "counts.h"

/* The lines before a family's samples; its name goes without the xdplb_ that it begins with. */
void prometheus_head(FILE *out, const char *name, const char *type, const char *help);

/*
 * A sample's name and the labels that say which service, and which backend unless that is NULL;
 * what follows is a label more or the brace, and the value.
 */
void prometheus_which(FILE *out, const char *name, const struct service_counts *service,
		      const struct backend_counts *backend);

/* A label, with `before` in front: { or a comma. */
void prometheus_pair(FILE *out, const char *before, const char *name, const char *value);

/* A family of one sample, which is a whole number. */
void prometheus_gauge(FILE *out, const char *name, const char *help, __u64 value);

/* The value of a label: \, " and the end of a line have a \ in front of them. */
void prometheus_label(FILE *out, const char *value);

/* All of it, each family once with its help and type before it. */
void prometheus_print(FILE *out, const struct all_counts *all);

#endif
