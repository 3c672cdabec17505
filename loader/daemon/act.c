// SPDX-License-Identifier: GPL-2.0-only
#include "act.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../complete.h"
#include "../error.h"
#include "../names.h"
#include "../services.h"
#include "../sets.h"
#include "../states.h"
#include "announcer.h"
#include "floor.h"
#include "log.h"
#include "watched.h"

#define LOOK_US 1000000ULL /* changes by hand are noticed so soon */
/* Another has the lock: those who wait for it look every 20 ms, and we are first. */
#define RETRY_US 3000ULL
#define TROUBLE_US 1000000ULL

struct act {
	sd_event_source *soon, *look;
	__u32 balancer, phase; /* of the last look */
	bool trouble; /* it cannot be changed, which was said */
};

static void soon_at(struct daemon *daemon, uint64_t delay)
{
	sd_event_source_set_time_relative(daemon->act->soon, delay);
	sd_event_source_set_enabled(daemon->act->soon, SD_EVENT_ONESHOT);
}

/* ---- what somebody else did --------------------------------------------------------------------
 */

static void by_hand_say(const struct watched_backend *backend, const struct wanted_backend *now)
{
	struct event event;

	event_backend(&event, LOG_NOTICE, "by-hand", backend);
	if (own_state(now) != own_state(&backend->place) || now->state != backend->place.state)
		event_add(&event, "state", "%s", state_name(own_state(now)));
	if (own_weight(now) != own_weight(&backend->place))
		event_number(&event, "weight", own_weight(now));
	event_say(&event);
}

static void service_say(const struct watched_service *service, const char *what)
{
	struct event event;

	event_service(&event, LOG_NOTICE, "by-hand", service);
	event_add(&event, "what", "%s", what);
	event_say(&event);
}

/* What the operator wants is another than it was, or he does not let checks have their way. */
static bool is_by_hand(const struct wanted_backend *before, const struct wanted_backend *now)
{
	return own_state(now) != own_state(before) || own_weight(now) != own_weight(before) ||
	       (before->own_state && !now->own_state);
}

/* A backend as it is now; what we did not do ourselves the operator did. */
static void backend_see(struct watched_backend *backend, const struct wanted_backend *now)
{
	backend->seen = true;
	if (is_by_hand(&backend->place, now)) {
		by_hand_say(backend, now);
		backend->forced = !now->own_state && !backend->health.up &&
				  (now->state == XDPLB_UP || now->state == XDPLB_BACKUP);
	}
	if (now->state != backend->place.state || now->weight != backend->place.weight)
		backend->service->dirty = true;
	watched_place_set(backend, now);
}

/* Those that are no more. */
static void unseen_drop(struct watched_service *service)
{
	int left = 0;

	for (int i = 0; i < service->backends; i++) {
		struct watched_backend *backend = service->backend[i];
		struct event event;

		if (backend->seen) {
			service->backend[left++] = backend;
			continue;
		}
		event_backend(&event, LOG_NOTICE, "by-hand", backend);
		event_add(&event, "what", "%s", "removed");
		event_say(&event);
		watched_free(backend);
	}
	service->backends = left;
}

/* Has the backends in the order of the set, so that place i is the same in both. */
static int service_see(struct watched_service *service, const struct wanted_service *now)
{
	for (int i = 0; i < service->backends; i++)
		service->backend[i]->seen = false;
	for (int i = 0; i < now->backends; i++) {
		struct watched_backend *backend = watched_find(service, &now->backend[i], i);
		struct event event;

		if (backend) {
			backend_see(backend, &now->backend[i]);
			continue;
		}
		backend = watched_add(service, &now->backend[i], NULL);
		if (!backend)
			return -ENOMEM;
		backend->seen = true;
		event_backend(&event, LOG_NOTICE, "by-hand", backend);
		event_add(&event, "what", "%s", "added");
		event_say(&event);
		if (watched_begin(backend))
			return -ENOMEM;
		service->dirty = true;
	}
	unseen_drop(service);
	return watched_sort(service, now);
}

/* How packets to tunnels are wrapped. */
static void sources_see(struct watched_service *service, const struct balancer *balancer, __u32 id)
{
	for (int i = 0; i < service->backends; i++) {
		const struct xdplb_backend *entry =
			&balancer->backends[set_backend(balancer, id, i)->backend];

		memcpy(service->backend[i]->source, entry->source, sizeof(entry->source));
		service->backend[i]->spread = entry->flags & XDPLB_BACKEND_SPREAD;
	}
}

