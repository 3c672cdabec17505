/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Room for a new flow: a free entry in one of its two buckets, or that of a
 * flow that is over, or that another has when it moves to its other bucket, or
 * that of a flow that never got past its first packet, the oldest first. An
 * established flow never gives way.
 */
#ifndef XDPLB_FLOW_ROOM_H
#define XDPLB_FLOW_ROOM_H

#include "flow_table.h"

/* Above any age, and above that of flows that are older than their entries. */
#define FLOW_YOUNG 0x10000
#define FLOW_OVER 0x20000

/*
 * How readily a flow's entry is given to a new flow: over, or by age, those
 * last that are adopted; 0 is never.
 */
__noinline int flow_rank(__u64 value)
{
	const struct xdplb_cpu *cpu = cpu_get();
	__u32 state = state_of(value);

	if (!cpu || !is_flow(value))
		return 0;
	if (flow_is_over(state))
		return FLOW_OVER;
	if (flow_is_unproven(state))
		return 1 + flow_age(cpu->now, XDPLB_FIELD(value, SEEN)) +
		       (state == XDPLB_FLOW_ADOPTED ? 0 : FLOW_YOUNG);
	return is_expired(cpu->now, value) ? FLOW_OVER : 0;
}

/* Which entries of a bucket are free, a bit each. */
static __always_inline __u32 bucket_free(__u32 index)
{
	struct xdplb_flow_bucket *bucket = bucket_at(index);
	__u32 free = 0;

	if (!bucket)
		return 0;
	for (int i = 0; i < XDPLB_WAYS; i++)
		free |= is_zero(state_of(READ_ONCE(bucket->way[i].value))) << i;
	return free;
}

/* A free entry of a bucket, -1: there is none. */
__noinline int bucket_room(__u32 index)
{
	__u32 free = bucket_free(index);

	return free ? (int)(index * XDPLB_WAYS + lowest_of_four(free)) : -1;
}

/* Takes a free entry, whose value is then `*busy`. */
static __always_inline bool entry_take(struct xdplb_flow *flow, __u64 *busy)
{
	__u64 value = READ_ONCE(flow->value);

	*busy = busy_after(value);
	return state_of(value) == XDPLB_FLOW_FREE &&
	       __sync_val_compare_and_swap(&flow->value, value, *busy) == value;
}

static __always_inline void entry_free(struct xdplb_flow *flow, __u64 busy)
{
	WRITE_ONCE(flow->key, 0);
	WRITE_ONCE(flow->value, with_state(busy, XDPLB_FLOW_FREE));
}

/*
 * Moves the flow at `from`, if it is still that of `key`, to the free entry
 * `to`. Its key is in either place all the while, so that a packet that comes
 * now finds that it is being written, and not that it is unknown. 0, or -1 when
 * something of it changed.
 */
__noinline int flow_carry(__u32 from, __u32 to, __u64 key)
{
	struct xdplb_flow *source = flow_at(from), *target = flow_at(to);
	__u64 value = source ? READ_ONCE(source->value) : 0, busy, left = busy_after(value);

	if (!source || !target || !is_flow(value) || READ_ONCE(source->key) != key ||
	    !entry_take(target, &busy))
		return -1;
	WRITE_ONCE(target->key, key);
	if (__sync_val_compare_and_swap(&source->value, value, left) != value) {
		entry_free(target, busy);
		return -1;
	}
	WRITE_ONCE(target->value,
		   (value & ~XDPLB_FIELD_MASK(GENERATION)) | (busy & XDPLB_FIELD_MASK(GENERATION)));
	entry_free(source, left);
	return 0;
}

/* The two buckets of a key in the table that this bucket is of. */
static __always_inline void same_buckets(const struct xdplb_config *config, __u32 bucket, __u64 key,
					 __u32 at[2])
{
	if (has_two_tables() && bucket & OLD_BUCKET)
		old_buckets(config, key, at);
	else
		flow_buckets(config, key, at);
}

/* Makes room by moving a flow of two full buckets to its other bucket: the index, or -1. */
__noinline int flow_displace(__u32 first, __u32 second)
{
	const struct xdplb_config *config = config_get();
	struct xdplb_cpu *cpu = cpu_get();

	if (!config || !cpu || !cpu->moves_left)
		return -1;
	cpu->moves_left--;
	for (__u32 i = 0; i < 2 * XDPLB_WAYS; i++) {
		__u32 bucket = i < XDPLB_WAYS ? first : second, from, at[2];
		const struct xdplb_flow *flow;
		__u64 key;
		int to;

		from = bucket * XDPLB_WAYS + i % XDPLB_WAYS;
		flow = flow_at(from);
		if (!flow)
			return -1;
		key = READ_ONCE(flow->key);
		same_buckets(config, bucket, key, at);
		to = bucket_room(at[0] == bucket ? at[1] : at[0]);
		if (to >= 0)
			return flow_carry(from, to, key) ? -1 : (int)from;
	}
	return -1;
}

/*
 * Makes room in two full buckets: by ending a flow that is over, by moving one,
 * or by ending the oldest that never got past its first packet. Returns the
 * index of an entry, now free, or -1.
 */
