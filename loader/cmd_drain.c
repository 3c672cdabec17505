// SPDX-License-Identifier: GPL-2.0-only
/* drain: no new flows for a backend; and waiting for those it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "edit.h"
#include "error.h"
#include "flows.h"
#include "marks.h"
#include "progress.h"
#include "services.h"
#include "set_layout.h"
#include "sets.h"
#include "whole.h"
#include "words.h"

#define WAIT_MAX 10000000 /* seconds, four months */

/* What one look shows of a backend that is being drained. */
struct look {
	bool gone; /* the backend, or its service */
	__u32 flows;
	__u32 window; /* seconds in which flows that nothing remembers may show themselves */
};

static int edit_drain(struct wanted_service *wanted, char **words, int count)
{
	(void)count;
	return edit_backend_state(wanted, words[0], XDPLB_DRAIN);
}

/* Flows that nothing remembers may belong to this backend. */
static bool may_be_adopted(const struct balancer *balancer, const struct xdplb_set *set, __u32 id)
{
	const __u32 *old_slot = set_words(balancer->sets, set->old_line);
	const __u32 *slot = set_words(balancer->sets, set->slot_line);

	for (__u32 i = 0; i < set->old_slots; i++)
		if (XDPLB_SLOT_OWNER(old_slot[i]) == id)
			return true;
	for (__u32 i = 0; set->pick == XDPLB_PICK_HASH && !set->old_slots && i < set->slots; i++)
		if (slot[i] & XDPLB_SLOT_ADOPT && XDPLB_SLOT_PREVIOUS(slot[i]) == id)
			return true;
	return false;
}

static void window_look(const struct balancer *balancer, __u32 service, __u32 id, __u32 now,
			struct look *look)
{
	const struct xdplb_set *set = set_of(balancer, service);

	if (set && !(set->flags & XDPLB_SET_STATELESS) && marks_in_window(set->window_end, now) &&
	    may_be_adopted(balancer, set, id))
		look->window = set->window_end - now;
}

/* The id of a backend in a service's set, 0: it is not there. */
static __u32 backend_in_set(const struct balancer *balancer, __u32 service,
			    const struct wanted_backend *wanted)
{
	const struct xdplb_set *set = set_of(balancer, service);

	for (__u32 i = 0; set && i < set->backends; i++) {
		__u32 id = set_backend(balancer, service, i)->backend;
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (backend->port == wanted->port && same_address(backend->addr, wanted->addr))
			return id;
	}
	return 0;
}

/*
 * Its flows, and those of the same listener from before the operator spoke of it.
 * Where each datagram is handed out by itself, flows are nobody's.
 */
static __u32 flows_of(const struct balancer *balancer, __u32 service,
		      const struct wanted_backend *wanted, const struct flow_counts *counts)
{
	__u32 flows = 0;

	if (set_of(balancer, service)->flags & XDPLB_SET_EACH)
		return 0;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (backend->flags && backend->service == service &&
		    backend->port == wanted->port && same_address(backend->addr, wanted->addr))
			flows += counts->active[id];
	}
	return flows;
}

/* Opens the balancer for as long as one look takes, so that others may change it. */
static int look_once(const struct options *options, const struct service_address *at,
		     const struct wanted_backend *wanted, struct look *look)
{
	struct flow_counts *counts = malloc(sizeof(*counts));
	struct flow_table table;
	struct balancer balancer;
	__u32 service, id;
	int err;

	memset(look, 0, sizeof(*look));
	if (!counts)
		return fail(ENOMEM, "no memory to count flows");
	err = balancer_open(&balancer, &options->choice, false);
	if (!err) {
		service = service_find(&balancer, at);
		id = service ? backend_in_set(&balancer, service, wanted) : 0;
		table = flow_table_of(&balancer);
		flows_count(&table, counts);
		look->gone = !id;
		look->flows = id ? flows_of(&balancer, service, wanted, counts) : 0;
		window_look(&balancer, service, id, table.now, look);
		balancer_close(&balancer);
	}
	free(counts);
	return err;
}

static const char *look_text(const struct look *look, bool with_time, char text[128])
{
	const char *plural = look->flows == 1 ? "" : "s";

	if (look->gone)
		snprintf(text, 128, "the backend is gone");
	else if (!look->window)
		snprintf(text, 128, "%u flow%s left", look->flows, plural);
	else if (with_time)
		snprintf(
			text, 128,
			"%u flow%s left, %u min %u s until unremembered ones have shown themselves",
			look->flows, plural, look->window / 60, look->window % 60);
	else
		snprintf(text, 128, "%u flow%s left, and unremembered ones may show themselves",
			 look->flows, plural);
	return text;
}

