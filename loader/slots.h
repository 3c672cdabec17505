/* SPDX-License-Identifier: GPL-2.0-only */
/* Slot tables: which backend is whose turn, laid out ahead. Pure functions. */
#ifndef XDPLB_SLOTS_H
#define XDPLB_SLOTS_H

#include <linux/types.h>
#include <stdbool.h>

/* The longest sequence; longer ones are reduced, which costs exactness. */
#define SLOTS_MAX 262144

/* Slots of a hashed table that can be asked for, primes between these, both included. */
#define SLOTS_HASHED_MIN 251
#define SLOTS_HASHED_MAX 524287

struct slots {
	__u32 count;
	__u32 *slot; /* index of a weight, or backend, each; malloc()ed */
	double error; /* largest relative error of a weight, 0 unless reduced */
};

/*
 * The smooth weighted sequence of `n` weights (1 .. 65535): as long as the sum
 * of the weights over their greatest common divisor, each index as often as its
 * weight says, never a whole turn ahead of its share; 5:1:1 gives 0 0 1 0 2 0 0.
 * Returns 0 or -ENOMEM.
 */
int slots_weighted(const __u32 *weight, __u32 n, struct slots *slots);

/* What a hashed table knows a backend by. */
struct slots_backend {
	__be32 addr[4];
	__be16 port;
	__u16 weight; /* 1 .. 65535 */
};

/*
 * A table for hashes: `count` slots, not less than `n`, for `n` backends, none
 * twice. Shares are the weights' as close as whole slots allow (Webster's
 * method: each is its weight over one common divisor, rounded). Who owns a slot
 * depends on the seed, the backends and their weights, and not on the order
 * they are given in; few slots change between the others when one comes or
 * goes. As in Maglev (Eisenbud et al., "Maglev: A Fast and Reliable Software
 * Network Load Balancer", section 3.4) each takes what is free in an order of
 * its own; but what it finds taken costs it the turn, so that a slot is its who
 * comes there first with all others away too, which halves the slots that
 * change besides. With no backend there are no slots. Returns 0 or -ENOMEM.
 */
int slots_hashed(const __u64 seed[2], const struct slots_backend *backend, __u32 n, __u32 count,
		 struct slots *slots);

/*
 * How many slots a hashed table of these backends shall have, whatever their
 * order: enough for a share within 1% of each weight, or as many as are good
 * for one table.
 */
__u32 slots_hashed_count(const struct slots_backend *backend, __u32 n);

bool is_prime(__u32 number);
/* The prime nearest to a number (of two the smaller) that a hashed table can have. */
__u32 slots_prime_near(__u32 number);

#endif
