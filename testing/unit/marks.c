// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/marks.c: each of its rules by hand, then any changes in any order
 * against flows that know where they belong. The program's half are the pure
 * functions of xdp/tracking.h.
 */
#include "../../loader/marks.h"

#include <stdlib.h>
#include <string.h>

#include "../../xdp/tracking.h"
#include "unit.h"

#define SLOTS 4
#define LOOKUP XDPLB_SLOT_LOOKUP
#define ADOPT XDPLB_SLOT_ADOPT
#define BEFORE(id) XDPLB_SLOT_SECOND(id)
#define MOVED(owner, previous) ((owner) | LOOKUP | ADOPT | BEFORE(previous))

/* ---- by hand ------------------------------------------------------------------------- */

struct set {
	struct marks marks;
	__u32 slot[SLOTS], old_slot[SLOTS];
};

/* A set of maglev with dsr, which remembers nothing, and these words. */
static void hashed(struct set *set, __u32 a, __u32 b, __u32 c, __u32 d)
{
	memset(set, 0, sizeof(*set));
	memcpy(set->slot, (const __u32[]){ a, b, c, d }, sizeof(set->slot));
	set->marks = (struct marks){ .pick = XDPLB_PICK_HASH,
				     .forward = XDPLB_DSR,
				     .slots = SLOTS,
				     .slot = set->slot,
				     .old_slot = set->old_slot };
}

/* One that remembers its flows. */
static void tracked(struct set *set, __u32 a, __u32 b, __u32 c, __u32 d)
{
	hashed(set, a, b, c, d);
	set->marks.flags = XDPLB_SET_TRACK;
	set->marks.forward = XDPLB_NAT;
}

/* One of rr. */
static void in_turn(struct set *set, __u32 a, __u32 b, __u32 c, __u32 d)
{
	tracked(set, a, b, c, d);
	set->marks.pick = XDPLB_PICK_NEXT;
}

static void change(const struct set *old, struct set *set, __u32 now)
{
	marks_make(old ? &old->marks : NULL, &set->marks, now, 300, 0);
}

static void assert_words(const struct set *set, __u32 a, __u32 b, __u32 c, __u32 d)
{
	const __u32 words[SLOTS] = { a, b, c, d };

	for (int s = 0; s < SLOTS; s++)
		if (set->slot[s] != words[s])
			fail_msg("slot %d is %08x, %08x is right", s, set->slot[s], words[s]);
}

/* The first set has no flows to care for. */
static void first(void **state)
{
	struct set set;

	(void)state;
	hashed(&set, 1, 2, 3, 4);
	change(NULL, &set, 1000);
	assert_words(&set, 1, 2, 3, 4);
	assert_int_equal(set.marks.window_end, 0);
	assert_int_equal(set.marks.old_slots, 0);
}

/* Slots that change their owner are marked, others are not; and nothing is when nothing changes. */
static void owner_changes(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, 2, 3, 4);
	hashed(&set, 1, 2, 3, 4);
	change(&old, &set, 1000);
	assert_words(&set, 1, 2, 3, 4);
	assert_int_equal(set.marks.window_end, 0);
	hashed(&set, 1, 5, 3, 1);
	change(&old, &set, 1000);
	assert_words(&set, 1, MOVED(5, 2), 3, MOVED(1, 4));
	assert_int_equal(set.marks.window_end, 1300);
	assert_int_equal(set.marks.old_forward, XDPLB_DSR);
	assert_int_equal(set.marks.old_slots, 0);
}

