/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A balancer's pins while its flow table changes its size. They change so that whoever
 * is killed between two of them has left those of one table, or of both.
 */
#ifndef XDPLB_RESIZE_PINS_H
#define XDPLB_RESIZE_PINS_H

#include "balancer.h"

/* They say that there are two tables. All return 0, or a negative errno after an error line. */
int pins_two_tables(const struct balancer *balancer, const char *pins);

/* There is the new one alone, or again the old one. */
int pins_new_table(const char *pins);
int pins_old_table(const struct balancer *balancer, const char *pins);

#endif
