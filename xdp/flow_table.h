/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembered flows: 16 bytes each, four to a cache line, each in one of two
 * lines.
 *
 * A flow is its value. Every change of an entry's value is one compare and
 * swap, so exactly one CPU makes it. BUSY belongs to the CPU that set it; the
 * generation moves on with it. So a reader that finds the same backend, port
 * and generation before and after it read the key has read one flow, and
 * anything else is a miss. Reads are in order on x86, and this relies on it.
 */
#ifndef XDPLB_FLOW_TABLE_H
#define XDPLB_FLOW_TABLE_H

#include "flow_key.h"
#include "flow_state.h"
#include "nat_record.h"
#include "resize.h"

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

/*
 * A SYN begins another flow. Where replies may not come by here, the client's
 * FIN is all that is ever seen of the end.
 */
static __always_inline bool flow_is_left(__u64 value)
{
	__u32 state = state_of(value);

	return flow_is_over(state) ||
	       (state == XDPLB_FLOW_FIN_CLIENT && method_of(value) != XDPLB_NAT);
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

/* It was silent for longer than flows in its state are remembered; of no backend, nothing is. */
static __always_inline bool is_expired(__u32 now, __u64 value)
{
	const struct xdplb_backend *backend = backend_of(XDPLB_FIELD(value, BACKEND));
	__u32 state = state_of(value), timeout;

	asm volatile("" : "+r"(state)); /* keeps the bound, which the verifier needs */
	if (!backend || state >= XDPLB_FLOW_STATES)
		return false;
	timeout = backend->timeout[state];
	return !timeout || flow_age(now, XDPLB_FIELD(value, SEEN)) > timeout;
}

static __always_inline struct xdplb_flow *flow_at(__u32 index)
{
	struct xdplb_flow_bucket *bucket = bucket_at(index / XDPLB_WAYS);

	return bucket ? &bucket->way[index % XDPLB_WAYS] : NULL;
}

static __always_inline struct xdplb_backend_cpu *backend_cpu_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_back_cpu, &id);
}

static __always_inline void count_new_flow(__u32 backend)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(backend);

	if (cpu)
		cpu->new_flows++;
}

#define ONE_ENTRY (1LL << 32) /* see XDPLB_ENTRIES() */

/* Counts flows of a backend: entries, as ONE_ENTRY each, and those that are active. */
static __always_inline void count_flows(__u32 backend, __s64 change)
{
	struct xdplb_active *active = bpf_map_lookup_elem(&xdplb_active, &backend);

	if (active)
		__sync_fetch_and_add(&active->flows, change);
}

/* Gives back what a flow holds besides its entry. */
static __always_inline void flow_release(__u64 value)
{
	struct xdplb_backend *backend = backend_of(XDPLB_FIELD(value, BACKEND));
	__u32 pool = backend ? backend->pool[XDPLB_FIELD(value, SNAT)] : 0;
	__u32 port = XDPLB_FIELD(value, PORT);
	struct xdplb_nat_record *record;

	if (!pool || method_of(value) != XDPLB_NAT)
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
	__u64 busy = busy_after(value);

	if (!flow || __sync_val_compare_and_swap(&flow->value, value, busy) != value)
		return -1;
	flow_release(value);
	count_flows(XDPLB_FIELD(value, BACKEND), -ONE_ENTRY - flow_is_active(state_of(value)));
	WRITE_ONCE(flow->key, 0);
	WRITE_ONCE(flow->value, with_state(busy, XDPLB_FLOW_FREE));
	return 0;
}

/* 1 for 0, else 0, without a branch: the verifier walks each side of one. */
static __always_inline __u32 is_zero(__u64 x)
{
	return ((x | -x) >> 63) ^ 1;
}

/* The index of the lowest of four bits, one of which is set. */
static __always_inline __u32 lowest_of_four(__u32 bits)
{
	bits &= -bits;
	return (bits >> 1) - (bits >> 3);
}