static int service_look(struct watched_service *service, const struct balancer *balancer)
{
	__u32 id = service_find(balancer, &service->at);
	struct wanted_service now;
	int err;

	if (!id) {
		if (!service->gone)
			service_say(service, "removed");
		service->gone = true;
		return 0;
	}
	if (service->gone)
		service_say(service, "added");
	service->gone = false;
	err = set_read(balancer, id, &now);
	if (err)
		return err;
	service->forward = now.forward;
	err = service_see(service, &now);
	if (!err)
		sources_see(service, balancer, id);
	wanted_free(&now);
	return err;
}

void act_forget(struct daemon *daemon)
{
	daemon->act->balancer = 0;
	soon_at(daemon, 0);
}

int act_look(struct daemon *daemon, const struct balancer *balancer)
{
	__u32 id = balancer_id(balancer), phase = balancer->config->phase;
	int err = 0;

	if (daemon->act->balancer == id && daemon->act->phase == phase)
		return 0;
	daemon->gue_port = balancer->config->gue_port;
	for (int i = 0; !err && i < daemon->services; i++)
		err = service_look(daemon->service[i], balancer);
	if (!err) {
		daemon->act->balancer = id;
		daemon->act->phase = phase;
	}
	return err;
}

/* ---- what is to be done ------------------------------------------------------------------------
 */

/* Others that fail for the same reason have been heard of by then. */
static bool is_recent(const struct watched_backend *backend, uint64_t now)
{
	const struct check_options *options = backend->options;
	uint64_t round = options->interval * (100ULL + options->jitter) / 100 + options->timeout;

	return backend->health.since && now - backend->health.since < (round + 100) * 1000;
}

static struct standing standing_of(const struct watched_backend *backend, uint64_t now)
{
	const struct health *health = &backend->health;
	bool checked = backend->options->type != CHECK_OFF;

	return (struct standing){
		.own = own_state(&backend->place),
		.now = backend->place.state,
		.healthy = (!checked || health->up) && !health->silent && !backend->agent.state,
		.failing = checked && !health->last,
		.recent = is_recent(backend, now),
		.forced = backend->forced,
		.fallback = backend->fallback,
		.out = checked && !health->up ? 0 : backend->agent.state,
	};
}

static void suspect_set(struct watched_service *service, bool suspect)
{
	struct event event;

	if (service->suspect == suspect)
		return;
	service->suspect = suspect;
	event_service(&event, suspect ? LOG_ERR : LOG_NOTICE,
		      suspect ? "too-many-fail" : "enough-pass", service);
	event_number(&event, "healthy", service_healthy(service));
	if (suspect)
		event_add(&event, "what", "%s", "the last good set is kept");
	event_say(&event);
}

/* True: too many fail, see floor_decide(). */
static bool standing_decide(const struct watched_service *service, struct standing *standing)
{
	uint64_t now;

	sd_event_now(service->daemon->event, CLOCK_MONOTONIC, &now);
	for (int i = 0; i < service->backends; i++)
		standing[i] = standing_of(service->backend[i], now);
	return floor_decide(standing, service->backends, service->options->min_up,
			    service->options->on_fail);
}

/* Its checks fail, and it is in use as before. */
static bool is_kept(const struct watched_backend *backend, const struct standing *one)
{
	return !backend->health.up && !one->forced && one->now == one->own &&
	       (one->own == XDPLB_UP || one->own == XDPLB_BACKUP);
}

/* Some are, as too many others fail or may be about to follow. */
static bool keeps_any(const struct watched_service *service, const struct standing *standing)
{
	for (int i = 0; i < service->backends; i++)
		if (is_kept(service->backend[i], &standing[i]) &&
		    standing[i].then == standing[i].own)
			return true;
	return false;
}

/*
 * Enough pass again: the first of those that failed together. The others were kept, and
 * what was found of them meanwhile says nothing against them.
 */
static void kept_anew(struct watched_service *service, const struct standing *standing)
{
	for (int i = 0; i < service->backends; i++)
		if (is_kept(service->backend[i], &standing[i]))
			health_anew(&service->backend[i]->health);
}

