// SPDX-License-Identifier: GPL-2.0-only
#include "agent.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../error.h"
#include "../names.h"
#include "act.h"
#include "agent_words.h"
#include "daemon.h"
#include "exchange.h"
#include "log.h"
#include "web.h"

#define MS 1000ULL
#define SILENT_AFTER 5 /* failures */
#define STEADY 5 /* answers */

static uint64_t now_of(const struct watched_backend *backend)
{
	uint64_t now = 0;

	sd_event_now(backend->service->daemon->event, CLOCK_MONOTONIC, &now);
	return now;
}

static const struct agent_options *options_of(const struct watched_backend *backend)
{
	return &backend->service->options->agent;
}

static void timer_set(struct agent *agent, uint64_t at)
{
	sd_event_source_set_time(agent->timer, at);
	sd_event_source_set_enabled(agent->timer, SD_EVENT_ONESHOT);
}

/* ---- what it says ------------------------------------------------------------------------------
 */

static void state_set(struct watched_backend *backend, __u8 state)
{
	struct event event;

	if (backend->agent.state == state)
		return;
	backend->agent.state = state;
	event_backend(&event, LOG_NOTICE, "agent", backend);
	event_add(&event, "wants", "%s", state ? state_name(state) : "up");
	event_say(&event);
	act_soon(backend->service);
}

static void percent_set(struct watched_backend *backend, double smoothed, __u8 step)
{
	struct agent *agent = &backend->agent;
	__u32 percent = agent_percent(smoothed, agent->percent, options_of(backend)->least, step);
	struct event event;

	agent->smoothed = smoothed;
	if (percent == agent->percent)
		return;
	event_backend(&event, LOG_INFO, "agent", backend);
	event_number(&event, "percent", percent);
	event_say(&event);
	agent->percent = percent;
	act_soon(backend->service);
}

/* Who says the same for long is taken at his word: neither smoothed nor too little a change. */
static void percent_take(struct watched_backend *backend, __u32 said)
{
	const struct agent_options *options = options_of(backend);
	struct agent *agent = &backend->agent;

	agent->same = said == agent->said ? agent->same + (agent->same < STEADY) : 1;
	agent->said = said;
	if (agent->same == STEADY)
		percent_set(backend, said, 1);
	else
		percent_set(backend,
			    agent_smooth(agent->smoothed, said,
					 agent->smoothed ? options->smooth : 0),
			    options->step);
}

static void words_take(struct watched_backend *backend, const struct agent_words *words)
{
	bool none = words->percent_given && !words->percent;

	if (words->state_given || none)
		state_set(backend, none && words->state != XDPLB_DOWN ? XDPLB_DRAIN :
				   words->state == XDPLB_UP	      ? 0 :
									words->state);
	else
		state_set(backend, 0);
	if (words->percent_given && !none)
		percent_take(backend, words->percent);
}

/* A backend whose agent says nothing for long has its own weight. */
static void silence_set(struct watched_backend *backend, bool silent, const char *reason)
{
	struct event event;

	if (backend->agent.silent == silent)
		return;
	backend->agent.silent = silent;
	event_backend(&event, silent ? LOG_WARNING : LOG_NOTICE,
		      silent ? "agent-silent" : "agent-again", backend);
	if (silent)
		event_add(&event, "reason", "%s", reason);
	event_say(&event);
	if (!silent)
		return;
	state_set(backend, 0);
	backend->agent.same = 0;
	percent_set(backend, 100, 1);
}

/* The end of one question; `words` NULL: without an answer. */
static void answered(struct watched_backend *backend, const struct agent_words *words,
		     const char *reason)
{
	struct agent *agent = &backend->agent;
	uint64_t now = now_of(backend), next = agent->began + options_of(backend)->interval * MS;

	agent->runs = false;
	agent->exchange = NULL;
	agent->web = NULL;
	timer_set(agent, next > now ? next : now + MS);
	if (words) {
		agent->failures = 0;
		silence_set(backend, false, NULL);
		words_take(backend, words);
	} else if (++agent->failures >= SILENT_AFTER) {
		agent->failures = SILENT_AFTER;
		silence_set(backend, true, reason);
	}
}

