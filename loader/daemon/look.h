/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what the balancer counts, again and again, so that rates are known whenever somebody asks.
 * A look takes 25 ms with room for a million flows, and 60 with 2000 backends, during which nothing
 * is checked: however many ask, there is one a second at most.
 */
#ifndef XDPLBD_LOOK_H
#define XDPLBD_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "../rates.h"

struct daemon;

struct look {
	sd_event_source *timer;
	struct sample sample; /* of the last look at a balancer */
	struct timespec time; /* of it, since 1970; 0: there was none yet */
	bool found; /* it is there still */
	uint64_t tried; /* microsecond of CLOCK_MONOTONIC of the last look, be it a failure */
	uint32_t number; /* of looks so far */
};

/* 0, or a negative errno after an error line. */
int look_begin(struct daemon *daemon);
void look_end(struct daemon *daemon);

/* Looks, unless the last look was within this second. */
void look_fresh(struct daemon *daemon);

#endif