/* In the window the previous owner stays the one before all changes. */
static void changes_in_a_window(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, MOVED(5, 2), 3, MOVED(1, 4));
	old.marks.window_end = 1300;
	old.marks.old_forward = XDPLB_DSR;
	hashed(&set, 6, 6, 3, 1);
	change(&old, &set, 1299);
	assert_words(&set, MOVED(6, 1), MOVED(6, 2), 3, MOVED(1, 4));
	assert_int_equal(set.marks.window_end, 1599);
	/* Nothing new to adopt: the window ends when it did. */
	hashed(&set, 1, 6, 3, 1);
	change(&old, &set, 1100);
	assert_words(&set, 1, MOVED(6, 2), 3, MOVED(1, 4));
	assert_int_equal(set.marks.window_end, 1300);
	/* The same again is the same. */
	hashed(&set, 1, 5, 3, 1);
	change(&old, &set, 1200);
	assert_words(&set, 1, MOVED(5, 2), 3, MOVED(1, 4));
	assert_int_equal(set.marks.window_end, 1300);
}

/* A slot that is its first owner's again has remembered flows, and no others to look for. */
static void back_again(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, MOVED(5, 2), 3, 4);
	old.marks.window_end = 1300;
	old.marks.old_forward = XDPLB_DSR;
	hashed(&set, 1, 2, 3, 4);
	change(&old, &set, 1100);
	assert_words(&set, 1, 2 | LOOKUP, 3, 4);
	assert_int_equal(set.marks.window_end, 1100);
	assert_int_equal(set.marks.old_forward, 0);
}

/* After the window: what may be remembered is looked up, and who was there before is forgotten. */
static void window_closed(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, MOVED(5, 2), 3 | LOOKUP, 4);
	old.marks.window_end = 1300;
	hashed(&set, 1, 5, 3, 4);
	change(&old, &set, 1300);
	assert_words(&set, 1, 5 | LOOKUP, 3 | LOOKUP, 4);
	assert_int_equal(set.marks.window_end, 1300);
	hashed(&set, 1, 6, 6, 4);
	change(&old, &set, 1300);
	assert_words(&set, 1, MOVED(6, 5), MOVED(6, 3), 4);
	assert_int_equal(set.marks.window_end, 1600);
}

/* Draining everybody leaves slots without an owner, which own no flows when they get one. */
static void nobody(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, 2, 3, 4);
	hashed(&set, 0, 0, 0, 0);
	change(&old, &set, 1000);
	assert_words(&set, MOVED(0, 1), MOVED(0, 2), MOVED(0, 3), MOVED(0, 4));
	old = set;
	old.marks.slot = old.slot;
	hashed(&set, 1, 5, 5, 4);
	change(&old, &set, 1010);
	assert_words(&set, 1 | LOOKUP, MOVED(5, 2), MOVED(5, 3), 4 | LOOKUP);
	hashed(&set, 1, 5, 5, 4);
	change(&old, &set, 2000);
	assert_words(&set, 1 | LOOKUP, 5 | LOOKUP, 5 | LOOKUP, 4 | LOOKUP);
}

/* Another method: flows go on by the one they began with, also across several changes. */
static void method_changes(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, 2, 3, 4);
	hashed(&set, 1, 2, 5, 4);
	set.marks.forward = XDPLB_IPIP;
	change(&old, &set, 1000);
	assert_words(&set, MOVED(1, 1), MOVED(2, 2), MOVED(5, 3), MOVED(4, 4));
	assert_int_equal(set.marks.old_forward, XDPLB_DSR);
	old = set;
	old.marks.slot = old.slot;
	hashed(&set, 1, 2, 6, 4);
	set.marks.forward = XDPLB_GUE;
	change(&old, &set, 1100);
	assert_words(&set, MOVED(1, 1), MOVED(2, 2), MOVED(6, 3), MOVED(4, 4));
	assert_int_equal(set.marks.old_forward, XDPLB_DSR);
	assert_int_equal(set.marks.window_end, 1300);
	/* Back to the first: nobody need be adopted but where the owner is another. */
	hashed(&set, 1, 2, 6, 4);
	change(&old, &set, 1100);
	assert_words(&set, 1 | LOOKUP, 2 | LOOKUP, MOVED(6, 3), 4 | LOOKUP);
	/* After the window it is the method that was in force. */
	hashed(&set, 1, 2, 5, 4);
	change(&old, &set, 1400);
	assert_words(&set, MOVED(1, 1), MOVED(2, 2), MOVED(5, 5), MOVED(4, 4));
	assert_int_equal(set.marks.old_forward, XDPLB_IPIP);
}

