/* SPDX-License-Identifier: GPL-2.0-only */
/* What a balancer has counted, read in one look. */
#ifndef XDPLB_COUNTS_H
#define XDPLB_COUNTS_H

#include "balancer.h"
#include "fill.h"
#include "wanted.h"

struct counts {
	/* so far */
	__u64 packets;
	__u64 bytes;
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 new_flows;
	__u64 active; /* flows, now */
};

struct backend_counts {
	__be32 addr[4];
	__be16 port;
	__u16 weight; /* 0: a listener that registered itself, and is over */
	__u8 state; /* enum xdplb_backend_state */
	struct counts counts;
};

struct service_counts {
	__u32 id;
	struct service_address at;
	__u8 forward;
	struct counts counts; /* backends that are gone included */
	__u32 first; /* of its backends, in the array of all */
	__u32 backends;
};

struct all_counts {
	__u32 balancer; /* its id */
	double time; /* seconds of CLOCK_MONOTONIC */
	struct service_counts *service; /* malloc()ed, ids ascend */
	__u32 services;
	struct backend_counts *backend; /* malloc()ed */
	__u32 backends;
	__u64 *cpu; /* packets that each CPU has seen; malloc()ed */
	__u32 cpus;
	__u64 verdict[8]; /* by enum xdp_action */
	__u64 reason[XDPLB_REASONS];
	struct fill fill;
};

/*
 * Reads them, `only` of one service (its id; 0: all). The caller holds the lock.
 * 0, or a negative errno after an error line; counts_free() it in any case.
 */
int counts_read(const struct balancer *balancer, __u32 only, struct all_counts *all);
void counts_free(struct all_counts *all);

void counts_add(struct counts *total, const struct counts *counts);

/* A backend as it is named beside its service, into ADDRESS_TEXT bytes, which are returned. */
const char *counts_backend_text(const struct service_counts *service,
				const struct backend_counts *backend, char *text);

#endif
