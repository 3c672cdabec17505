// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../error.h"
#include "act.h"
#include "daemon.h"
#include "exchange.h"
#include "judge.h"
#include "log.h"
#include "probe.h"
#include "run.h"
#include "web.h"

/* After what waits on a descriptor, so that an answer that is there is never late. */
#define TIMER_PRIORITY SD_EVENT_PRIORITY_IDLE
#define ROOM_MS 20 /* until there may be room for another command */
#define MS 1000ULL /* microseconds */

static uint64_t now_of(const struct watched_backend *backend)
{
	uint64_t now = 0;

	sd_event_now(backend->service->daemon->event, CLOCK_MONOTONIC, &now);
	return now;
}

static int timer_set(struct watched_backend *backend, uint64_t at)
{
	sd_event_source *timer = backend->check.timer;
	int err = sd_event_source_set_time(timer, at);

	return err < 0 ? err : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* ---- results -----------------------------------------------------------------------------------
 */

enum check_verdict check_errno(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL: /* no port is left to send from */
	case EAGAIN:
		return CHECK_NOT_RUN;
	default:
		return CHECK_FAILED;
	}
}

static void reason_set(struct check *check, const char *reason)
{
	snprintf(check->reason, sizeof(check->reason), "%s", reason);
	for (char *at = check->reason; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 127)
			*at = '?';
}

/* Says once that this machine could not, and once that it can again. */
static void not_run_say(const struct watched_backend *backend, bool before)
{
	const struct check *check = &backend->check;
	bool now = check->verdict == CHECK_NOT_RUN;
	struct event event;

	if (now == before)
		return;
	event_backend(&event, now ? LOG_ERR : LOG_NOTICE,
		      now ? "check-not-run" : "check-runs-again", backend);
	if (now)
		event_add(&event, "reason", "%s", check->reason);
	event_say(&event);
}

static void verdict_say(const struct watched_backend *backend)
{
	const struct health *health = &backend->health;
	struct event event;

	event_backend(&event, health->up ? LOG_NOTICE : LOG_WARNING,
		      health->up ? "check-passes" : "check-fails", backend);
	event_add(&event, "check", "%s", check_type_name(backend->options->type));
	event_add(&event, "reason", "%s", backend->check.reason);
	event_say(&event);
}

static void damped_say(const struct watched_backend *backend)
{
	struct event event;

	event_backend(&event, LOG_WARNING, "flapping", backend);
	event_number(&event, "hold", backend->service->options->damping.hold / 1000);
	event_say(&event);
}

/* What a result does to the backend's health. */
static void result_count(struct watched_backend *backend)
{
	bool damped = backend->health.damped, passed = backend->check.verdict == CHECK_PASSED;
	bool last = backend->health.last;

	if (health_result(&backend->health, backend->options, &backend->service->options->damping,
			  passed, now_of(backend)))
		verdict_say(backend);
	else if (last == passed && damped == backend->health.damped)
		return;
	if (!damped && backend->health.damped)
		damped_say(backend);
	/* Whether others may go down depends on who is just failing, too. */
	act_soon(backend->service);
}

void check_result(struct watched_backend *backend, enum check_verdict verdict, const char *reason)
{
	struct check *check = &backend->check;
	uint64_t jitter, interval = backend->options->interval * MS, now = now_of(backend), next;
	bool not_run = check->verdict == CHECK_NOT_RUN;

	check->runs = false;
	check->exchange = NULL;
	check->web = NULL;
	check->run = NULL;
	check->verdict = verdict;
	check->took = now - check->began;
	check->took_all += verdict == CHECK_NOT_RUN ? 0 : check->took;
	check->passed += verdict == CHECK_PASSED;
	check->failed += verdict == CHECK_FAILED;
	check->not_run += verdict == CHECK_NOT_RUN;
	reason_set(check, reason);
	not_run_say(backend, not_run);
	jitter = interval * backend->options->jitter / 100;
	next = check->began + interval - jitter + (jitter ? random() % (2 * jitter) : 0);
	timer_set(backend, next > now ? next : now + 1 * MS);
	if (verdict != CHECK_NOT_RUN)
		result_count(backend);
}

/* ---- a run -------------------------------------------------------------------------------------
 */

static void exchange_done(void *context, enum check_verdict verdict, const char *reason)
{
	struct watched_backend *backend = context;

	free(backend->check.judging);
	backend->check.judging = NULL;
	check_result(backend, verdict, reason);
}

static enum check_verdict judge_of_check(void *context, const unsigned char *answer, size_t length,
					 bool ended, char reason[CHECK_REASON])
{
	struct watched_backend *backend = context;
	bool dns = backend->options->type == CHECK_DNS;

	return (dns ? judge_dns : judge_text)(backend->check.judging, answer, length, ended,
					      reason);
}

