/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carries flows from the table that shall go to the new one, see resize.h. No packet
 * comes here: user space has the kernel run it, so that it cannot be killed between
 * two steps, and gives it a struct carry_order.
 */
#ifndef XDPLB_CARRY_H
#define XDPLB_CARRY_H

#include "carry_order.h"
#include "clock.h"
#include "flow_room.h"

struct carry {
	struct xdplb_cpu *cpu;
	__u32 first; /* bucket */
	__u32 end; /* those that find no room end */
	__u32 count; /* of those that ended so, or else are still there */
};

/*
 * The moment in which the flow changes over, during which a packet that comes would
 * find it being written: no interrupt makes it longer, that is what the lock is for.
 */
static __always_inline bool entry_hand_over(struct xdplb_flow *source, __u64 value, __u64 left,
					    struct xdplb_flow *target, __u64 next)
{
	__u32 only = 0;
	struct xdplb_resize *how = bpf_map_lookup_elem(&xdplb_resize, &only);
	bool done;

	if (!how)
		return false;
	bpf_spin_lock(&how->lock);
	done = __sync_val_compare_and_swap(&source->value, value, left) == value;
	if (done)
		WRITE_ONCE(target->value, next);
	bpf_spin_unlock(&how->lock);
	return done;
}

/* An entry of the new table, taken, for a flow that goes on or, unproven, if there is one; -1:
 * none. */
static __always_inline int carry_room(const __u32 at[2], bool unproven)
{
	struct xdplb_flow *flow;
	__u64 busy;
	int index;

	if (!unproven)
		return room_take(at[0], at[1]);
	index = bucket_room(at[0]);
	if (index < 0)
		index = bucket_room(at[1]);
	flow = flow_at(index);
	return index >= 0 && flow && entry_take(flow, &busy) ? index : -1;
}

/* Carries the flow at `from`, an index of the old table: 0, or -1, it is still there. */
__noinline int flow_bring(__u32 from)
{
	const struct xdplb_config *config = config_get();
	struct xdplb_flow *source = flow_at(from), *target;
	__u64 value = source ? READ_ONCE(source->value) : 0, key, busy, left = busy_after(value);
	__u32 at[2];
	int to;

	if (!config || !source || !is_flow(value))
		return -1;
	key = READ_ONCE(source->key);
	flow_buckets(config, key, at);
	to = carry_room(at, flow_is_unproven(state_of(value)));
	target = flow_at(to);
	if (to < 0 || !target)
		return -1;
	busy = READ_ONCE(target->value);
	WRITE_ONCE(target->key, key);
	if (!entry_hand_over(source, value, left, target,
			     (value & ~XDPLB_FIELD_MASK(GENERATION)) |
				     (busy & XDPLB_FIELD_MASK(GENERATION)))) {
		entry_free(target, busy);
		return -1;
	}
	entry_free(source, left);
	return 0;
}

/* Carries or, where that shall be, ends what is at an entry that was read to be `value`. */
static __always_inline void carry_entry(struct carry *carry, __u32 index, __u64 value)
{
	if (state_of(value) == XDPLB_FLOW_FREE)
		return;
	if (is_flow(value) && is_expired(carry->cpu->now, value) &&
	    flow_expire(carry->cpu, index, value))
		return;
	if (!flow_bring(index))
		return;
	if (!carry->end)
		carry->count++;
	else if (is_flow(value) && !flow_remove(index, value))
		carry->count++;
}

static long carry_bucket(__u32 n, struct carry *carry)
{
	__u32 index = (carry->first + n) | OLD_BUCKET;
	struct xdplb_flow_bucket *bucket = bucket_at(index);

	for (__u32 i = 0; bucket && i < XDPLB_WAYS; i++)
		carry_entry(carry, index * XDPLB_WAYS + i, READ_ONCE(bucket->way[i].value));
	return 0;
}

static __always_inline int carry_all(struct xdp_md *ctx)
{
	struct carry carry = { .cpu = cpu_get() };
	const struct carry_order *order = packet_at(ctx, 0, sizeof(*order));

	if (!order || !carry.cpu || !has_two_tables())
		return -1;
	carry.first = order->first;
	carry.end = order->end;
	/* The clock, but not that it was read: the next packet's tick does all that belongs to one.
	 */
	carry.cpu->now = bpf_ktime_get_coarse_ns() / NSEC_PER_SEC;
	carry.cpu->moves_left = MOVES_MAX;
	bpf_loop(order->buckets, carry_bucket, &carry, 0);
	return carry.count;
}

#endif