/* From what remembers all to what remembers nothing: every slot is looked up. */
static void tracked_to_hashed(void **state)
{
	struct set old, set;

	(void)state;
	tracked(&old, 1, 2, 3, 4);
	hashed(&set, 1, 5, 3, 4);
	change(&old, &set, 1000);
	assert_words(&set, 1 | LOOKUP, 5 | LOOKUP, 3 | LOOKUP, 4 | LOOKUP);
	assert_int_equal(set.marks.window_end, 1000);
	in_turn(&old, 1, 2, 3, 4);
	hashed(&set, 1, 5, 3, 4);
	change(&old, &set, 1000);
	assert_words(&set, 1 | LOOKUP, 5 | LOOKUP, 3 | LOOKUP, 4 | LOOKUP);
	assert_int_equal(set.marks.window_end, 1000);
	assert_int_equal(set.marks.old_slots, 0);
	/* The same once more, later: it stays as it is. */
	old = set;
	old.marks.slot = old.slot;
	hashed(&set, 1, 5, 3, 4);
	change(&old, &set, 1200);
	assert_words(&set, 1 | LOOKUP, 5 | LOOKUP, 3 | LOOKUP, 4 | LOOKUP);
	assert_int_equal(set.marks.window_end, 1000);
}

/* From what remembers nothing to what remembers all: every slot adopts. */
static void hashed_to_tracked(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, 2, 3, 4);
	tracked(&set, 1, 5, 3, 4);
	change(&old, &set, 1000);
	assert_words(&set, MOVED(1, 1), MOVED(5, 2), MOVED(3, 3), MOVED(4, 4));
	assert_int_equal(set.marks.window_end, 1300);
	assert_int_equal(set.marks.old_forward, XDPLB_DSR);
	old = set;
	old.marks.slot = old.slot;
	tracked(&set, 1, 5, 3, 4);
	change(&old, &set, 1300);
	assert_words(&set, 1, 5, 3, 4);
	assert_int_equal(set.marks.window_end, 0);
}

/* What remembers all needs no marks, whatever changes. */
static void tracked_to_tracked(void **state)
{
	struct set old, set;

	(void)state;
	tracked(&old, 1, 2, 3, 4);
	tracked(&set, 4, 3, 2, 1);
	change(&old, &set, 1000);
	assert_words(&set, 4, 3, 2, 1);
	assert_int_equal(set.marks.window_end, 0);
	in_turn(&set, 4, 3, 2, 1);
	change(&old, &set, 1000);
	assert_words(&set, 4, 3, 2, 1);
	assert_int_equal(set.marks.window_end, 0);
	assert_int_equal(set.marks.old_slots, 0);
}

/* Slots of another hash: the old ones are kept, as they were before the window. */
static void other_slots(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, MOVED(5, 2), 3, 4 | LOOKUP);
	old.marks.window_end = 1300;
	old.marks.old_forward = XDPLB_DSR;
	hashed(&set, 1, 2, 3, 4);
	set.marks.hash_bits = 32;
	set.marks.forward = XDPLB_IPIP;
	assert_int_equal(marks_old_slots(&old.marks, &set.marks, 1200), SLOTS);
	change(&old, &set, 1200);
	assert_words(&set, 1 | LOOKUP | ADOPT, 2 | LOOKUP | ADOPT, 3 | LOOKUP | ADOPT,
		     4 | LOOKUP | ADOPT);
	assert_memory_equal(set.old_slot, ((__u32[]){ 1, 2, 3, 4 }), sizeof(set.old_slot));
	assert_int_equal(set.marks.old_slots, SLOTS);
	assert_int_equal(set.marks.old_hash_bits, 0);
	assert_int_equal(set.marks.old_forward, XDPLB_DSR);
	assert_int_equal(set.marks.window_end, 1500);
	hashed(&set, 1, 2, 3, 4);
	set.marks.hash_bits = 32;
	change(&old, &set, 1300);
	assert_memory_equal(set.old_slot, ((__u32[]){ 1, 5, 3, 4 }), sizeof(set.old_slot));
}

