/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table as user space reads it, beside the program that writes it.
 * Pure functions of the tables.
 */
#ifndef XDPLB_FLOWS_H
#define XDPLB_FLOWS_H

#include <linux/types.h>
#include <stdbool.h>

#include "balancer.h"

struct flow_table {
	const struct xdplb_flow_bucket *bucket;
	__u32 buckets;
	const struct xdplb_flow_bucket *old; /* the table that shall go, while the size changes */
	__u32 old_buckets; /* 0: there is none */
	const struct xdplb_backend *backend; /* XDPLB_BACKENDS records */
	__u32 now; /* clock_seconds() */
};

/* An entry that was not being written when it was read. */
struct flow {
	__u64 key;
	__u64 value;
	__u32 backend; /* id, below XDPLB_BACKENDS */
	__u32 idle; /* seconds since its last packet */
	__u8 state; /* enum xdplb_flow_state, a flow's or a client's */
	bool expired; /* the program has not met it since */
};

typedef void flow_function(const struct flow *flow, void *context);

/* The balancer's, now. */
struct flow_table flow_table_of(const struct balancer *balancer);

/* Shows each entry, expired ones too; one that is being carried to the new table perhaps twice. */
void flows_scan(const struct flow_table *table, flow_function *each, void *context);

/* The second that the program's clock, CLOCK_MONOTONIC_COARSE, shows. */
__u32 clock_seconds(void);

/* How the packets of a flow get to their backend (enum xdplb_forward). */
__u8 flow_method(const struct flow *flow);
bool flow_is_client(const struct flow *flow);

struct flow_counts {
	__u64 entries; /* unexpired, clients' included */
	__u32 active[XDPLB_BACKENDS]; /* unexpired active flows, by backend id */
	__u32 gone[XDPLB_BACKENDS]; /* expired ones, which the program still counts as active */
};

void flows_count(const struct flow_table *table, struct flow_counts *counts);

#endif