/* Decides what each backend's state shall be, in its standing's `then`; malloc()ed. */
static struct standing *service_decide(struct watched_service *service)
{
	struct standing *standing = calloc(service->backends + 1, sizeof(*standing));
	bool suspect;

	if (!standing)
		return NULL;
	for (int i = 0; i < service->backends; i++)
		service->backend[i]->forced &= !service->backend[i]->health.up;
	suspect = standing_decide(service, standing);
	if (service->keeps && !keeps_any(service, standing)) {
		kept_anew(service, standing);
		suspect = standing_decide(service, standing);
	}
	service->keeps = keeps_any(service, standing);
	suspect_set(service, suspect);
	return standing;
}

/* Weights by what agents say; all in the same measure. True: one changes. */
static bool weights_want(const struct watched_service *service, struct wanted_service *wanted)
{
	bool spoken = false, changes = false;
	__u16 largest = 1;

	for (int i = 0; i < wanted->backends; i++) {
		__u16 own = own_weight(&wanted->backend[i]);

		spoken |= service->options->agent.on && service->backend[i]->agent.percent != 100;
		largest = own > largest ? own : largest;
	}
	for (int i = 0; i < wanted->backends; i++) {
		struct wanted_backend *backend = &wanted->backend[i];
		__u16 own = own_weight(backend), before = backend->weight;

		backend->weight = spoken ? agent_weight(own, service->backend[i]->agent.percent,
							agent_is_fine(largest)) :
					   own;
		backend->own_weight = spoken ? own : 0;
		changes |= backend->weight != before;
	}
	return changes;
}

/* What the set is to be; false: it is so already. */
static bool service_want(struct watched_service *service, struct wanted_service *wanted)
{
	struct standing *standing = service_decide(service);
	bool changes = false;

	for (int i = 0; standing && i < wanted->backends; i++) {
		struct wanted_backend *backend = &wanted->backend[i];
		__u8 own = own_state(backend), then = standing[i].then;

		if (backend->state == then)
			continue;
		changes = true;
		backend->state = then;
		backend->own_state = then == own ? 0 : own;
	}
	free(standing);
	return weights_want(service, wanted) || changes;
}

/* The service's set as it is now, if it is to be another; NULL: it is not. */
static struct wanted_service *service_change(struct watched_service *service,
					     const struct balancer *balancer)
{
	struct wanted_service *wanted = calloc(1, sizeof(*wanted));
	__u32 id = service_find(balancer, &service->at);

	service->dirty = false;
	if (wanted && id && !set_read(balancer, id, wanted) && service_want(service, wanted))
		return wanted;
	if (wanted)
		wanted_free(wanted);
	free(wanted);
	return NULL;
}

static const char *reason_of(const struct watched_backend *backend)
{
	if (!backend->health.up && backend->options->type != CHECK_OFF)
		return backend->check.reason;
	if (backend->health.silent)
		return "its flows get no answer";
	return backend->fallback ? "a backup stands by" : "its agent wants it";
}

static void state_say(const struct watched_backend *backend, const struct wanted_backend *now)
{
	bool worse = now->own_state != 0;
	struct event event;

	event_backend(&event, worse ? LOG_WARNING : LOG_NOTICE, "state", backend);
	event_add(&event, "from", "%s", state_name(backend->place.state));
	event_add(&event, "to", "%s", state_name(now->state));
	if (worse)
		event_add(&event, "reason", "%s", reason_of(backend));
	event_say(&event);
}

/* It is in force. */
static void service_done(struct watched_service *service, const struct wanted_service *wanted)
{
	for (int i = 0; i < service->backends; i++) {
		struct watched_backend *backend = service->backend[i];
		const struct wanted_backend *now = &wanted->backend[i];

		if (now->state != backend->place.state)
			state_say(backend, now);
		watched_place_set(backend, now);
	}
}

static int changes_run(struct daemon *daemon, struct balancer *balancer,
		       struct watched_service **service, struct wanted_service **wanted, int count)
{
	int err = states_change(balancer, wanted, count);

	for (int i = 0; i < count; i++) {
		if (err)
			service[i]->dirty = true;
		else
			service_done(service[i], wanted[i]);
	}
	if (!err)
		daemon->act->phase = balancer->config->phase;
	return err;
}

