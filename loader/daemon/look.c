// SPDX-License-Identifier: GPL-2.0-only
#include "look.h"

#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "daemon.h"

#define EVERY_US 5000000ULL
#define FRESH_US 1000000ULL
#define ACCURACY_US 100000ULL

/* Fills `now` from a balancer that is opened for as long as that takes. */
static int sample_take(const struct daemon *daemon, struct sample *now)
{
	const struct look *look = daemon->look;
	struct balancer_choice choice = daemon->choice;
	struct balancer balancer;
	int err;

	choice.at_once = choice.silent = true;
	err = balancer_open(&balancer, &choice, false);
	if (err)
		return err;
	err = counts_read(&balancer, 0, &now->counts);
	balancer_close(&balancer);
	return err ? err : sample_compare(now, look->time.tv_sec ? &look->sample : NULL);
}

static void look_now(struct daemon *daemon, uint64_t at)
{
	struct look *look = daemon->look;
	struct sample now = {};
	int err = sample_take(daemon, &now);

	look->tried = at;
	look->number++;
	/* While somebody makes a change nothing is known to be over. */
	look->found = !err || (err == -EBUSY && look->found);
	if (err) {
		sample_free(&now);
		return;
	}
	sample_free(&look->sample);
	look->sample = now;
	clock_gettime(CLOCK_REALTIME, &look->time);
}

void look_fresh(struct daemon *daemon)
{
	uint64_t now;

	sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	if (!daemon->look->number || now - daemon->look->tried >= FRESH_US)
		look_now(daemon, now);
}

static int on_timer(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;

	(void)at;
	if (daemon->configuration.daemon.http.on) /* else nobody asks */
		look_fresh(daemon);
	sd_event_source_set_time_relative(source, EVERY_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int look_begin(struct daemon *daemon)
{
	int err;

	daemon->look = calloc(1, sizeof(*daemon->look));
	if (!daemon->look)
		return fail(ENOMEM, "no memory to look at counters");
	err = sd_event_add_time_relative(daemon->event, &daemon->look->timer, CLOCK_MONOTONIC,
					 FRESH_US, ACCURACY_US, on_timer, daemon);
	if (err >= 0)
		err = sd_event_source_set_priority(daemon->look->timer, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? fail(err, "cannot begin to look at counters: %s", strerror(-err)) : 0;
}

void look_end(struct daemon *daemon)
{
	if (!daemon->look)
		return;
	sd_event_source_disable_unref(daemon->look->timer);
	sample_free(&daemon->look->sample);
	free(daemon->look);
	daemon->look = NULL;
}
