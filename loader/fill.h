/* SPDX-License-Identifier: GPL-2.0-only */
/* How full a balancer's tables are. */
#ifndef XDPLB_FILL_H
#define XDPLB_FILL_H

#include "flows.h"

struct fill {
	__u32 services;
	__u32 backends;
	__u64 flows; /* and clients that affinity remembers */
	__u32 room; /* for these */
};

void fill_count(const struct balancer *balancer, const struct flow_counts *flows,
		struct fill *fill);

#endif