/* All that is to change, in one step. */
static int act_all(struct daemon *daemon, struct balancer *balancer)
{
	struct watched_service **service =
		calloc(daemon->services + 1, sizeof(struct watched_service *));
	struct wanted_service **wanted =
		calloc(daemon->services + 1, sizeof(struct wanted_service *));
	int count = 0, err = service && wanted ? 0 : -ENOMEM;

	for (int i = 0; !err && i < daemon->services; i++) {
		service[count] = daemon->service[i];
		if (service[count]->dirty && !service[count]->gone &&
		    (wanted[count] = service_change(service[count], balancer)))
			count++;
	}
	if (!err && count)
		err = changes_run(daemon, balancer, service, wanted, count);
	for (int i = 0; i < count; i++) {
		wanted_free(wanted[i]);
		free(wanted[i]);
	}
	free(service);
	free(wanted);
	return err;
}

/* ---- when --------------------------------------------------------------------------------------
 */

static void trouble_say(struct act *act, int err)
{
	struct event event;

	if (act->trouble == (err != 0))
		return;
	act->trouble = err;
	event_begin(&event, err ? LOG_ERR : LOG_NOTICE, err ? "cannot-act" : "can-act");
	if (err)
		event_add(&event, "reason", "%s", strerror(-err));
	event_say(&event);
}

static int act_run(struct daemon *daemon)
{
	struct balancer_choice choice = daemon->choice;
	struct balancer balancer;
	int err;

	choice.at_once = choice.silent = true;
	err = balancer_open(&balancer, &choice, true);
	if (err)
		return err;
	if (balancer_id(&balancer) != daemon->balancer) {
		balancer_close(&balancer);
		return daemon_reapply(daemon);
	}
	err = act_look(daemon, &balancer);
	if (!err)
		err = act_all(daemon, &balancer);
	balancer_close(&balancer);
	return err;
}

static int on_soon(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;
	int err = act_run(daemon);

	(void)source, (void)at;
	if (err == -EBUSY) {
		soon_at(daemon, RETRY_US);
		return 0;
	}
	trouble_say(daemon->act, err);
	announcer_look(daemon);
	if (err)
		soon_at(daemon, TROUBLE_US);
	return 0;
}

/* Whether somebody has made a change; that there is no balancer any more is one too. */
static void look_quickly(struct daemon *daemon)
{
	struct balancer_choice choice = daemon->choice;
	struct balancer balancer;
	bool changed;
	int err;

	choice.at_once = choice.silent = choice.no_flows = true;
	err = balancer_open(&balancer, &choice, false);
	if (err == -EBUSY)
		return;
	changed = err || balancer_id(&balancer) != daemon->balancer ||
		  balancer.config->phase != daemon->act->phase;
	if (!err)
		balancer_close(&balancer);
	if (changed)
		soon_at(daemon, 0);
}

static int on_look(sd_event_source *source, uint64_t at, void *context)
{
	struct daemon *daemon = context;

	(void)at;
	/* While there is no balancer, `soon` looks for one. */
	if (!daemon->act->trouble)
		look_quickly(daemon);
	sd_event_source_set_time_relative(source, LOOK_US);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

void act_soon(struct watched_service *service)
{
	int enabled;

	service->dirty = true;
	/* Not sooner than in a moment that is known already. */
	if (sd_event_source_get_enabled(service->daemon->act->soon, &enabled) >= 0 && !enabled)
		soon_at(service->daemon, 0);
}

int act_begin(struct daemon *daemon)
{
	int err;

	daemon->act = calloc(1, sizeof(*daemon->act));
	if (!daemon->act)
		return fail(ENOMEM, "no memory to act");
	err = sd_event_add_time(daemon->event, &daemon->act->soon, CLOCK_MONOTONIC, 0, 1000,
				on_soon, daemon);
	if (err >= 0)
		err = sd_event_source_set_enabled(daemon->act->soon, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_time_relative(daemon->event, &daemon->act->look, CLOCK_MONOTONIC,
						 LOOK_US, 100000, on_look, daemon);
	return err < 0 ? fail(err, "cannot begin to act: %s", strerror(-err)) : 0;
}

void act_end(struct daemon *daemon)
{
	if (!daemon->act)
		return;
	sd_event_source_disable_unref(daemon->act->soon);
	sd_event_source_disable_unref(daemon->act->look);
	free(daemon->act);
	daemon->act = NULL;
}