/* Old slots are carried over while their window is open, whatever the next set is. */
static void other_slots_again(void **state)
{
	struct set old, set;

	(void)state;
	in_turn(&old, 1, 2, 3, 4);
	memcpy(old.old_slot, ((__u32[]){ 6, 7, 8, 9 }), sizeof(old.old_slot));
	old.marks.old_slots = SLOTS;
	old.marks.old_hash_bits = 24;
	old.marks.old_forward = XDPLB_GUE;
	old.marks.window_end = 1300;
	in_turn(&set, 4, 3, 2, 1);
	change(&old, &set, 1299);
	assert_words(&set, 4, 3, 2, 1);
	assert_memory_equal(set.old_slot, old.old_slot, sizeof(set.old_slot));
	assert_int_equal(set.marks.old_hash_bits, 24);
	assert_int_equal(set.marks.old_forward, XDPLB_GUE);
	assert_int_equal(set.marks.window_end, 1300);
	hashed(&set, 4, 3, 2, 1);
	change(&old, &set, 1299);
	assert_words(&set, 4 | LOOKUP | ADOPT, 3 | LOOKUP | ADOPT, 2 | LOOKUP | ADOPT,
		     1 | LOOKUP | ADOPT);
	assert_memory_equal(set.old_slot, old.old_slot, sizeof(set.old_slot));
	assert_int_equal(set.marks.window_end, 1300);
	in_turn(&set, 4, 3, 2, 1);
	change(&old, &set, 1300);
	assert_int_equal(set.marks.old_slots, 0);
	assert_int_equal(set.marks.window_end, 0);
}

/* UDP that follows its slot's owner has no marks, and leaves none behind. */
static void stateless(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, MOVED(5, 2), 3, 4);
	old.marks.window_end = 1300;
	hashed(&set, 6, 6, 3, 4);
	set.marks.flags = XDPLB_SET_STATELESS;
	change(&old, &set, 1100);
	assert_words(&set, 6, 6, 3, 4);
	assert_int_equal(set.marks.window_end, 0);
	assert_int_equal(set.marks.old_slots, 0);
	hashed(&old, 1, 2, 3, 4);
	old.marks.flags = XDPLB_SET_STATELESS;
	hashed(&set, 1, 5, 3, 4);
	change(&old, &set, 1100);
	assert_words(&set, 1, MOVED(5, 2), 3, 4);
	in_turn(&old, 1, 2, 3, 4);
	memcpy(old.old_slot, ((__u32[]){ 6, 7, 8, 9 }), sizeof(old.old_slot));
	old.marks.old_slots = SLOTS;
	old.marks.window_end = 1300;
	hashed(&set, 1, 2, 3, 4);
	set.marks.flags = XDPLB_SET_STATELESS;
	assert_int_equal(marks_old_slots(&old.marks, &set.marks, 1100), 0);
}

/* The window is at least as long as slow start, when somebody comes up. */
static void slow_start(void **state)
{
	struct set old, set;

	(void)state;
	hashed(&old, 1, 2, 3, 4);
	hashed(&set, 1, 2, 3, 5);
	marks_make(&old.marks, &set.marks, 1000, 10, 60);
	assert_int_equal(set.marks.window_end, 1060);
	hashed(&set, 1, 2, 3, 5);
	marks_make(&old.marks, &set.marks, 1000, 100, 60);
	assert_int_equal(set.marks.window_end, 1100);
	/* Where a slot that adopts changes hands once more, too. */
	old = set;
	old.marks.slot = old.slot;
	hashed(&set, 1, 2, 3, 6);
	marks_make(&old.marks, &set.marks, 1090, 100, 60);
	assert_int_equal(set.marks.window_end, 1150);
	hashed(&set, 1, 2, 3, 5);
	marks_make(&old.marks, &set.marks, 1090, 100, 60);
	assert_int_equal(set.marks.window_end, 1100);
}

