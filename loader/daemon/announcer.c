// SPDX-License-Identifier: GPL-2.0-only
#include "announcer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../announce.h"
#include "../announce_choice.h"
#include "../chain.h"
#include "../drained.h"
#include "../error.h"
#include "log.h"

#define TICK_US 1000000ULL
#define MEND_TICKS 10 /* what somebody else took away, or what failed, is put right so often */

struct announcer {
	sd_event_source *tick;
	struct announce_place place; /* of the last time */
	bool on; /* there was a last time */
	struct prefix *prefix; /* what is announced */
	int count;
	int ticks; /* since the kernel was looked at */
	bool ending; /* nothing is announced any more */
	int ifindex; /* where the balancer was found last */
};

/* ---- what is healthy ---------------------------------------------------------------------------
 */

enum answer {
	NO,
	YES,
	UNKNOWN
};

/* New flows find this backend, as far as is known. */
static enum answer backend_answers(const struct watched_backend *backend)
{
	__u8 own = own_state(&backend->place);

	if (own != XDPLB_UP && own != XDPLB_BACKUP)
		return NO;
	if (backend->options->type == CHECK_OFF || backend->fallback || backend->forced)
		return backend->health.silent ? NO : YES;
	if (!backend->health.up || backend->health.silent)
		return NO;
	return backend->check.passed ? YES : UNKNOWN;
}

/* Whoever registers is nobody's to check. */
static enum answer service_answers(const struct watched_service *service, bool listens)
{
	enum answer best = NO;

	if (service->gone)
		return NO;
	if (listens)
		return YES;
	for (int i = 0; i < service->backends; i++) {
		enum answer answer = backend_answers(service->backend[i]);

		if (answer == YES)
			return YES;
		if (answer == UNKNOWN)
			best = UNKNOWN;
	}
	return best;
}

static bool is_announced(const struct announcer *announcer, const __be32 addr[4])
{
	for (int i = 0; i < announcer->count; i++)
		if (prefix_has(&announcer->prefix[i], addr))
			return true;
	return false;
}

/*
 * The services, malloc()ed. Of what is not known yet the address stays as it is:
 * another balancer may know, and what is announced is not withdrawn by a restart.
 */
static struct announce_service *services_read(const struct daemon *daemon,
					      const struct announcer *announcer)
{
	struct announce_service *service = calloc(daemon->services + 1, sizeof(*service));

	for (int i = 0; service && i < daemon->services; i++) {
		const struct watched_service *watched = daemon->service[i];
		enum answer answer =
			service_answers(watched, wanted_listens(&daemon->configuration.service[i]));

		memcpy(service[i].addr, watched->at.addr, sizeof(service[i].addr));
		service[i].healthy = answer == YES || (answer == UNKNOWN &&
						       is_announced(announcer, watched->at.addr));
	}
	if (!service)
		fail(ENOMEM, "no memory for %d services", daemon->services);
	return service;
}

static bool is_on(int ifindex, __u32 balancer)
{
	struct chain_program found;

	return ifindex && chain_look(ifindex, &found) && program_config_map(found.id) == balancer;
}

/* Packets meet the balancer: an interface has it. */
static bool is_attached(const struct daemon *daemon, struct announcer *announcer)
{
	struct chain_program found[CHAIN_MAX];

	if (is_on(announcer->ifindex, daemon->balancer))
		return true;
	if (chain_of(daemon->balancer, found, CHAIN_MAX) <= 0)
		return false;
	announcer->ifindex = found[0].ifindex;
	return true;
}

/* What shall be announced, malloc()ed into *prefix. Returns how many, or a negative errno. */
static int wanted_read(const struct daemon *daemon, struct announcer *announcer,
		       struct prefix **prefix)
{
	const struct announce_settings *settings = &daemon->configuration.daemon.announce;
	struct announce_service *service;
	int count;

	if (announcer->ending || !settings->on || is_drained() || !is_attached(daemon, announcer)) {
		*prefix = calloc(1, sizeof(**prefix));
		return *prefix ? 0 : -ENOMEM;
	}
	service = services_read(daemon, announcer);
	if (!service)
		return -ENOMEM;
	count = announce_choose(settings, service, daemon->services, prefix);
	free(service);
	return count;
}

/* ---- what is announced ----------------------------------------------------------------------- */

static bool has(const struct prefix *list, int count, const struct prefix *prefix)
{
	return count && bsearch(prefix, list, count, sizeof(*list), prefix_order);
}

/* A line for each that is in one list and not in the other; both are sorted. */
static void difference_say(const char *what, const struct prefix *list, int count,
			   const struct prefix *other, int others)
{
	for (int i = 0; i < count; i++) {
		char text[PREFIX_TEXT];
		struct event event;

		if (has(other, others, &list[i]))
			continue;
		event_begin(&event, LOG_NOTICE, what);
		event_add(&event, "address", "%s", prefix_text(&list[i], text));
		event_say(&event);
	}
}

