// SPDX-License-Identifier: GPL-2.0-only
#include "passive.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../error.h"
#include "../flows.h"
#include "../services.h"
#include "../sets.h"
#include "act.h"
#include "log.h"
#include "silence.h"

#define LOOK_US 5000000ULL
#define RETRY_US 100000ULL
#define WAITED 2 /* seconds after its SYN in which a handshake is done */
#define LATELY 60 /* a flow that waits is remembered for so long */

/* By backend id. */
struct seen {
	__u32 waiting[XDPLB_BACKENDS];
	__u32 further[XDPLB_BACKENDS];
};

static void see(const struct flow *flow, void *context)
{
	struct seen *seen = context;

	if (flow->state == XDPLB_FLOW_NEW)
		seen->waiting[flow->backend] += flow->idle >= WAITED && flow->idle < LATELY;
	else if (flow->state >= XDPLB_FLOW_ESTABLISHED && flow->state <= XDPLB_FLOW_CLOSED)
		seen->further[flow->backend] += flow->idle < LATELY;
}

static bool is_wanted(const struct daemon *daemon)
{
	for (int i = 0; i < daemon->services; i++)
		if (daemon->service[i]->options->passive.on)
			return true;
	return false;
}

static void silence_set(struct watched_backend *backend, const struct silence *silence)
{
	const struct passive_options *options = &backend->service->options->passive;
	struct event event;

	if (backend->unanswered == silence->silent)
		return;
	backend->unanswered = silence->silent;
	event_backend(&event, silence->silent ? LOG_WARNING : LOG_NOTICE,
		      silence->silent ? "unanswered" : "answers-again", backend);
	if (silence->silent) {
		event_number(&event, "waiting", silence->waiting);
		event_number(&event, "further", silence->further);
	}
	event_say(&event);
	backend->health.silent = options->acts && silence->silent;
	act_soon(backend->service);
}

/* The service's backends are those of the set, in its order. */
static void service_judge(struct watched_service *service, const struct balancer *balancer,
			  const struct seen *seen)
{
	const struct passive_options *options = &service->options->passive;
	__u32 id = service_find(balancer, &service->at);
	struct silence *silence;

	if (!options->on || !id || set_of(balancer, id)->backends != (__u32)service->backends)
		return;
	silence = calloc(service->backends + 1, sizeof(*silence));
	for (int i = 0; silence && i < service->backends; i++) {
		__u32 backend = set_backend(balancer, id, i)->backend;

		silence[i].waiting = seen->waiting[backend];
		silence[i].further = seen->further[backend];
		silence[i].was = service->backend[i]->unanswered;
	}
	if (silence)
		silence_judge(silence, service->backends, options);
	for (int i = 0; silence && i < service->backends; i++)
		silence_set(service->backend[i], &silence[i]);
	free(silence);
}

static int look(struct daemon *daemon)
{
	struct balancer_choice choice = daemon->choice;
	struct seen *seen = calloc(1, sizeof(*seen));
	struct balancer balancer;
	struct flow_table table;
	int err = seen ? 0 : -ENOMEM;

	choice.at_once = choice.silent = true;
	if (!err)
		err = balancer_open(&balancer, &choice, false);
	if (!err) {
		table = flow_table_of(&balancer);
		flows_scan(&table, see, seen);
		for (int i = 0; i < daemon->services; i++)
			service_judge(daemon->service[i], &balancer, seen);
		balancer_close(&balancer);
	}
	free(seen);
	return err;
}

static int on_look(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;
	int err = is_wanted(daemon) ? look(daemon) : 0;

	(void)at;
	sd_event_source_set_time_relative(source, err == -EBUSY ? RETRY_US : LOOK_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int passive_begin(struct daemon *daemon)
{
	int err = sd_event_add_time_relative(daemon->event, &daemon->passive, CLOCK_MONOTONIC,
					     LOOK_US, 100000, on_look, daemon);

	return err < 0 ? fail(err, "cannot look at flows: %s", strerror(-err)) : 0;
}

void passive_end(struct daemon *daemon)
{
	daemon->passive = sd_event_source_disable_unref(daemon->passive);
}
