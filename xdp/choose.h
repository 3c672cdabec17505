/* SPDX-License-Identifier: GPL-2.0-only */
/* Which backend gets a new flow, by the service's scheduler. */
#ifndef XDPLB_CHOOSE_H
#define XDPLB_CHOOSE_H

#include "flow_table.h"
#include "slot_table.h"

#define WHOLE_SHARE 256
#define RAMP_TRIES 4
#define OTHER_HASH \
	0x9e3779b97f4a7c15ULL /* makes a name's hash another than buckets and slots have */

/* What part a backend takes of its share, 1 .. WHOLE_SHARE: less during its slow start. */
__noinline __u32 share_of(__u32 id, __u32 now)
{
	const struct xdplb_backend *backend = backend_of(id);
	__u32 elapsed;

	if (!backend || !backend->ramp_seconds)
		return WHOLE_SHARE;
	elapsed = now - backend->ramp_start;
	if (elapsed >= backend->ramp_seconds)
		return WHOLE_SHARE;
	return 1 + elapsed * (WHOLE_SHARE - 1) / backend->ramp_seconds;
}

/* Takes this backend the new flow, if it is in its slow start? */
static __always_inline bool is_ready(const struct packet *p, __u32 id, __u64 name)
{
	__u32 share = share_of(id, p->cpu->now);

	return share == WHOLE_SHARE ||
	       (xdplb_hash(p->config->seed, name ^ OTHER_HASH) & (WHOLE_SHARE - 1)) < share;
}

/*
 * rr and wrr: one atomic counter for all CPUs, so that any run of as many
 * flows as there are slots takes each slot once.
 */
static __always_inline __u32 slot_next(struct xdplb_set *set)
{
	__u64 turn = __sync_fetch_and_add(&set->next, 1);

	return XDPLB_SLOT_OWNER(slot_at(set->slot_line, turn % set->slots));
}

static __always_inline __u32 choose_next(const struct packet *p, struct xdplb_set *set, __u64 name)
{
	__u32 id = 0;

	for (int i = 0; i < RAMP_TRIES; i++) {
		id = slot_next(set);
		if (is_ready(p, id, name + i))
			break;
	}
	return id;
}

/* The active flows of a backend. */
static __always_inline __u64 active_of(__u32 id)
{
	const struct xdplb_active *active = bpf_map_lookup_elem(&xdplb_active, &id);

	return active ? XDPLB_ACTIVE(READ_ONCE(active->flows)) : 0;
}

/* The weight in a slot's word, slow start counted in. */
static __always_inline __u64 weight_of(__u32 word, __u32 now)
{
	return XDPLB_SLOT_WEIGHT(word) * share_of(XDPLB_SLOT_OWNER(word), now);
}

/*
 * lc and wlc: the one that would have the fewest flows for its weight with this
 * one, of those that would not have more than their share of all. So is no
 * backend ever a flow or more from its share, when flows come one by one
 * (Balinski and Young, "The quota method of apportionment", 1975).
 */
struct least {
	__u64 flows; /* active, of all */
	__u64 weight; /* of all */
	__u64 best_flows; /* of the best so far, with this one */
	__u64 best_weight;
	__u32 best; /* id, 0: none yet */
	__u32 line; /* of slot 0 */
	__u32 now;
	bool slow; /* backends of the service may be in their slow start */
};

/* The weight in a slot's word, as it counts now. */
static __always_inline __u64 least_weight(__u32 word, const struct least *least)
{
	if (least->slow)
		return weight_of(word, least->now);
	return (__u64)XDPLB_SLOT_WEIGHT(word) * WHOLE_SHARE;
}

static long least_sum(__u32 slot, struct least *least)
{
	__u32 word = slot_at(least->line, slot);

	least->flows += active_of(XDPLB_SLOT_OWNER(word));
	least->weight += least_weight(word, least);
	return 0;
}

static long least_compare(__u32 slot, struct least *least)
{
	__u32 word = slot_at(least->line, slot);
	__u64 flows = active_of(XDPLB_SLOT_OWNER(word)), weight = least_weight(word, least);

	if (flows * least->weight >= (least->flows + 1) * weight)
		return 0;
	if (least->best && (flows + 1) * least->best_weight >= least->best_flows * weight)
		return 0;
	least->best = XDPLB_SLOT_OWNER(word);
	least->best_flows = flows + 1;
	least->best_weight = weight;
	return 0;
}

static __always_inline __u32 choose_least(const struct packet *p, const struct xdplb_set *set)
{
	struct least least = { .line = set->slot_line,
			       .now = p->cpu->now,
			       .slow = set->slow_start };

	bpf_loop(set->slots, least_sum, &least, 0);
	bpf_loop(set->slots, least_compare, &least, 0);
	/* While other CPUs counted, all may have had their share. */
	return least.best ? least.best : XDPLB_SLOT_OWNER(slot_at(set->slot_line, 0));
}

/* p2c: of two that a hash names, the one with fewer active flows for its weight. */
static __always_inline __u32 choose_of_two(const struct packet *p, const struct xdplb_set *set,
					   __u64 name)
{
	__u64 hash = xdplb_hash(p->config->seed, name ^ OTHER_HASH);
	__u32 at = (hash >> 32) * set->slots >> 32, word;
	__u32 one = slot_at(set->slot_line, (hash & 0xffffffff) * set->slots >> 32);
	__u32 two = slot_at(set->slot_line, at);
	__u64 flows_one, flows_two;

	if (one == two) /* one backend is no choice */
		two = slot_at(set->slot_line, (at + 1) % set->slots);
	flows_one = active_of(XDPLB_SLOT_OWNER(one));
	flows_two = active_of(XDPLB_SLOT_OWNER(two));
	if (flows_two * weight_of(one, p->cpu->now) < flows_one * weight_of(two, p->cpu->now)) {
		word = one;
		one = two;
		two = word;
	}
	return XDPLB_SLOT_OWNER(is_ready(p, XDPLB_SLOT_OWNER(one), name) ? one : two);
}

/* maglev and sh: the slot of the name; where its owner is not ready, of others it could have. */
static __always_inline __u32 choose_named(const struct packet *p, const struct xdplb_set *set,
					  __u64 name)
{
	__u32 id = 0;

	for (int i = 0; i < RAMP_TRIES; i++) {
		id = XDPLB_SLOT_OWNER(slot_named(p, set, name + i));
		if (is_ready(p, id, name + i))
			break;
	}
	return id;
}

/* The id of the backend that gets the new flow `name` of this service, 0: none takes any. */
__noinline int choose(struct xdp_md *ctx, __u32 service, __u64 name)
{
	struct xdplb_set *set = set_of(service);
	struct packet p;

	if (!set || !set->slots || !packet_get(ctx, &p))
		return 0;
	switch (set->pick) {
	case XDPLB_PICK_LEAST:
		return choose_least(&p, set);
	case XDPLB_PICK_TWO:
		return choose_of_two(&p, set, name);
	case XDPLB_PICK_HASH:
		return choose_named(&p, set, name);
	default:
		return choose_next(&p, set, name);
	}
}

#endif
