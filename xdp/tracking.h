/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough tracking: which flows are looked up and remembered, and whose a
 * packet is of a flow that is not. Pure functions of a set, a slot's word and
 * the time; the simulation in testing/ runs them too.
 *
 * In the steady state slots decide and nothing is remembered. A change marks
 * the slots that it gives to another owner: from then on, until the window
 * closes, each flow that shows itself there is remembered, a new one with the
 * owner, any other with who had the slot before.
 */
#ifndef XDPLB_TRACKING_H
#define XDPLB_TRACKING_H

#include <stdbool.h>

#include "xdplb.h"

/* Flows of this slot may be in the flow table. */
static inline bool is_looked_up(const struct xdplb_set *set, __u32 word)
{
	if (set->flags & XDPLB_SET_STATELESS)
		return false;
	return set->flags & XDPLB_SET_TRACK || word & (XDPLB_SLOT_LOOKUP | XDPLB_SLOT_ADOPT);
}

/* In this slot, flows that are not remembered belong to who had it before the change. */
static inline bool is_adopting(const struct xdplb_set *set, __u32 word, __u32 now)
{
	if (set->flags & XDPLB_SET_STATELESS || (__s32)(set->window_end - now) <= 0)
		return false;
	return set->pick == XDPLB_PICK_HASH ? word & XDPLB_SLOT_ADOPT : set->old_slots != 0;
}

/*
 * The flow that this packet belongs to, which is not remembered, begins with
 * it. UDP does not say so: while slots adopt, its flows are taken for old ones.
 */
static inline bool is_opening(bool tcp, bool syn, bool adopting)
{
	return tcp ? syn : !adopting;
}

/*
 * It shall be remembered. With dnat and local also where nobody has seen it
 * begin, since replies are known by their flows.
 */
static inline bool is_to_remember(const struct xdplb_set *set, bool opens, bool adopting)
{
	bool known = set->forward == XDPLB_DNAT || set->forward == XDPLB_LOCAL;

	return adopting || (set->flags & XDPLB_SET_TRACK && (opens || known));
}

#endif
