/* SPDX-License-Identifier: GPL-2.0-only */
/* Which backend gets a new flow, by the service's scheduler. */
#ifndef XDPLB_CHOOSE_H
#define XDPLB_CHOOSE_H

#include "flow_table.h"
#include "listeners.h"
#include "slot_table.h"
#include "slow_start.h"

#define RAMP_TRIES 4
#define OTHER_HASH \
	0x9e3779b97f4a7c15ULL /* makes a name's hash another than buckets and slots have */

/* Takes this backend the new flow, if it is in its slow start? */
static __always_inline bool is_ready(const struct packet *p, __u32 id, __u64 name)
{
	__u32 share = share_of(id, p->cpu->now);

	return share == WHOLE_SHARE ||
	       (xdplb_hash(p->config->seed, name ^ OTHER_HASH) & (WHOLE_SHARE - 1)) < share;
}

/*
 * What a service chooses from: the slots of its set, or the selection of its
 * listeners.
 */
struct choice {
	struct xdplb_set *set;
	const struct xdplb_selection *from; /* NULL: the slots */
	__u32 count;
};

/* The word of place `n`. */
static __always_inline __u32 choice_word(const struct choice *choice, __u32 n)
{
	return choice->from ? selection_word(choice->from, n) : slot_at(choice->set->slot_line, n);
}

/*
 * rr and wrr: one atomic counter for all CPUs, so that any run of as many
 * flows as there are slots takes each slot once.
 */
static __always_inline __u64 turn_next(const struct choice *choice)
{
	return __sync_fetch_and_add(&choice->set->next, 1);
}

/* Whose turn that is. */
static __always_inline __u32 choice_at(const struct choice *choice, __u64 turn)
{
	return XDPLB_SLOT_OWNER(choice->from ?
					selection_turn(choice->from, turn) :
					slot_at(choice->set->slot_line, turn % choice->count));
}

static __always_inline __u32 choose_next(const struct packet *p, const struct choice *choice,
					 __u64 name)
{
	__u32 id = 0;

	/* Kernel 6.1 takes no loop that is entered in its middle, as this could be made. */
#pragma clang loop unroll(full)
	for (int i = 0; i < RAMP_TRIES; i++) {
		__u64 turn = turn_next(choice);

		id = choice_at(choice, turn);
		/* Each turn by itself: one client's datagrams all have its name. */
		if (is_ready(p, id, name + turn))
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
	__u32 now;
	const struct choice *choice;
};

/* The weight in a slot's word, as it counts now. */
static __always_inline __u64 least_weight(__u32 word, const struct least *least)
{
	if (least->choice->set->slow_start)
		return XDPLB_SLOT_WEIGHT(word) * share_now(XDPLB_SLOT_OWNER(word), least->now);
	return (__u64)XDPLB_SLOT_WEIGHT(word) * WHOLE_SHARE;
}

static long least_sum(__u32 slot, struct least *least)
{
	__u32 word = choice_word(least->choice, slot);

	least->flows += active_of(XDPLB_SLOT_OWNER(word));
	least->weight += least_weight(word, least);
	return 0;
}

static long least_compare(__u32 slot, struct least *least)
{
	__u32 word = choice_word(least->choice, slot);
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

static __always_inline __u32 choose_least(const struct packet *p, const struct choice *choice)
{
	struct least least = { .now = p->cpu->now, .choice = choice };

	bpf_loop(choice->count, least_sum, &least, 0);
	bpf_loop(choice->count, least_compare, &least, 0);
	/* While other CPUs counted, all may have had their share. */
	return least.best ? least.best : XDPLB_SLOT_OWNER(choice_word(choice, 0));
}

/* Of two lots for the same name one's, by weight. */
static __always_inline __u32 choice_lot(const struct choice *choice, __u32 lot)
{
	if (choice->from)
		return selection_find(choice->from, (__u64)lot * choice->from->total >> 32);
	return choice_word(choice, (__u64)lot * choice->count >> 32);
}

/* Another backend than that of `word`, where there is one: that at the next place. */
static __always_inline __u32 choice_other(const struct choice *choice, __u32 word, __u32 lot)
{
	__u32 n = ((__u64)lot * choice->count >> 32) + 1;
	__u32 other = choice_word(choice, n % choice->count);

	if (other == word)
		other = choice_word(choice, (n + 1) % choice->count);
	return other;
}

/* p2c: of two that a hash names, the one with fewer active flows for its weight. */
static __always_inline __u32 choose_of_two(const struct packet *p, const struct choice *choice,
					   __u64 name)
{
	__u64 hash = xdplb_hash(p->config->seed, name ^ OTHER_HASH);
	__u32 one = choice_lot(choice, hash), two = choice_lot(choice, hash >> 32), word;
	__u64 flows_one, flows_two;

	if (one == two) /* one backend is no choice */
		two = choice_other(choice, one, hash >> 32);
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
static __always_inline __u32 choose_named(const struct packet *p, const struct choice *choice,
					  __u64 name)
{
	__u32 id = 0;

#pragma clang loop unroll(full)
	for (int i = 0; i < RAMP_TRIES; i++) {
		id = XDPLB_SLOT_OWNER(slot_named(p, choice->set, name + i));
		if (is_ready(p, id, name + i))
			break;
	}
	return id;
}

static __always_inline __u32 choose_from(const struct packet *p, const struct choice *choice,
					 __u64 name)
{
	if (!choice->count)
		return 0;
	switch (choice->set->pick) {
	case XDPLB_PICK_LEAST:
		return choose_least(p, choice);
	case XDPLB_PICK_TWO:
		return choose_of_two(p, choice, name);
	case XDPLB_PICK_HASH:
		return choose_named(p, choice, name);
	default:
		return choose_next(p, choice, name);
	}
}

/*
 * The id of the backend that gets the new flow `name` of this service, 0: none
 * takes any, or another CPU has written the selection meanwhile, which takes two
 * registrations in a moment.
 */
__noinline int choose(struct xdp_md *ctx, __u32 service, __u64 name)
{
	struct choice choice = { .set = set_of(service) };
	struct packet p;
	__u32 seq, id;

	if (!choice.set || !packet_get(ctx, &p))
		return 0;
	choice.count = choice.set->slots;
	if (!(choice.set->flags & XDPLB_SET_LISTEN))
		return choose_from(&p, &choice, name);
	choice.from = selection_of(service);
	if (!choice.from)
		return 0;
	seq = READ_ONCE(choice.from->seq);
	choice.count = choice.from->count;
	id = choose_from(&p, &choice, name);
	return seq & 1 || READ_ONCE(choice.from->seq) != seq ? 0 : id;
}

/* The same, be the selection written; listeners' own hash is apart, as the stack is short. */
static __always_inline __u32 backend_choose(const struct packet *p, const struct xdplb_set *set,
					    __u64 name)
{
	bool listens = set->flags & XDPLB_SET_LISTEN;
	__u32 id = 0;

	if (!listens || set->pick != XDPLB_PICK_HASH)
		id = choose(p->ctx, set->service, name);
	return id || !listens ? id : listener_named(set->service, name);
}

#endif