/* A clock that goes round: 2^32 seconds. */
static void clock_round(void **state)
{
	(void)state;
	assert_false(marks_in_window(0, 5));
	assert_true(marks_in_window(1300, 1299));
	assert_false(marks_in_window(1300, 1300));
	assert_true(marks_in_use(1300, 1301));
	assert_false(marks_in_use(1300, 1302));
	assert_true(marks_in_window(10, 0xfffffff0));
	assert_false(marks_in_window(0xfffffff0, 10));
}

/* ---- any changes, in any order ------------------------------------------------------- */

#define MOST 31 /* slots */
#define FLOWS 300
#define BACKENDS 6

struct model {
	struct marks marks;
	struct xdplb_set set; /* the same as the program sees it */
	__u32 slot[MOST], old_slot[MOST];
};

struct flow {
	__u32 hash, client_hash;
	bool open; /* it has to go where it went */
	bool remembered;
	__u32 backend; /* where its packets belong */
	__u8 forward;
	__u32 seen;
	__u32 there; /* what is remembered */
	__u8 there_forward;
};

static struct flow flows[FLOWS];
static struct model in_force;
static __u32 now, changed;
static int excused, adopted;

static __u32 place(const struct flow *flow, __u8 hash_bits, __u32 slots)
{
	return (__u64)(hash_bits ? flow->client_hash : flow->hash) * slots >> 32;
}

static __u32 word_of(const struct flow *flow)
{
	const struct marks *marks = &in_force.marks;

	if (marks->pick != XDPLB_PICK_HASH)
		return 0;
	return marks->slot[place(flow, marks->hash_bits, marks->slots)];
}

static void flow_opens(struct flow *flow, __u32 word, bool adopting)
{
	const struct marks *marks = &in_force.marks;

	flow->open = marks->pick != XDPLB_PICK_HASH || XDPLB_SLOT_OWNER(word);
	if (!flow->open)
		return; /* nobody takes it */
	flow->backend =
		marks->pick == XDPLB_PICK_HASH ? XDPLB_SLOT_OWNER(word) : random_from(1, BACKENDS);
	flow->forward = marks->forward;
	flow->remembered = is_to_remember(&in_force.set, true, adopting);
	flow->there = flow->backend;
	flow->there_forward = flow->forward;
}

/* Where a packet of a flow goes that is not remembered and began before. */
static void flow_goes_on(struct flow *flow, __u32 word, bool adopting)
{
	const struct marks *marks = &in_force.marks;
	__u32 previous =
		marks->old_slots ?
			marks->old_slot[place(flow, marks->old_hash_bits, marks->old_slots)] :
			XDPLB_SLOT_PREVIOUS(word);
	bool home = adopting && previous;

	if (marks->pick != XDPLB_PICK_HASH && !home)
		fail_msg("a flow to %u is forgotten", flow->backend);
	flow->there = home ? previous : XDPLB_SLOT_OWNER(word);
	flow->there_forward = home ? marks->old_forward : marks->forward;
	flow->remembered = is_to_remember(&in_force.set, false, adopting);
	adopted += flow->remembered;
	if (flow->there != flow->backend || flow->there_forward != flow->forward)
		fail_msg("a flow to %u by %u goes to %u by %u", flow->backend, flow->forward,
			 flow->there, flow->there_forward);
}

