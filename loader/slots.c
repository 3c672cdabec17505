// SPDX-License-Identifier: GPL-2.0-only
#include "slots.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static __u32 gcd(__u32 a, __u32 b)
{
	while (b) {
		__u32 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Divides the weights so that their sum is at most SLOTS_MAX; returns the sum. */
static __u32 reduce(const __u32 *weight, __u32 n, __u32 *reduced, double *error)
{
	__u64 sum = 0;
	__u32 divisor = 0, total = 0;
	double scale;

	for (__u32 i = 0; i < n; i++) {
		sum += weight[i];
		divisor = gcd(weight[i], divisor);
	}
	*error = 0;
	scale = divisor && sum / divisor > SLOTS_MAX ? (double)(SLOTS_MAX - n) / sum : 0;
	for (__u32 i = 0; i < n; i++) {
		reduced[i] =
			scale > 0 ? lround(weight[i] * scale) : weight[i] / (divisor ? divisor : 1);
		if (!reduced[i])
			reduced[i] = 1;
		total += reduced[i];
	}
	for (__u32 i = 0; scale > 0 && i < n; i++) {
		double share = (double)reduced[i] / total * sum / weight[i];

		*error = fmax(*error, fabs(share - 1));
	}
	return total;
}

/*
 * Each step everyone gains its weight; the one with most (the first of them)
 * has the turn and pays the sum. After sum steps all are back at zero.
 */
int slots_weighted(const __u32 *weight, __u32 n, struct slots *slots)
{
	__u32 *reduced = calloc(n + 1, sizeof(*reduced));
	__s64 *gained = calloc(n + 1, sizeof(*gained));
	int err = -ENOMEM;

	memset(slots, 0, sizeof(*slots));
	if (!reduced || !gained)
		goto out;
	slots->count = reduce(weight, n, reduced, &slots->error);
	slots->slot = calloc(slots->count + 1, sizeof(*slots->slot));
	if (!slots->slot)
		goto out;
	for (__u32 s = 0; s < slots->count; s++) {
		__u32 best = 0;

		for (__u32 i = 0; i < n; i++) {
			gained[i] += reduced[i];
			if (gained[i] > gained[best])
				best = i;
		}
		gained[best] -= slots->count;
		slots->slot[s] = best;
	}
	err = 0;
out:
	free(reduced);
	free(gained);
	return err;
}
