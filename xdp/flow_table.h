/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembered flows: 16 bytes each, four to a cache line, each in one of two
 * lines.
 *
 * A flow is its value. Every change of an entry's value is one compare and
 * swap, so exactly one CPU makes it. BUSY belongs to the CPU that set it; the
 * generation moves on with it. So a reader that finds the same backend, port
 * and generation before and after it read the key has read one flow, and
 * anything else is a miss.
 */
#ifndef XDPLB_FLOW_TABLE_H
#define XDPLB_FLOW_TABLE_H

#include "flow_state.h"
#include "nat_record.h"

#define FLOW_IDENTITY                                                                  \
	(XDPLB_FIELD_MASK(BACKEND) | XDPLB_FIELD_MASK(PORT) | XDPLB_FIELD_MASK(SNAT) | \
	 XDPLB_FIELD_MASK(GENERATION))

static __always_inline __u32 state_of(__u64 value)
{
	return XDPLB_FIELD(value, STATE);
}

static __always_inline __u64 with_state(__u64 value, __u32 state)
{
	return (value & ~XDPLB_FIELD_MASK(STATE)) | XDPLB_FIELD_OF(STATE, state);
}

static __always_inline bool is_flow(__u64 value)
{
	return state_of(value) > XDPLB_FLOW_BUSY;
}

/* What an entry says while it is being written after it said `value`. */
static __always_inline __u64 busy_after(__u64 value)
{
	__u64 generation = XDPLB_FIELD(value, GENERATION) + 1;

	return XDPLB_FIELD_OF(GENERATION, generation) | XDPLB_FIELD_OF(STATE, XDPLB_FLOW_BUSY);
}

static __always_inline bool is_expired(const struct xdplb_config *config, __u32 now, __u64 value)
{
	__u32 state = state_of(value);

	return state < XDPLB_FLOW_STATES &&
	       flow_age(now, XDPLB_FIELD(value, SEEN)) > config->timeout[state];
}

static __always_inline struct xdplb_flow *flow_at(__u32 index)
{
	__u32 bucket_index = index / XDPLB_WAYS;
	struct xdplb_flow_bucket *bucket = bpf_map_lookup_elem(&xdplb_flows, &bucket_index);

	return bucket ? &bucket->way[index % XDPLB_WAYS] : NULL;
}

static __always_inline struct xdplb_backend *backend_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_backends, &id);
}

static __always_inline struct xdplb_backend_cpu *backend_cpu_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_back_cpu, &id);
}

static __always_inline void count_active(__u32 backend, int change)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(backend);

	if (cpu)
		cpu->active += change;
}

/* Gives back what a flow holds besides its entry. */
static __always_inline void flow_release(__u64 value)
{
	struct xdplb_backend *backend = backend_of(XDPLB_FIELD(value, BACKEND));
	__u32 pool = backend ? backend->pool[XDPLB_FIELD(value, SNAT)] : 0;
	__u32 port = XDPLB_FIELD(value, PORT);
	struct xdplb_nat_record *record;

	if (!pool)
		return;
	record = record_at(pool, port);
	if (record)
		record_clear(record);
	port_free(pool, port);
}

/*
 * Ends the flow at `index`, if it is still the one that `value` was read of.
 * Not inline, and not static: so the verifier looks at it once.
 */
__noinline int flow_remove(__u32 index, __u64 value)
{
	struct xdplb_flow *flow = flow_at(index);
	struct xdplb_backend_cpu *cpu = backend_cpu_of(XDPLB_FIELD(value, BACKEND));
	__u64 busy = busy_after(value);

	if (!flow || __sync_val_compare_and_swap(&flow->value, value, busy) != value)
		return -1;
	flow_release(value);
	if (cpu) {
		cpu->active -= flow_is_active(state_of(value));
		cpu->entries--;
	}
	WRITE_ONCE(flow->key, 0);
	WRITE_ONCE(flow->value, with_state(busy, XDPLB_FLOW_FREE));
	return 0;
}

/* Finds `key` in a bucket: sets p->flow and p->value. */
static __always_inline bool bucket_search(struct packet *p, __u32 index, __u64 key)
{
	struct xdplb_flow_bucket *bucket = bpf_map_lookup_elem(&xdplb_flows, &index);

	if (!bucket)
		return false;
	for (int i = 0; i < XDPLB_WAYS; i++) {
		struct xdplb_flow *flow = &bucket->way[i];
		__u64 value = READ_ONCE(flow->value);

		if (READ_ONCE(flow->key) != key || !is_flow(value) ||
		    (READ_ONCE(flow->value) ^ value) & FLOW_IDENTITY)
			continue;
		p->flow = flow;
		p->value = value;
		p->flow_index = index * XDPLB_WAYS + i;
		return true;
	}
	return false;
}

/* Finds the flow of a client to p->service, if it has not expired. */
static __always_inline bool flow_find(struct packet *p, __be32 client, __be16 port)
{
	__u64 key = xdplb_flow_key(client, port, p->service);
	__u32 at[2];

	xdplb_flow_buckets(xdplb_hash(p->config->seed, key), p->config->flow_mask, at);
	if (!bucket_search(p, at[0], key) && !bucket_search(p, at[1], key))
		return false;
	if (!is_expired(p->config, p->cpu->now, p->value))
		return true;
	flow_remove(p->flow_index, p->value);
	return false;
}

/*
 * A packet of the flow p->flow has come: its state moves on, and once a second
 * the time. False when the flow has just ended or was another one.
 */