/* tcp, udp and dns. */
static void exchange_run(struct watched_backend *backend, __u32 mark)
{
	const struct check_options *options = backend->options;
	struct judging *judging = calloc(1, sizeof(*judging));
	struct exchange_plan plan = {
		.port = options->port ? options->port : backend->place.port,
		.proto = options->type == CHECK_TCP ? IPPROTO_TCP :
			 options->type == CHECK_UDP ? IPPROTO_UDP :
						      backend->service->at.proto,
		.send = options->send,
		.length = options->send ? strlen(options->send) : 0,
		.mark = mark,
		.done = exchange_done,
		.context = backend,
	};

	backend->check.judging = judging;
	if (!judging) {
		exchange_done(backend, CHECK_NOT_RUN, strerror(ENOMEM));
		return;
	}
	memcpy(plan.addr, backend->place.addr, sizeof(plan.addr));
	judging->stream = plan.proto == IPPROTO_TCP;
	judging->expect = options->expect;
	if (options->type == CHECK_DNS) {
		plan.send = judging->query;
		plan.length = dns_query(judging->query, options->query, options->query_type,
					random(), judging->stream);
	}
	if (options->type != CHECK_TCP || options->send || options->expect)
		plan.judge = judge_of_check;
	backend->check.exchange = exchange_begin(backend->service->daemon->event, &plan);
}

static void web_done(void *context, enum check_verdict verdict, const char *reason,
		     const char *body)
{
	(void)body;
	check_result(context, verdict, reason);
}

/* http, https and tls. */
static void web_run(struct watched_backend *backend, __u32 mark)
{
	const struct check_options *options = backend->options;
	const struct web_plan plan = {
		.addr = backend->place.addr,
		.port = options->port ? options->port : backend->place.port,
		.options = options,
		.mark = mark,
		.done = web_done,
		.context = backend,
	};

	backend->check.web = web_ask(backend->service->daemon, &plan);
}

/* Ends what runs, without a result. */
static void run_stop(struct watched_backend *backend)
{
	struct check *check = &backend->check;

	exchange_end(check->exchange);
	web_end(backend->service->daemon, check->web);
	run_end(check->run);
	free(check->judging);
	check->judging = NULL;
	check->exchange = NULL;
	check->web = NULL;
	check->run = NULL;
	check->runs = false;
}

static void run_begin_now(struct watched_backend *backend, uint64_t now)
{
	struct check *check = &backend->check;
	char reason[CHECK_REASON];
	__u32 mark = 0;

	if (backend->options->type == CHECK_COMMAND && !run_has_room(backend->service->daemon)) {
		timer_set(backend, now + ROOM_MS * MS);
		return;
	}
	check->began = now;
	check->runs = true;
	timer_set(backend, now + backend->options->timeout * MS);
	if (probe_is_needed(backend) && probe_prepare(backend, &mark, reason)) {
		check_result(backend, CHECK_NOT_RUN, reason);
		return;
	}
	switch (backend->options->type) {
	case CHECK_HTTP:
	case CHECK_HTTPS:
	case CHECK_TLS:
		web_run(backend, mark);
		break;
	case CHECK_COMMAND:
		run_begin(backend);
		break;
	default:
		exchange_run(backend, mark);
	}
}

static int on_timer(sd_event_source *timer, uint64_t at, void *context)
{
	struct watched_backend *backend = context;
	bool connecting =
		backend->check.exchange && !exchange_is_connected(backend->check.exchange);

	(void)timer;
	if (!backend->check.runs) {
		run_begin_now(backend, now_of(backend));
		return 0;
	}
	/* It was us who did not listen: what was to be read then has not even been asked for. */
	if (now_of(backend) - at > backend->options->timeout * MS / 2) {
		timer_set(backend, now_of(backend) + backend->options->timeout * MS);
		return 0;
	}
	run_stop(backend);
	check_result(backend, CHECK_FAILED, connecting ? "connect: timed out" : "timed out");
	return 0;
}

int check_begin(struct daemon *daemon, struct watched_backend *backend)
{
	uint64_t interval = backend->options->interval * MS;
	int err;

	err = sd_event_add_time(daemon->event, &backend->check.timer, CLOCK_MONOTONIC,
				now_of(backend) + random() % interval, 1 * MS, on_timer, backend);
	if (err >= 0)
		err = sd_event_source_set_priority(backend->check.timer, TIMER_PRIORITY);
	return err < 0 ? fail(err, "cannot begin a check: %s", strerror(-err)) : 0;
}

void check_end(struct watched_backend *backend)
{
	if (backend->check.runs)
		run_stop(backend);
	backend->check.timer = sd_event_source_disable_unref(backend->check.timer);
}
