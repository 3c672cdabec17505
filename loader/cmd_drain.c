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
#include "services.h"
#include "set_layout.h"
#include "sets.h"
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

/* On a terminal one line that changes, else a line for each change. */
static void look_show(const struct look *look, const struct look *before, bool first)
{
	char text[128];

	if (isatty(STDOUT_FILENO)) {
		printf("\r%s\033[K", look_text(look, true, text));
		fflush(stdout);
		return;
	}
	if (!first && look->gone == before->gone && look->flows == before->flows &&
	    !look->window == !before->window)
		return;
	printf("%s\n", look_text(look, first, text));
	fflush(stdout);
}

static bool is_done(const struct look *look)
{
	return look->gone || (!look->flows && !look->window);
}

/* Waits until no flow is left; `seconds` 0: for as long as it takes. */
static int drain_wait(const struct options *options, const struct service_address *at,
		      const struct wanted_backend *backend, __u32 seconds)
{
	const struct timespec step = { .tv_sec = 1 };
	__u32 begin = clock_seconds();
	struct look look, before = {};
	bool first = true;
	char text[128];
	int err;

	do {
		err = look_once(options, at, backend, &look);
		if (err)
			break;
		look_show(&look, &before, first);
		before = look;
		first = false;
		if (is_done(&look))
			break;
		if (seconds && clock_seconds() - begin >= seconds) {
			err = -ETIMEDOUT;
			break;
		}
	} while (!nanosleep(&step, NULL));
	if (!first && isatty(STDOUT_FILENO))
		printf("\n");
	fflush(stdout);
	if (err == -ETIMEDOUT)
		fail(ETIMEDOUT, "%s after %u s; the backend stays in drain",
		     look_text(&look, true, text), seconds);
	return err;
}

int command_drain(struct options *options)
{
	struct wanted_backend backend = {};
	struct service_address at = {};
	long seconds = 0;
	int err = 0;

	if (options->count > 2 && !options->wait)
		return misuse("%s: an argument too many for drain; seconds stand behind --wait",
			      options->arguments[2]);
	if (options->count > 2)
		err = parse_number(options->arguments[2], "--wait", 1, WAIT_MAX, &seconds);
	if (!err)
		err = parse_service(options->arguments[0], &at);
	if (!err)
		err = parse_backend_place(options->arguments[1], &at, &backend);
	if (!err)
		err = service_edit(options, edit_drain);
	return err || !options->wait ? err : drain_wait(options, &at, &backend, seconds);
}