/* A packet: of a flow that is known already the next, else the first. */
static void packet(struct flow *flow)
{
	__u32 word = word_of(flow);
	bool adopting = is_adopting(&in_force.set, word, now);

	flow->seen = now;
	if (flow->open && flow->remembered && is_looked_up(&in_force.set, word)) {
		assert_int_equal(flow->there, flow->backend);
		assert_int_equal(flow->there_forward, flow->forward);
	} else if (flow->open) {
		/* One that is remembered and not looked up is as good as forgotten. */
		flow_goes_on(flow, word, adopting);
	} else {
		flow_opens(flow, word, adopting);
	}
}

/* Flows that were silent from the last change on may have lost their backend, and only those. */
static void window_ends(void)
{
	for (int i = 0; i < FLOWS; i++) {
		struct flow *flow = &flows[i];
		__u32 word = word_of(flow);
		bool hashed = in_force.marks.pick == XDPLB_PICK_HASH;

		if (!flow->open || flow->remembered)
			continue;
		if (hashed && XDPLB_SLOT_OWNER(word) == flow->backend &&
		    in_force.marks.forward == flow->forward &&
		    !(in_force.marks.flags & XDPLB_SET_TRACK))
			continue;
		assert_true(flow->seen <= changed);
		flow->open = false;
		excused++;
	}
}

/* As loader/unmark.c does. */
static void unmark(void)
{
	struct marks *marks = &in_force.marks;
	bool needed[MOST] = {};

	if (marks->pick != XDPLB_PICK_HASH || marks->flags & XDPLB_SET_TRACK ||
	    !marks->window_end || marks_in_use(marks->window_end, now))
		return;
	for (int i = 0; i < FLOWS; i++)
		if (flows[i].remembered &&
		    (XDPLB_SLOT_OWNER(word_of(&flows[i])) != flows[i].there ||
		     marks->forward != flows[i].there_forward))
			needed[place(&flows[i], marks->hash_bits, marks->slots)] = true;
	if (!marks_clear(marks, needed))
		marks->window_end = in_force.set.window_end = 0;
}

static void time_passes(__u32 seconds)
{
	bool open = marks_in_window(in_force.marks.window_end, now);

	now += seconds;
	if (open && !marks_in_window(in_force.marks.window_end, now))
		window_ends();
	if (random_from(0, 3) == 0)
		unmark();
}

static void model_random(struct model *model)
{
	static const __u32 sizes[] = { 7, 31 };
	struct marks *marks = &model->marks;

	memset(model, 0, sizeof(*model));
	*marks = in_force.marks;
	if (random_from(0, 5) == 0)
		marks->slots = sizes[random_from(0, 1)];
	if (random_from(0, 5) == 0)
		marks->hash_bits = random_from(0, 1) * 32;
	if (random_from(0, 5) == 0)
		marks->pick = random_from(0, 3) ? XDPLB_PICK_HASH : XDPLB_PICK_NEXT;
	if (random_from(0, 5) == 0)
		marks->forward = random_from(XDPLB_NAT, XDPLB_GUE);
	marks->flags = marks->pick != XDPLB_PICK_HASH || marks->forward <= XDPLB_DNAT ?
			       XDPLB_SET_TRACK :
			       0;
	marks->slot = model->slot;
	marks->old_slot = model->old_slot;
	for (__u32 s = 0; s < marks->slots; s++)
		model->slot[s] = random_from(0, 2) && s < in_force.marks.slots ?
					 XDPLB_SLOT_OWNER(in_force.slot[s]) :
					 random_from(0, BACKENDS);
}

static void change_random(void)
{
	bool open = marks_in_window(in_force.marks.window_end, now);
	struct model model;

	model_random(&model);
	assert_true(marks_old_slots(&in_force.marks, &model.marks, now) <= MOST);
	marks_make(&in_force.marks, &model.marks, now, random_from(5, 30), 0);
	changed = now;
	in_force = model;
	in_force.marks.slot = in_force.slot;
	in_force.marks.old_slot = in_force.old_slot;
	in_force.set = (struct xdplb_set){ .pick = model.marks.pick,
					   .flags = model.marks.flags,
					   .window_end = model.marks.window_end,
					   .old_slots = model.marks.old_slots };
	/* An early end: nothing was left to adopt. */
	if (open && !marks_in_window(model.marks.window_end, now))
		for (int i = 0; i < FLOWS; i++)
			if (flows[i].open)
				packet(&flows[i]);
}

