// SPDX-License-Identifier: GPL-2.0-only
#include "floor.h"

#include "../../xdp/xdplb.h"

/* Checks have a say about it. */
static bool is_judged(const struct standing *one)
{
	return !one->fallback && (one->own == XDPLB_UP || one->own == XDPLB_BACKUP);
}

static bool is_well(const struct standing *one)
{
	return one->healthy || one->forced;
}

struct tally {
	__u32 judged;
	__u32 well;
	__u32 steady; /* well, and not about to fail */
	bool fallback;
};

static struct tally tally_of(const struct standing *standing, int count)
{
	struct tally tally = {};

	for (int i = 0; i < count; i++) {
		const struct standing *one = &standing[i];

		tally.fallback |= one->fallback && one->own == XDPLB_BACKUP;
		if (!is_judged(one))
			continue;
		tally.judged++;
		tally.well += is_well(one);
		tally.steady += is_well(one) && !(one->failing && !one->forced);
	}
	return tally;
}

/* A backup that is healthy goes before the fallback, which lets its flows end. */
static __u8 fallback_state(const struct standing *standing, int count)
{
	for (int i = 0; i < count; i++)
		if (!standing[i].fallback && standing[i].then == XDPLB_BACKUP)
			return XDPLB_DRAIN;
	return XDPLB_BACKUP;
}

static __u8 state_of(const struct standing *one, bool suspect, bool waits, __u8 on_fail)
{
	__u8 out = one->out ? one->out : on_fail;

	if (!is_judged(one) || is_well(one))
		return one->own;
	if (suspect && one->recent)
		return one->own;
	if (suspect || waits)
		return one->now == one->own ? one->own : out;
	return out;
}

bool floor_decide(struct standing *standing, int count, struct amount least, __u8 on_fail)
{
	const struct tally tally = tally_of(standing, count);
	__u32 floor = amount_of(least, tally.judged);
	bool suspect, waits;

	if (floor > tally.judged)
		floor = tally.judged;
	if (tally.fallback && floor == 1)
		floor = 0;
	suspect = tally.well < floor;
	/* Some are well by the last but one result: what becomes of them says who is to blame. */
	waits = tally.steady < floor;
	for (int i = 0; i < count; i++)
		standing[i].then = state_of(&standing[i], suspect, waits, on_fail);
	for (int i = 0; i < count; i++)
		if (standing[i].fallback && standing[i].own == XDPLB_BACKUP)
			standing[i].then = fallback_state(standing, count);
	return suspect;
}
