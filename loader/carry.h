/* SPDX-License-Identifier: GPL-2.0-only */
/* Carries flows from one flow table to another, by a program that the kernel runs. */
#ifndef XDPLB_CARRY_H
#define XDPLB_CARRY_H

#include "balancer.h"

#define PROGRAM_CARRY "xdplb_carry"

/*
 * Carries all flows of the old table to the new one, by the program `fd`. Those
 * that find no room in either of their buckets, among flows that go on, end:
 * *ended of them. 0, or a negative errno after an error line.
 */
int carry_flows(const struct balancer *balancer, int fd, __u32 *ended);

#endif