static void flow_ends(struct flow *flow)
{
	*flow = (struct flow){ .hash = random_64(), .client_hash = random_from(0, 15) << 28 };
}

static void any_order(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		now = random_from(1000, 100000);
		memset(&in_force, 0, sizeof(in_force));
		in_force.marks = (struct marks){ .pick = XDPLB_PICK_HASH,
						 .forward = XDPLB_DSR,
						 .slots = 7,
						 .slot = in_force.slot,
						 .old_slot = in_force.old_slot };
		in_force.set.pick = XDPLB_PICK_HASH;
		for (int s = 0; s < 7; s++)
			in_force.slot[s] = random_from(1, BACKENDS);
		for (int i = 0; i < FLOWS; i++)
			flow_ends(&flows[i]);
		for (int step = 0; step < 300; step++) {
			if (random_from(0, 3) == 0)
				change_random();
			for (int i = 0; i < 80; i++)
				packet(&flows[random_from(0, FLOWS - 1)]);
			for (int i = 0; i < 5; i++)
				flow_ends(&flows[random_from(0, FLOWS - 1)]);
			time_passes(random_from(0, 8));
		}
	}
	print_message("%d adopted, %d silent for too long\n", adopted, excused);
	assert_true(adopted > 10000 && excused > 100);
}

/* The same set once more makes the same words and the same end. */
static void again_is_the_same(void **state)
{
	(void)state;
	for (int i = 0; i < FLOWS; i++)
		flow_ends(&flows[i]);
	for (int round = 0; round < 3000; round++) {
		struct model same;
		__u32 before = now;

		if (round % 100 == 0) {
			memset(&in_force, 0, sizeof(in_force));
			in_force.marks = (struct marks){ .pick = XDPLB_PICK_HASH,
							 .forward = XDPLB_DSR,
							 .slots = 7,
							 .slot = in_force.slot };
		}
		change_random();
		now += random_from(0, 10);
		memset(&same, 0, sizeof(same));
		same.marks = in_force.marks;
		same.marks.slot = same.slot;
		same.marks.old_slot = same.old_slot;
		for (__u32 s = 0; s < same.marks.slots; s++)
			same.slot[s] = XDPLB_SLOT_OWNER(in_force.slot[s]);
		marks_make(&in_force.marks, &same.marks, now, 77, 5);
		if (!marks_in_window(in_force.marks.window_end, now) && in_force.marks.window_end)
			continue; /* it closed meanwhile, which takes marks away */
		assert_true(before <= now);
		assert_int_equal(same.marks.window_end, in_force.marks.window_end);
		assert_int_equal(same.marks.old_slots, in_force.marks.old_slots);
		assert_int_equal(same.marks.old_forward, in_force.marks.old_forward);
		assert_memory_equal(same.slot, in_force.slot, sizeof(same.slot));
		assert_memory_equal(same.old_slot, in_force.old_slot,
				    same.marks.old_slots * sizeof(*same.old_slot));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first),
		cmocka_unit_test(owner_changes),
		cmocka_unit_test(changes_in_a_window),
		cmocka_unit_test(back_again),
		cmocka_unit_test(window_closed),
		cmocka_unit_test(nobody),
		cmocka_unit_test(method_changes),
		cmocka_unit_test(tracked_to_hashed),
		cmocka_unit_test(hashed_to_tracked),
		cmocka_unit_test(tracked_to_tracked),
		cmocka_unit_test(other_slots),
		cmocka_unit_test(other_slots_again),
		cmocka_unit_test(stateless),
		cmocka_unit_test(slow_start),
		cmocka_unit_test(clock_round),
		cmocka_unit_test(any_order),
		cmocka_unit_test(again_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