static void announced_set(struct announcer *announcer, struct prefix *prefix, int count)
{
	difference_say("withdrawn", announcer->prefix, announcer->count, prefix, count);
	difference_say("announced", prefix, count, announcer->prefix, announcer->count);
	free(announcer->prefix);
	announcer->prefix = prefix;
	announcer->count = count;
}

static bool is_same(const struct announcer *announcer, const struct prefix *prefix, int count)
{
	if (announcer->count != count)
		return false;
	for (int i = 0; i < count; i++)
		if (prefix_order(&announcer->prefix[i], &prefix[i]))
			return false;
	return true;
}

/* What the kernel has of it, in order, malloc()ed. Returns how many, or a negative errno. */
static int announced_read(const struct announcer *announcer, struct prefix **prefix)
{
	int count = announce_read(&announcer->place, prefix);

	if (count > 0)
		qsort(*prefix, count, sizeof(**prefix), prefix_order);
	return count;
}

/* Has the kernel announce just this; takes `prefix`. */
static void announce(struct announcer *announcer, struct prefix *prefix, int count, bool everywhere)
{
	qsort(prefix, count, sizeof(*prefix), prefix_order);
	if (!everywhere && announcer->ticks < MEND_TICKS && is_same(announcer, prefix, count)) {
		free(prefix);
		return;
	}
	announcer->ticks = 0;
	if (announce_match(&announcer->place, prefix, count, everywhere) < 0) {
		/* What can be done was done, and is tried again. */
		free(prefix);
		count = announced_read(announcer, &prefix);
		if (count < 0)
			return;
	}
	announced_set(announcer, prefix, count);
}

void announcer_look(struct daemon *daemon)
{
	struct announcer *announcer = daemon->announcer;
	struct prefix *prefix;
	int count;

	if (!announcer->on)
		return;
	count = wanted_read(daemon, announcer, &prefix);
	if (count >= 0)
		announce(announcer, prefix, count, false);
}

/* ---- a file ------------------------------------------------------------------------------------
 */

/* With another number, or none, what an earlier file had announced would stay for ever. */
static void earlier_withdraw(const struct announce_settings *settings)
{
	struct announce_place place = {};
	struct announcer_note note;

	if (announcer_read(&note) || (settings->on && note.protocol == settings->place.protocol))
		return;
	place.protocol = note.protocol;
	announce_match(&place, NULL, 0, true);
}

/* What is announced, whichever instance did that, is not news. */
static void known_read(struct announcer *announcer)
{
	struct prefix *prefix = NULL;
	int count = announced_read(announcer, &prefix);

	free(announcer->prefix);
	announcer->prefix = prefix;
	announcer->count = count > 0 ? count : 0;
}

void announcer_load(struct daemon *daemon)
{
	const struct announce_settings *settings = &daemon->configuration.daemon.announce;
	struct announcer *announcer = daemon->announcer;
	struct prefix *prefix;
	int count;

	earlier_withdraw(settings);
	announcer_note(settings);
	announcer->on = settings->on;
	announcer->place = settings->place;
	if (!announcer->on) {
		announced_set(announcer, NULL, 0);
		return;
	}
	known_read(announcer);
	count = wanted_read(daemon, announcer, &prefix);
	if (count >= 0)
		announce(announcer, prefix, count, true);
}

int announcer_withdraw(struct daemon *daemon)
{
	int count;

	if (!daemon->announcer || !daemon->announcer->on)
		return 0;
	count = daemon->announcer->count;
	daemon->announcer->ending = true;
	announcer_look(daemon);
	return count ? daemon->configuration.daemon.announce.hold : 0;
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

static int on_tick(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;

	(void)at;
	daemon->announcer->ticks++;
	announcer_look(daemon);
	sd_event_source_set_time_relative(source, TICK_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int announcer_begin(struct daemon *daemon)
{
	int err;

	daemon->announcer = calloc(1, sizeof(*daemon->announcer));
	if (!daemon->announcer)
		return fail(ENOMEM, "no memory to announce");
	err = sd_event_add_time_relative(daemon->event, &daemon->announcer->tick, CLOCK_MONOTONIC,
					 TICK_US, 100000, on_tick, daemon);
	return err < 0 ? fail(err, "cannot begin to announce: %s", strerror(-err)) : 0;
}

void announcer_end(struct daemon *daemon)
{
	if (!daemon->announcer)
		return;
	sd_event_source_disable_unref(daemon->announcer->tick);
	free(daemon->announcer->prefix);
	free(daemon->announcer);
	daemon->announcer = NULL;
}
