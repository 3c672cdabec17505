/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * While the flow table changes its size, programs know two: xdplb_flows, the new
 * one, and xdplb_old. What user space writes into the program before it is loaded
 * says so; of any other the verifier takes all this out.
 *
 * 1. One after the other, such programs take the place of those that know the old
 *    table alone, and use nothing else themselves: XDPLB_RESIZE_OLD.
 * 2. When there is no other any more, they look in both: XDPLB_RESIZE_BOTH.
 * 3. When each does, new flows go to the new table: XDPLB_RESIZE_NEW. When no
 *    packet is on its way that would put one into the old, the flows there are
 *    carried over, see carry.h. A flow's key is in one of the tables all the while.
 * 4. When the old one is empty, programs that know the new one alone follow.
 *
 * So whatever is attached at any moment agrees about where flows are, also when
 * user space is killed there.
 */
#ifndef XDPLB_RESIZE_H
#define XDPLB_RESIZE_H

#include "packet.h"

/* Masks of bucket indices; 0: the program knows one table. */
struct resize {
	__u32 mask;
	__u32 old_mask;
};

const volatile struct resize resize SEC(".rodata.resize") = {};

#define OLD_BUCKET (1U << 28) /* in a bucket's index: it is one of xdplb_old */

_Static_assert(XDPLB_FLOWS_MAX / XDPLB_WAYS <= OLD_BUCKET, "indices leave the bit");
_Static_assert((__u64)OLD_BUCKET * 2 * XDPLB_WAYS - 1 <= 0x7fffffff, "a flow's index is an int");

static __always_inline bool has_two_tables(void)
{
	return resize.mask != 0;
}

/* enum xdplb_resize_stage, of a program with two tables. */
static __always_inline __u32 resize_stage(void)
{
	__u32 only = 0;
	const struct xdplb_resize *how = bpf_map_lookup_elem(&xdplb_resize, &only);

	return how ? READ_ONCE(how->stage) : XDPLB_RESIZE_OLD;
}

static __always_inline struct xdplb_flow_bucket *new_bucket(__u32 index)
{
	return bpf_map_lookup_elem(&xdplb_flows, &index);
}

static __always_inline struct xdplb_flow_bucket *old_bucket(__u32 index)
{
	index &= ~OLD_BUCKET;
	return bpf_map_lookup_elem(&xdplb_old, &index);
}

/* Of the table that the index says. */
static __always_inline struct xdplb_flow_bucket *bucket_at(__u32 index)
{
	if (has_two_tables() && index & OLD_BUCKET)
		return old_bucket(index);
	return new_bucket(index);
}

/* The two buckets of a key, of the table that is the only one, or the new one. */
static __always_inline void flow_buckets(const struct xdplb_config *config, __u64 key, __u32 at[2])
{
	xdplb_flow_buckets(xdplb_hash(config->seed, key),
			   has_two_tables() ? resize.mask : config->flow_mask, at);
}

/* Its two buckets in the old table. */
static __always_inline void old_buckets(const struct xdplb_config *config, __u64 key, __u32 at[2])
{
	xdplb_flow_buckets(xdplb_hash(config->seed, key), resize.old_mask, at);
	at[0] |= OLD_BUCKET;
	at[1] |= OLD_BUCKET;
}

/* Those in which it would be remembered. */
static __always_inline void room_buckets(const struct xdplb_config *config, __u64 key, __u32 at[2])
{
	if (has_two_tables() && resize_stage() != XDPLB_RESIZE_NEW)
		old_buckets(config, key, at);
	else
		flow_buckets(config, key, at);
}

#endif
