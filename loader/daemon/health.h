/* SPDX-License-Identifier: GPL-2.0-only */
/* What results of checks make of a backend. Pure functions; times in microseconds that only grow.
 */
#ifndef XDPLBD_HEALTH_H
#define XDPLBD_HEALTH_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "../checks.h"

#define HEALTH_FLAPS 16

struct health {
	bool up; /* the verdict; before the first it is what traffic has been getting */
	bool last; /* the last result */
	bool damped; /* it would be up, but has failed too often */
	bool silent; /* its flows get no answer, and that takes it out */
	__u16 row; /* results against the verdict, in a row */
	uint64_t since; /* when the verdict became this, 0: with the first look */
	uint64_t well_since; /* when the passed results in a row began, 0: the last one failed */
	uint64_t flap[HEALTH_FLAPS]; /* when it failed, the last ones, around */
	__u32 flaps; /* so far */
};

/* Begins with what the backend is found as. */
void health_begin(struct health *health, bool up);

/* Was not well and stays in use all the same: only new results take it out. */
void health_anew(struct health *health);

/* Takes a result. True: the verdict has changed. */
bool health_result(struct health *health, const struct check_options *check,
		   const struct damping_options *damping, bool passed, uint64_t now);

/* It has failed so often within that time that it would stay out when it passed now. */
bool health_is_flapping(const struct health *health, const struct damping_options *damping,
			uint64_t now);

#endif