__noinline int flow_make_room(__u32 first, __u32 second)
{
	struct xdplb_cpu *cpu = cpu_get();
	int victim = -1, index, rank = 0;
	__u64 value, victim_value = 0;
	__u32 turn;

	if (!cpu)
		return -1;
	turn = cpu->turn++; /* of those of one age not always the first, who is the newest */
	for (__u32 i = 0; i < 2 * XDPLB_WAYS; i++) {
		__u32 way = i + turn;
		__u32 at = (way & XDPLB_WAYS ? first : second) * XDPLB_WAYS + way % XDPLB_WAYS;
		const struct xdplb_flow *flow = flow_at(at);
		int ready;

		value = flow ? READ_ONCE(flow->value) : 0;
		ready = flow_rank(value);
		if (ready <= rank)
			continue;
		rank = ready;
		victim_value = value;
		victim = at;
	}
	if (rank < FLOW_OVER) {
		index = flow_displace(first, second);
		if (index >= 0)
			return index;
	}
	if (victim < 0 || flow_remove(victim, victim_value))
		return -1;
	((struct work *)cpu->work)->crowded = rank < FLOW_OVER;
	cpu->reason[rank < FLOW_OVER ? XDPLB_FLOW_EVICTED : XDPLB_FLOW_EXPIRED]++;
	return victim;
}

/*
 * A free entry in one of two buckets, -1: eight flows lie there that go on. The
 * second is taken only where the first is full, so that most flows are found
 * at the first look; what that costs in room, displacing gives back.
 */
static __always_inline int flow_room(__u32 first, __u32 second)
{
	int index = bucket_room(first);

	if (index < 0)
		index = bucket_room(second);
	return index < 0 ? flow_make_room(first, second) : index;
}

/* How many entries of the bucket hold the key, or are about to. */
static __always_inline __u32 bucket_holds(const struct xdplb_flow_bucket *bucket, __u64 key)
{
	__u32 holders = 0;

	if (!bucket)
		return 0;
	for (int i = 0; i < XDPLB_WAYS; i++)
		holders += is_zero(READ_ONCE(bucket->way[i].key) ^ key);
	return holders;
}

/* How many entries hold the key: one, or another CPU is remembering the same flow. */
static __always_inline __u32 key_holds(const struct xdplb_config *config, __u64 key)
{
	__u32 at[2], holders;

	flow_buckets(config, key, at);
	holders = bucket_holds(new_bucket(at[0]), key) + bucket_holds(new_bucket(at[1]), key);
	if (has_two_tables()) {
		old_buckets(config, key, at);
		holders +=
			bucket_holds(old_bucket(at[0]), key) + bucket_holds(old_bucket(at[1]), key);
	}
	return holders;
}

/* Gives back an entry that flow_reserve() took. */
static __always_inline void flow_cancel(struct packet *p)
{
	entry_free(p->flow, p->value);
}

#define ROOM_TRIES 4

enum room {
	ROOM_TAKEN,
	ROOM_NONE, /* eight flows that go on lie where this one must */
	ROOM_RACE, /* another CPU is just remembering the same flow, or took all room found */
};

/* Finds room and takes it: the index of the entry, -1: there is none, -2: others were quicker. */
__noinline int room_take(__u32 first, __u32 second)
{
	__u64 busy;

	for (int i = 0; i < ROOM_TRIES; i++) {
		int index = flow_room(first, second);
		struct xdplb_flow *flow = flow_at(index);

		if (index < 0 || !flow)
			return -1;
		if (entry_take(flow, &busy))
			return index;
	}
	return -2;
}

/*
 * Takes an entry for a new flow. It stays BUSY until flow_publish() or
 * flow_cancel().
 */
static __always_inline enum room flow_reserve(struct packet *p, __u64 key)
{
	__u32 at[2];
	int index;

	p->work->crowded = false;
	room_buckets(p->config, key, at);
	index = room_take(at[0], at[1]);
	p->flow_index = index;
	p->flow = flow_at(p->flow_index);
	if (index < 0 || !p->flow)
		return index < -1 ? ROOM_RACE : ROOM_NONE;
	p->value = READ_ONCE(p->flow->value); /* nobody else changes it now */
	/* An exchange, because it orders this store before the reads that follow:
	 * of two CPUs with the same new flow at least one sees the other.
	 */
	__sync_lock_test_and_set(&p->flow->key, key);
	if (key_holds(p->config, key) == 1)
		return ROOM_TAKEN;
	flow_cancel(p);
	return ROOM_RACE;
}

/*
 * Makes a reserved entry a flow in this state (enum xdplb_flow_state); `port` is
 * nat's, or the method.
 */
static __always_inline void flow_publish(struct packet *p, __u32 state, __u32 backend, __u32 snat,
					 __u32 port)
{
	p->value = (p->value & XDPLB_FIELD_MASK(GENERATION)) | XDPLB_FIELD_OF(BACKEND, backend) |
		   XDPLB_FIELD_OF(SNAT, snat) | XDPLB_FIELD_OF(PORT, port) |
		   XDPLB_FIELD_OF(STATE, state) | XDPLB_FIELD_OF(SEEN, p->cpu->now);
	count_flows(backend, ONE_ENTRY + flow_is_active(state));
	barrier();
	WRITE_ONCE(p->flow->value, p->value);
}

#endif
