/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether packets were treated as they should be: a program that fails is quick. */
#ifndef XDPLB_BENCH_CHECK_H
#define XDPLB_BENCH_CHECK_H

#include <stdbool.h>

#include "generator.h"
#include "maps.h"
#include "rows.h"

/* What a run should have done. */
struct expected {
	const char *name;
	const struct maps *maps; /* NULL: nothing is counted */
	__u64 packets;
	__u32 verdict;
	__u32 size;
	enum counted counted;
	enum xdplb_reason reason;
	bool out; /* it leaves: no verdict is counted */
	bool opens; /* each packet opened a flow that is remembered */
	bool both; /* CPUs: they may get in each other's way, once in a thousand packets */
	bool builds; /* each packet had a selection made */
};

struct counts {
	struct xdplb_cpu cpu;
	struct xdplb_backend_cpu backends;
	__u64 entries;
	__u64 selections;
};

/* The counts before a run. */
void counts_read(const struct expected *expected, struct counts *counts);

/* All packets had the verdict, and none was dropped, passed or answered for another reason. */
void counts_check(const struct expected *expected, const struct counts *before);

/* So did the last one. */
void outcome_check(const struct expected *expected, const struct outcome *outcome);

#endif
