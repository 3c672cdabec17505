/* SPDX-License-Identifier: GPL-2.0-only */
/* Slot tables: which backend is whose turn, laid out ahead. Pure functions. */
#ifndef XDPLB_SLOTS_H
#define XDPLB_SLOTS_H

#include <linux/types.h>

/* The longest sequence; longer ones are reduced, which costs exactness. */
#define SLOTS_MAX 262144

struct slots {
	__u32 count;
	__u32 *slot; /* index of a weight each; malloc()ed */
	double error; /* largest relative error of a weight, 0 unless reduced */
};

/*
 * The smooth weighted sequence of `n` weights (1 .. 65535): as long as the sum
 * of the weights over their greatest common divisor, each index as often as its
 * weight says, never a whole turn ahead of its share; 5:1:1 gives 0 0 1 0 2 0 0.
 * Returns 0 or -ENOMEM.
 */
int slots_weighted(const __u32 *weight, __u32 n, struct slots *slots);

#endif