/* Waiting for flows to end. */
struct wait {
	__u32 begin; /* second */
	__u32 limit; /* seconds, 0: none */
	__u32 most; /* flows that there were at once */
	bool looked;
	struct look before;
};

/* Seconds as minutes and seconds. */
static int add_time(char *text, size_t size, const char *before, __u32 seconds)
{
	return snprintf(text, size, "%s%u:%02u", before, seconds / 60, seconds % 60);
}

/* How far it is, in one line. */
static void wait_progress(const struct wait *wait, const struct look *look)
{
	char text[160];
	size_t length;

	length = snprintf(text, sizeof(text), "%u flow%s left", look->flows,
			  look->flows == 1 ? "" : "s");
	length +=
		add_time(text + length, sizeof(text) - length, ", ", clock_seconds() - wait->begin);
	if (wait->limit)
		length += add_time(text + length, sizeof(text) - length, " of ", wait->limit);
	if (look->window)
		add_time(text + length, sizeof(text) - length,
			 "; unremembered ones may show themselves for ", look->window);
	progress_show(stdout, wait->most - look->flows, wait->most, text);
}

/* On a terminal one line that changes, else a line for each change. */
static void look_show(struct wait *wait, const struct look *look)
{
	const struct look *before = &wait->before;
	bool changed = !wait->looked || look->gone != before->gone ||
		       look->flows != before->flows || !look->window != !before->window;
	char text[128];

	if (look->flows > wait->most)
		wait->most = look->flows;
	if (progress_changes(stdout))
		wait_progress(wait, look);
	else if (changed)
		printf("%s\n", look_text(look, !wait->looked, text));
	fflush(stdout);
	wait->before = *look;
	wait->looked = true;
}

static bool is_done(const struct look *look)
{
	return look->gone || (!look->flows && !look->window);
}

/* Takes the place of the line that changed; others have it already. */
static void wait_end(const struct wait *wait)
{
	char text[128];

	if (!wait->looked || !progress_changes(stdout))
		return;
	progress_clear(stdout);
	printf("%s\n", look_text(&wait->before, true, text));
	fflush(stdout);
}

/* Waits until no flow is left; `seconds` 0: for as long as it takes. */
static int drain_wait(const struct options *options, const struct service_address *at,
		      const struct wanted_backend *backend, __u32 seconds)
{
	const struct timespec step = { .tv_sec = 1 };
	struct wait wait = { .begin = clock_seconds(), .limit = seconds };
	struct look look;
	char text[128];
	int err;

	do {
		err = look_once(options, at, backend, &look);
		if (err)
			break;
		look_show(&wait, &look);
		if (is_done(&look))
			break;
		if (seconds && clock_seconds() - wait.begin >= seconds)
			err = -ETIMEDOUT;
	} while (!err && !nanosleep(&step, NULL));
	wait_end(&wait);
	if (err == -ETIMEDOUT)
		fail(ETIMEDOUT, "%s after %u s; the backend stays in drain",
		     look_text(&look, true, text), seconds);
	return err;
}

static int backend_drain(struct options *options, __u32 seconds)
{
	struct wanted_backend backend = {};
	struct service_address at = {};
	int err = parse_service(options->arguments[0], &at);

	if (!err)
		err = parse_backend_place(options->arguments[1], &at, &backend);
	if (!err)
		err = service_edit(options, edit_drain);
	return err || !options->wait ? err : drain_wait(options, &at, &backend, seconds);
}

/* A backend of a service, or nothing: then all; and seconds behind --wait. */
int command_drain(struct options *options)
{
	bool whole = options->count < 2;
	int count = whole ? 0 : 2;
	long seconds = 0;

	if (options->count > count && !options->wait)
		return whole ? misuse("%s: which backend of it? Without a service the whole "
				      "balancer is drained",
				      options->arguments[0]) :
			       misuse("%s: an argument too many for drain; seconds stand behind "
				      "--wait",
				      options->arguments[count]);
	if (options->count > count &&
	    parse_number(options->arguments[count], "--wait", 1, WAIT_MAX, &seconds))
		return -EINVAL;
	return whole ? whole_drain(options, seconds) : backend_drain(options, seconds);
}
