/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A check that runs again and again. It begins each interval, give or take the jitter, but not
 * before the last one has ended; a timeout ends it.
 */
#ifndef XDPLBD_CHECK_H
#define XDPLBD_CHECK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../checks.h"

struct daemon;
struct watched_backend;

enum check_verdict {
	CHECK_NONE, /* it has not run yet */
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_NOT_RUN, /* this machine could not: no descriptor, no memory; it counts as nothing */
};

#define CHECK_REASON 160

struct exchange;
struct judging;
struct web_check;
struct command_run;

struct check {
	sd_event_source *timer; /* the next begin, or the end of the time it has */
	bool runs;
	/* what it runs with, one of them while it does */
	struct exchange *exchange;
	struct judging *judging; /* of the exchange */
	struct web_check *web;
	struct command_run *run;

	uint64_t began; /* microseconds of CLOCK_MONOTONIC */
	enum check_verdict verdict; /* of the last one that ended */
	char reason[CHECK_REASON]; /* why it failed, or what passed; printable */
	uint64_t took; /* microseconds */
	uint64_t took_all; /* of all that passed or failed so far */
	uint64_t passed, failed, not_run; /* so many so far */
};

/*
 * Has a backend checked from now on, first at a random time within an interval, so that
 * thousands do not begin together. 0, or a negative errno after an error line.
 */
int check_begin(struct daemon *daemon, struct watched_backend *backend);
/* Ends it, and what is running. */
void check_end(struct watched_backend *backend);

/*
 * For those who run one: the result, once. `reason` is made printable, may come from a backend and
 * end anywhere.
 */
void check_result(struct watched_backend *backend, enum check_verdict verdict, const char *reason);

/* What an errno of this machine's own, or of the network, means. */
enum check_verdict check_errno(int err);

#endif