/*
 * Finds `key` in a bucket, which is the one at `index`: sets p->flow, p->value and p->flow_index.
 * Or p->raced, where the key was and the flow is just coming, going or moving.
 */
static __always_inline bool bucket_search(struct packet *p, struct xdplb_flow_bucket *bucket,
					  __u32 index, __u64 key)
{
	__u32 found = 0, way;

	if (!bucket)
		return false;
	for (int i = 0; i < XDPLB_WAYS; i++)
		found |= is_zero(READ_ONCE(bucket->way[i].key) ^ key) << i;
	if (!found)
		return false;
	way = lowest_of_four(found) & (XDPLB_WAYS - 1);
	p->flow = &bucket->way[way];
	p->value = READ_ONCE(p->flow->value);
	p->flow_index = index * XDPLB_WAYS + way;
	if (is_flow(p->value) && READ_ONCE(p->flow->key) == key &&
	    !((READ_ONCE(p->flow->value) ^ p->value) & FLOW_IDENTITY))
		return true;
	p->raced = true;
	return false;
}

/* Among two buckets of the only table, or the new one. */
static __always_inline bool new_search(struct packet *p, const __u32 at[2], __u64 key)
{
	/* At the first once more: the flow may have moved there while the second was looked at. */
	return bucket_search(p, new_bucket(at[0]), at[0], key) ||
	       bucket_search(p, new_bucket(at[1]), at[1], key) ||
	       bucket_search(p, new_bucket(at[0]), at[0], key);
}

static __always_inline bool old_search(struct packet *p, const __u32 at[2], __u64 key)
{
	return bucket_search(p, old_bucket(at[0]), at[0], key) ||
	       bucket_search(p, old_bucket(at[1]), at[1], key) ||
	       bucket_search(p, old_bucket(at[0]), at[0], key);
}

/* Its two buckets are found anew each time: to keep them takes stack, which is short there. */
static __always_inline bool table_search(struct packet *p, __u64 key, bool old)
{
	__u32 at[2];

	asm volatile("" : "+r"(key));
	if (old)
		old_buckets(p->config, key, at);
	else
		flow_buckets(p->config, key, at);
	return old ? old_search(p, at, key) : new_search(p, at, key);
}

#define SEARCHES 3 /* a flow is carried in far less time than one takes */

/*
 * Finds the flow under a key in either table: 1, and its value and index are in struct
 * work; 0: there is none; -1: another CPU is writing it.
 */
__noinline int flow_search_both(__u64 key)
{
	struct packet p = { .config = config_get(), .cpu = cpu_get() };
	bool both = resize_stage() != XDPLB_RESIZE_OLD;
	struct work *work;

	if (!p.config || !p.cpu)
		return 0;
	work = (struct work *)p.cpu->work;
	for (int i = 0; i < SEARCHES; i++) {
		p.raced = false;
		/* In the new one once more: the flow may have been carried there meanwhile. */
		if ((both && table_search(&p, key, false)) || table_search(&p, key, true) ||
		    (both && table_search(&p, key, false))) {
			work->value = p.value;
			work->flow_index = p.flow_index;
			return 1;
		}
		if (!p.raced)
			return 0;
	}
	return -1;
}

/* Finds the flow under a key in either table, be it expired. */
static __always_inline bool either_search(struct packet *p, __u64 key)
{
	const struct work *work = (const struct work *)p->cpu->work;
	int found = flow_search_both(key);

	p->raced |= found < 0;
	if (found <= 0)
		return false;
	p->value = work->value;
	p->flow_index = work->flow_index;
	p->flow = flow_at(p->flow_index);
	return p->flow != NULL;
}

/* The same in the only table. */
static __always_inline bool only_search(struct packet *p, __u64 key)
{
	__u32 at[2];

	flow_buckets(p->config, key, at);
	return new_search(p, at, key);
}

/* Finds the flow under a key, be it expired. */
static __always_inline bool flow_search(struct packet *p, __u64 key)
{
	return has_two_tables() ? either_search(p, key) : only_search(p, key);
}

