// SPDX-License-Identifier: GPL-2.0-only
#include "health.h"

#include <string.h>

void health_begin(struct health *health, bool up)
{
	memset(health, 0, sizeof(*health));
	health->up = health->last = up;
}

void health_anew(struct health *health)
{
	health->up = true;
	health->row = 0;
}

bool health_is_flapping(const struct health *health, const struct damping_options *damping,
			uint64_t now)
{
	uint64_t first;

	if (!damping->flaps || health->flaps < damping->flaps)
		return false;
	first = health->flap[(health->flaps - damping->flaps) % HEALTH_FLAPS];
	return now - first <= damping->within * 1000ULL;
}

static void verdict_set(struct health *health, bool up, uint64_t now)
{
	health->up = up;
	health->row = 0;
	health->since = now;
	health->damped = false;
	if (!up)
		health->flap[health->flaps++ % HEALTH_FLAPS] = now;
}

/* The backend has passed often enough: does anything keep it out? */
static bool is_held(struct health *health, const struct damping_options *damping, uint64_t now)
{
	/* Once held, it is held until it has been well for long enough. */
	if (health->damped || health_is_flapping(health, damping, now))
		health->damped = now - health->well_since < damping->hold * 1000ULL;
	return health->damped;
}

bool health_result(struct health *health, const struct check_options *check,
		   const struct damping_options *damping, bool passed, uint64_t now)
{
	if (!passed)
		health->well_since = 0;
	else if (!health->well_since)
		health->well_since = now;
	health->last = passed;
	if (passed == health->up) {
		health->row = 0;
		return false;
	}
	if (health->row < 0xffff)
		health->row++;
	if (health->row < (passed ? check->rise : check->fall))
		return false;
	if (passed && is_held(health, damping, now))
		return false;
	verdict_set(health, passed, now);
	return true;
}
