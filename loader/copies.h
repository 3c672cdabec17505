/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program that is attached, loaded once more over maps of its own, into which
 * what a packet may meet is copied from the balancer's: so it can be run, and do
 * all that it does, and nothing of the balancer's changes.
 *
 * Most tables are copied whole. The flow table, of which most of the memory is, is
 * a sparse one with the buckets that this packet can come to; so are the counters
 * of backends, which each CPU has.
 */
#ifndef XDPLB_COPIES_H
#define XDPLB_COPIES_H

#include "../xdp/work.h"
#include "balancer.h"
#include "chain.h"
#include "frame.h"

struct bpf_object;

struct copies {
	const struct balancer *live;
	const struct chain_program *at; /* where the packet comes in */
	struct bpf_object *object;
	int program; /* descriptor */
	struct balancer copy; /* the tables, as of any balancer; its lock is not held */
};

/* What became of a packet. */
struct outcome {
	__u32 verdict; /* enum xdp_action */
	struct frame frame; /* as the program left it */
	struct work work;
	__u64 reason[XDPLB_REASONS]; /* that it counted */
};

/*
 * Loads the program; it must be the same as the one that is attached. All below
 * return 0, or a negative errno after an error line; copies_close() in any case.
 */
int copies_open(struct copies *copies, const struct balancer *live, const struct chain_program *at);
void copies_close(struct copies *copies);

/*
 * Runs a packet through the program while it knows of no service: what it reads
 * in the packet, before anything is copied.
 */
int copies_parse(struct copies *copies, const struct frame *frame, struct work *parsed);

/* Copies what a packet with these headers can meet. The caller holds the lock. */
int copies_fill(struct copies *copies, const struct work *parsed);

int copies_run(struct copies *copies, const struct frame *frame, struct outcome *outcome);

/* The value of the flow under this key in the copied table, 0: none. */
__u64 copies_flow(const struct copies *copies, __u64 key);

/* What the program has counted for a backend, and the way to it; false: nothing is known. */
bool copies_hop(const struct copies *copies, __u32 backend, struct xdplb_backend_cpu *hop);

#endif