/* Ends an expired flow; false when another CPU has just changed it. */
static __always_inline bool flow_expire(struct xdplb_cpu *cpu, __u32 index, __u64 value)
{
	if (flow_remove(index, value))
		return false;
	cpu->reason[XDPLB_FLOW_EXPIRED]++;
	return true;
}

/* Finds the flow under a key, if it has not expired. */
static __always_inline bool flow_find(struct packet *p, __u64 key)
{
	if (!flow_search(p, key))
		return false;
	if (!is_expired(p->cpu->now, p->value))
		return true;
	p->raced = !flow_expire(p->cpu, p->flow_index, p->value);
	return false;
}

/*
 * The flow of a client to a service, be it expired, for the steps that are off
 * the fast path: its value and index in struct work. 1, or 0 for none.
 */
__noinline int flow_lookup(struct xdp_md *ctx, const struct address *client, __u32 port,
			   __u32 service)
{
	struct packet p;

	if (!client || !packet_get(ctx, &p) ||
	    !flow_search(&p, xdplb_flow_key(flow_name(p.config, p.h->v6, client, port), service)))
		return 0;
	p.work->value = p.value;
	p.work->flow_index = p.flow_index;
	return 1;
}

/* How readily a flow in this state would give its port away. */
static __always_inline enum port_mark mark_of(__u32 state)
{
	if (flow_is_over(state))
		return PORT_OVER;
	return flow_is_unproven(state) ? PORT_UNPROVEN : PORT_KEPT;
}

/* Keeps the counts and marks that go with a flow's state. */
static __always_inline void state_changed(__u64 value, __u32 before, __u32 after)
{
	const struct xdplb_backend *backend;

	if (before == after)
		return;
	if (flow_is_active(after) != flow_is_active(before))
		count_flows(XDPLB_FIELD(value, BACKEND), flow_is_active(after) ? 1 : -1);
	backend = backend_of(XDPLB_FIELD(value, BACKEND));
	if (backend && method_of(value) == XDPLB_NAT && mark_of(after) != mark_of(before))
		port_mark(backend->pool[XDPLB_FIELD(value, SNAT)], XDPLB_FIELD(value, PORT),
			  mark_of(after));
}

#define FROM_CLIENT 0x100 /* beside TCP's flags */

/*
 * A packet has come of the flow at `index`, from which `value` was read: its
 * state moves on, and the time. 0, or -1 when the flow has just ended.
 */
__noinline int flow_move(__u32 index, __u64 value, __u32 flags)
{
	struct xdplb_flow *flow = flow_at(index);
	const struct xdplb_cpu *cpu = cpu_get();
	__u32 before, after;
	__u64 next, found;

	if (!flow || !cpu)
		return -1;
	for (int i = 0; i < 4; i++) {
		before = state_of(value);
		after = flow_state_after(before, flags, flags & FROM_CLIENT);
		next = with_state(value & ~XDPLB_FIELD_MASK(SEEN), after) |
		       XDPLB_FIELD_OF(SEEN, cpu->now);
		found = __sync_val_compare_and_swap(&flow->value, value, next);
		if (found == value) {
			state_changed(value, before, after);
			return 0;
		}
		if ((found ^ value) & FLOW_IDENTITY || !is_flow(found))
			return -1;
		value = found;
	}
	return 0; /* other CPUs wrote as recent a time, four times over */
}

/* The same for p->flow; most packets change nothing within a second. */
static __always_inline bool flow_touch(struct packet *p, bool from_client)
{
	__u8 flags = p->h->tcp_flags;

	if (XDPLB_FIELD(p->value, SEEN) == (__u16)p->cpu->now && !(flags & (TCP_FIN | TCP_RST)) &&
	    flow_is_steady(state_of(p->value)))
		return true;
	return !flow_move(p->flow_index, p->value, flags | (from_client ? FROM_CLIENT : 0));
}

#endif