/* ---- asking ------------------------------------------------------------------------------------
 */

/* A line that has ended, or the connection has; words are read at the end, once. */
static enum check_verdict line_judge(void *context, const unsigned char *answer, size_t length,
				     bool ended, char reason[CHECK_REASON])
{
	struct watched_backend *backend = context;
	size_t line = agent_line(answer, length);

	if (!line && !ended && length < AGENT_LINE)
		return CHECK_NONE;
	if (!agent_read(answer, line ? line : length, &backend->agent.words)) {
		snprintf(reason, CHECK_REASON, "no line of an agent");
		return CHECK_FAILED;
	}
	return CHECK_PASSED;
}

static void line_done(void *context, enum check_verdict verdict, const char *reason)
{
	struct watched_backend *backend = context;

	answered(backend, verdict == CHECK_PASSED ? &backend->agent.words : NULL, reason);
}

static void web_done(void *context, enum check_verdict verdict, const char *reason,
		     const char *body)
{
	const unsigned char *text = (const unsigned char *)body;
	size_t length = strlen(body), line = agent_line(text, length);
	struct agent_words words;
	bool good = verdict == CHECK_PASSED && agent_read(text, line ? line : length, &words);

	answered(context, good ? &words : NULL,
		 verdict == CHECK_PASSED ? "no line of an agent" : reason);
}

static void ask(struct watched_backend *backend)
{
	const struct agent_options *options = options_of(backend);
	struct daemon *daemon = backend->service->daemon;
	const struct web_plan web = { .addr = backend->place.addr,
				      .port = options->port,
				      .options = &backend->agent.http,
				      .keep = true,
				      .done = web_done,
				      .context = backend };
	struct exchange_plan plan = { .port = options->port,
				      .proto = IPPROTO_TCP,
				      .send = options->send,
				      .length = options->send ? strlen(options->send) : 0,
				      .judge = line_judge,
				      .done = line_done,
				      .context = backend };

	backend->agent.began = now_of(backend);
	backend->agent.runs = true;
	timer_set(&backend->agent, backend->agent.began + options->timeout * MS);
	memcpy(plan.addr, backend->place.addr, sizeof(plan.addr));
	if (options->path)
		backend->agent.web = web_ask(daemon, &web);
	else
		backend->agent.exchange = exchange_begin(daemon->event, &plan);
}

static void stop(struct watched_backend *backend)
{
	exchange_end(backend->agent.exchange);
	web_end(backend->service->daemon, backend->agent.web);
}

static int on_timer(sd_event_source *timer, uint64_t at, void *context)
{
	struct watched_backend *backend = context;

	(void)timer, (void)at;
	if (!backend->agent.runs) {
		ask(backend);
		return 0;
	}
	stop(backend);
	answered(backend, NULL, "timed out");
	return 0;
}

int agent_begin(struct watched_backend *backend)
{
	const struct agent_options *options = options_of(backend);
	struct agent *agent = &backend->agent;
	int err;

	if (!options->on || backend->fallback)
		return 0;
	agent->http = (struct check_options){ .type = CHECK_HTTP,
					      .path = options->path,
					      .timeout = options->timeout };
	err = sd_event_add_time(backend->service->daemon->event, &agent->timer, CLOCK_MONOTONIC,
				now_of(backend) + random() % (options->interval * MS), 1 * MS,
				on_timer, backend);
	if (err >= 0)
		err = sd_event_source_set_priority(agent->timer, SD_EVENT_PRIORITY_IDLE);
	return err < 0 ? fail(err, "cannot ask an agent: %s", strerror(-err)) : 0;
}

void agent_end(struct watched_backend *backend)
{
	if (backend->agent.runs)
		stop(backend);
	backend->agent.runs = false;
	backend->agent.exchange = NULL;
	backend->agent.web = NULL;
	backend->agent.timer = sd_event_source_disable_unref(backend->agent.timer);
}
