// SPDX-License-Identifier: GPL-2.0-only
#include "marks.h"

#define CLOCKS_DIFFER 2 /* seconds, at most, and enough for any packet */

bool marks_in_window(__u32 window_end, __u32 now)
{
	return window_end && (__s32)(window_end - now) > 0;
}

bool marks_in_use(__u32 window_end, __u32 now)
{
	return window_end && (__s32)(window_end + CLOCKS_DIFFER - now) > 0;
}

/* No flow is remembered in the steady state. */
static bool is_untracked(const struct marks *set)
{
	return set->pick == XDPLB_PICK_HASH && !(set->flags & XDPLB_SET_TRACK);
}

static bool has_old_slots(const struct marks *old, __u32 now)
{
	return old->old_slots && marks_in_window(old->window_end, now);
}

/* Flows that are not remembered go by what this slot says of the time before its set. */
static bool slot_adopts(const struct marks *old, __u32 s, __u32 now)
{
	return marks_in_window(old->window_end, now) && old->slot[s] & XDPLB_SLOT_ADOPT;
}

/* Where the flows of a slot are that nothing remembers. */
static __u32 unremembered(const struct marks *old, __u32 s, __u32 now)
{
	return slot_adopts(old, s, now) ? XDPLB_SLOT_PREVIOUS(old->slot[s]) :
					  XDPLB_SLOT_OWNER(old->slot[s]);
}

static bool any_adopts(const struct marks *old, __u32 now)
{
	if (has_old_slots(old, now))
		return true;
	for (__u32 s = 0; old->pick == XDPLB_PICK_HASH && s < old->slots; s++)
		if (slot_adopts(old, s, now))
			return true;
	return false;
}

/* A hash finds the same slot in both. */
static bool same_slots(const struct marks *old, const struct marks *set)
{
	return old->pick == XDPLB_PICK_HASH && set->pick == XDPLB_PICK_HASH &&
	       old->slots == set->slots && old->hash_bits == set->hash_bits;
}

__u32 marks_old_slots(const struct marks *old, const struct marks *set, __u32 now)
{
	if (!old || set->flags & XDPLB_SET_STATELESS)
		return 0;
	if (has_old_slots(old, now))
		return old->old_slots;
	if (same_slots(old, set) || old->pick != XDPLB_PICK_HASH)
		return 0;
	return is_untracked(old) || any_adopts(old, now) ? old->slots : 0;
}

/* The old slots: those of the set before, or what it made of its own. */
static void old_slots_make(const struct marks *old, struct marks *set, __u32 now)
{
	bool carried = has_old_slots(old, now);

	set->old_hash_bits = carried ? old->old_hash_bits : old->hash_bits;
	for (__u32 s = 0; s < set->old_slots; s++)
		set->old_slot[s] = carried ? old->old_slot[s] : unremembered(old, s, now);
}

/*
 * The word of a slot that was the same one in the set before. While adopted
 * flows have another method than new ones, all slots adopt: so none has flows
 * that nothing remembers of both.
 */
static __u32 word_after(const struct marks *old, const struct marks *set, __u32 s, __u32 now)
{
	__u32 owner = set->slot[s], previous = unremembered(old, s, now);

	if (!is_untracked(old) && !slot_adopts(old, s, now))
		return owner | (is_untracked(set) ? XDPLB_SLOT_LOOKUP : 0);
	/* Where there are none, or they stay with their owner by its method, all is well. */
	if ((!previous || previous == owner) && is_untracked(set) &&
	    set->old_forward == set->forward)
		return owner | (old->slot[s] & XDPLB_SLOT_LOOKUP);
	return owner | XDPLB_SLOT_SECOND(previous) | XDPLB_SLOT_LOOKUP | XDPLB_SLOT_ADOPT;
}

/* Words of slots that are other ones than in the set before. */
static __u32 word_anew(const struct marks *set, __u32 owner)
{
	if (set->old_slots)
		return owner | XDPLB_SLOT_LOOKUP | XDPLB_SLOT_ADOPT;
	return owner | (is_untracked(set) ? XDPLB_SLOT_LOOKUP : 0);
}

/* What a change did to the flows. */
struct outcome {
	bool adopts; /* some are yet to be remembered */
	bool more; /* ... which were in no window before */
	bool moves; /* some slot changed its owner */
	bool marked;
};

static void outcome_of_slot(const struct marks *old, const struct marks *set, __u32 s, __u32 now,
			    struct outcome *outcome)
{
	__u32 word = set->slot[s];

	outcome->marked |= (word & XDPLB_SLOT_LOOKUP) != 0;
	if (!(word & XDPLB_SLOT_ADOPT))
		return;
	outcome->adopts = true;
	if (!same_slots(old, set)) {
		outcome->moves = true;
		return;
	}
	outcome->moves |= XDPLB_SLOT_OWNER(word) != XDPLB_SLOT_OWNER(old->slot[s]);
	outcome->more |= !set->old_slots && !slot_adopts(old, s, now);
}

static void words_make(const struct marks *old, struct marks *set, __u32 now,
		       struct outcome *outcome)
{
	bool same = same_slots(old, set) && !set->old_slots;

	for (__u32 s = 0; s < set->slots; s++) {
		set->slot[s] = same ? word_after(old, set, s, now) : word_anew(set, set->slot[s]);
		outcome_of_slot(old, set, s, now, outcome);
	}
}

static __u32 window_end(const struct marks *old, const struct outcome *outcome, __u32 now,
			__u32 window, __u32 slow_start)
{
	bool open = marks_in_window(old->window_end, now);
	__u32 end = old->window_end && !open ? old->window_end : now;

	if (!outcome->adopts)
		return outcome->marked ? end : 0;
	end = open ? old->window_end : now;
	if (outcome->more && (__s32)(now + window - end) > 0)
		end = now + window;
	if ((outcome->more || outcome->moves) && (__s32)(now + slow_start - end) > 0)
		end = now + slow_start;
	return end;
}

void marks_make(const struct marks *old, struct marks *set, __u32 now, __u32 window,
		__u32 slow_start)
{
	struct outcome outcome = {};

	set->old_slots = marks_old_slots(old, set, now);
	set->old_hash_bits = set->old_forward = 0;
	set->window_end = 0;
	if (!old || set->flags & XDPLB_SET_STATELESS)
		return;
	set->old_forward = any_adopts(old, now) ? old->old_forward : old->forward;
	if (set->old_slots) {
		old_slots_make(old, set, now);
		outcome.adopts = true;
		outcome.more = !has_old_slots(old, now);
	}
	if (set->pick == XDPLB_PICK_HASH)
		words_make(old, set, now, &outcome);
	if (!outcome.adopts)
		set->old_forward = 0;
	set->window_end = window_end(old, &outcome, now, window, slow_start);
}

bool marks_clear(const struct marks *set, const bool *needed)
{
	bool left = false;

	for (__u32 s = 0; s < set->slots; s++) {
		__u32 word = XDPLB_SLOT_OWNER(set->slot[s]);

		if (needed[s])
			word |= set->slot[s] & XDPLB_SLOT_LOOKUP;
		left |= (word & XDPLB_SLOT_LOOKUP) != 0;
		if (word != set->slot[s])
			__atomic_store_n(&set->slot[s], word, __ATOMIC_RELAXED);
	}
	return left;
}