static __always_inline bool flow_touch(struct packet *p, bool from_client)
{
	__u64 seen = XDPLB_FIELD_OF(SEEN, p->cpu->now), value = p->value, next;
	__u32 before, after;

	for (int i = 0; i < 4; i++) {
		before = state_of(value);
		after = flow_state_after(before, p->tcp_flags, from_client);
		next = with_state(value & ~XDPLB_FIELD_MASK(SEEN), after) | seen;
		if (next == value)
			return true;
		p->value = __sync_val_compare_and_swap(&p->flow->value, value, next);
		if (p->value == value) {
			p->value = next;
			if (flow_is_active(before) != flow_is_active(after))
				count_active(XDPLB_FIELD(value, BACKEND),
					     flow_is_active(after) ? 1 : -1);
			return true;
		}
		if ((p->value ^ value) & FLOW_IDENTITY || !is_flow(p->value))
			return false;
		value = p->value;
	}
	return true; /* another CPU wrote as recent a time, four times over */
}

/* How readily an entry is given to a new flow; 0 is never. */
static __always_inline __u32 entry_rank(const struct packet *p, __u64 value)
{
	__u32 state = state_of(value);

	if (state == XDPLB_FLOW_FREE)
		return ~0U;
	if (state == XDPLB_FLOW_BUSY)
		return 0;
	if (is_expired(p->config, p->cpu->now, value) || flow_is_over(state))
		return 0x20000;
	if (flow_is_unproven(state))
		return 1 + flow_age(p->cpu->now, XDPLB_FIELD(value, SEEN));
	return 0;
}

struct room {
	struct xdplb_flow *flow;
	__u64 value;
	__u32 index;
	__u32 rank;
	__u32 free; /* entries of this bucket that are */
};

/* The best entry of a bucket for a new flow. */
static __always_inline void bucket_room(const struct packet *p, __u32 index, struct room *room)
{
	struct xdplb_flow_bucket *bucket = bpf_map_lookup_elem(&xdplb_flows, &index);

	if (!bucket)
		return;
	for (int i = 0; i < XDPLB_WAYS; i++) {
		__u64 value = READ_ONCE(bucket->way[i].value);
		__u32 rank = entry_rank(p, value);

		room->free += state_of(value) == XDPLB_FLOW_FREE;
		if (rank > room->rank) {
			room->flow = &bucket->way[i];
			room->value = value;
			room->index = index * XDPLB_WAYS + i;
			room->rank = rank;
		}
	}
}

/* Another entry of the bucket holds the key, or is about to. */
static __always_inline bool bucket_has_other(__u32 index, __u64 key, const struct xdplb_flow *mine)
{
	struct xdplb_flow_bucket *bucket = bpf_map_lookup_elem(&xdplb_flows, &index);

	if (!bucket)
		return false;
	for (int i = 0; i < XDPLB_WAYS; i++)
		if (&bucket->way[i] != mine && READ_ONCE(bucket->way[i].key) == key)
			return true;
	return false;
}

/* Gives back an entry that flow_reserve() took. */
static __always_inline void flow_cancel(struct packet *p)
{
	WRITE_ONCE(p->flow->key, 0);
	WRITE_ONCE(p->flow->value, with_state(p->value, XDPLB_FLOW_FREE));
}

/*
 * Takes an entry for a new flow, in the emptier of its two buckets; where both
 * are full, that of a flow which is over or never got past its first packet,
 * the oldest first. It stays BUSY until flow_publish() or flow_cancel().
 */
static __always_inline int flow_reserve(struct packet *p, __be32 client, __be16 port)
{
	__u64 key = xdplb_flow_key(client, port, p->service), busy;
	struct room first = {}, second = {};
	__u32 at[2];

	xdplb_flow_buckets(xdplb_hash(p->config->seed, key), p->config->flow_mask, at);
	bucket_room(p, at[0], &first);
	bucket_room(p, at[1], &second);
	if (second.rank > first.rank || (second.rank == first.rank && second.free > first.free))
		first = second;
	if (!first.flow)
		return drop(p, XDPLB_DROP_TABLE_FULL);
	if (is_flow(first.value)) {
		if (flow_remove(first.index, first.value))
			return drop(p, XDPLB_DROP_RACE);
		first.value = with_state(busy_after(first.value), XDPLB_FLOW_FREE);
	}
	busy = busy_after(first.value);
	if (__sync_val_compare_and_swap(&first.flow->value, first.value, busy) != first.value)
		return drop(p, XDPLB_DROP_RACE);
	p->flow = first.flow;
	p->flow_index = first.index;
	p->value = busy;
	/* An exchange, because it orders this store before the reads that follow:
	 * of two CPUs with the same new flow at least one sees the other.
	 */
	__sync_lock_test_and_set(&p->flow->key, key);
	if (!bucket_has_other(at[0], key, p->flow) && !bucket_has_other(at[1], key, p->flow))
		return GO_ON;
	flow_cancel(p);
	return drop(p, XDPLB_DROP_RACE);
}

/* Makes a reserved entry a flow. */
static __always_inline void flow_publish(struct packet *p, __u32 backend, __u32 snat, __u32 port)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(backend);

	p->value = (p->value & XDPLB_FIELD_MASK(GENERATION)) | XDPLB_FIELD_OF(BACKEND, backend) |
		   XDPLB_FIELD_OF(SNAT, snat) | XDPLB_FIELD_OF(PORT, port) |
		   XDPLB_FIELD_OF(STATE, flow_state_first(p->proto == IPPROTO_TCP)) |
		   XDPLB_FIELD_OF(SEEN, p->cpu->now);
	if (cpu) {
		cpu->new_flows++;
		cpu->active++;
		cpu->entries++;
	}
	barrier();
	WRITE_ONCE(p->flow->value, p->value);
}

#endif
