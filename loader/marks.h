/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough tracking, user space's half (xdp/tracking.h has the program's):
 * what the words of a new set's slots, and its old slots, must say so that no
 * flow of the set before loses its backend. Pure functions.
 *
 * Flows that nothing remembers exist where the set before tracked none, or
 * where its window has not yet ended. They go where their slot's owner was,
 * until they show themselves in the window and are remembered.
 */
#ifndef XDPLB_MARKS_H
#define XDPLB_MARKS_H

#include <linux/types.h>
#include <stdbool.h>

#include "../xdp/xdplb.h"

/* A set's slots and what the program reads beside them, named as in struct xdplb_set. */
struct marks {
	__u8 pick, flags, forward, hash_bits, old_hash_bits, old_forward;
	__u32 window_end;
	__u32 slots, old_slots;
	__u32 *slot; /* words */
	__u32 *old_slot; /* owners */
};

/* How many old slots a set of this shape (pick, slots, hash_bits) must have room for. */
__u32 marks_old_slots(const struct marks *old, const struct marks *set, __u32 now);

/*
 * Marks a new set that follows `old` (NULL: none): `slot` has owners without
 * marks, `old_slot` room for marks_old_slots(). Fills in everything named
 * old_*, and window_end, which is 0 when nothing is marked. `window` and
 * `slow_start` are in seconds, `now` is the second of the program's clock.
 */
void marks_make(const struct marks *old, struct marks *set, __u32 now, __u32 window,
		__u32 slow_start);

/*
 * Takes away the marks of a set in force whose window has closed (it is not in
 * use any more, see below, and tracks nothing): all, but that slots are looked
 * up where needed[s] says that a flow is remembered which belongs to another
 * than the owner, or by another method. Each word changes at once, and means
 * the same before and after. True: some mark is left.
 */
bool marks_clear(const struct marks *set, const bool *needed);

/* The window is open: owners before the change matter. */
bool marks_in_window(__u32 window_end, __u32 now);

/*
 * The same, or it closed so recently that a CPU whose clock is late may not
 * know it, or a packet be on its way that came before.
 */
bool marks_in_use(__u32 window_end, __u32 now);

#endif
