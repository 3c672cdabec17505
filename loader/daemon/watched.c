// SPDX-License-Identifier: GPL-2.0-only
#include "watched.h"

#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "../grown.h"
#include "probe.h"

const char *watched_text(const struct watched_backend *backend, char *text)
{
	return backend_text(backend->service->forward, backend->place.addr, backend->place.port,
			    text);
}

int service_healthy(const struct watched_service *service)
{
	int healthy = 0;

	for (int i = 0; i < service->backends; i++) {
		const struct watched_backend *backend = service->backend[i];
		__u8 own = own_state(&backend->place);

		healthy += (own == XDPLB_UP || own == XDPLB_BACKUP) && !backend->fallback &&
			   !backend->health.silent &&
			   (backend->options->type == CHECK_OFF || backend->health.up);
	}
	return healthy;
}

void watched_first(struct watched_backend *backend)
{
	const struct wanted_backend *place = &backend->place;
	struct agent *agent = &backend->agent;

	/* What checks took out is out until they pass, and a weight stays until an agent speaks. */
	health_begin(&backend->health, !place->own_state);
	agent->percent = 100;
	if (place->own_weight)
		agent->percent = agent_percent_of(place->own_weight, place->weight);
	agent->smoothed = agent->percent;
}

struct watched_backend *watched_add(struct watched_service *service,
				    const struct wanted_backend *place,
				    const struct check_options *options)
{
	struct watched_backend **more = grown(service->backend, service->backends,
					      sizeof(struct watched_backend *), "backends");
	struct watched_backend *backend = calloc(1, sizeof(*backend));

	if (more)
		service->backend = more;
	if (!more || !backend) {
		free(backend);
		if (more)
			fail(ENOMEM, "no memory for a backend");
		return NULL;
	}
	backend->service = service;
	backend->place = *place;
	backend->options = options ? options : &service->options->check;
	watched_first(backend);
	service->backend[service->backends++] = backend;
	return backend;
}

int watched_begin(struct watched_backend *backend)
{
	int err;

	/* One that was added by hand has begun when it was seen. */
	if (backend->check.timer || backend->agent.timer)
		return 0;
	err = agent_begin(backend);
	if (err || backend->fallback || backend->options->type == CHECK_OFF)
		return err;
	return check_begin(backend->service->daemon, backend);
}

void watched_free(struct watched_backend *backend)
{
	check_end(backend);
	agent_end(backend);
	probe_forget(backend);
	free(backend);
}

struct watched_backend *watched_find(const struct watched_service *service,
				     const struct wanted_backend *place, int first)
{
	if (first < service->backends && same_place(&service->backend[first]->place, place))
		return service->backend[first];
	for (int i = 0; i < service->backends; i++)
		if (same_place(&service->backend[i]->place, place))
			return service->backend[i];
	return NULL;
}

void watched_place_set(struct watched_backend *backend, const struct wanted_backend *now)
{
	backend->place = *now;
}

int watched_sort(struct watched_service *service, const struct wanted_service *now)
{
	struct watched_backend **sorted;

	sorted = calloc(now->backends + 1, sizeof(struct watched_backend *));
	if (!sorted)
		return fail(ENOMEM, "no memory for %d backends", now->backends);
	for (int i = 0; i < now->backends; i++)
		sorted[i] = watched_find(service, &now->backend[i], i);
	for (int i = 0; i < now->backends; i++)
		service->backend[i] = sorted[i];
	free(sorted);
	return 0;
}

static bool same_check(const struct check_options *a, const struct check_options *b)
{
	return a->type == b->type;
}

bool watched_inherit(struct watched_backend *backend, const struct watched_backend *before)
{
	const struct check *check = &before->check;

	backend->agent.percent = before->agent.percent;
	backend->agent.smoothed = before->agent.smoothed;
	backend->agent.state = before->agent.state;
	if (!same_check(backend->options, before->options))
		return false;
	backend->health = before->health;
	backend->health.silent = false;
	backend->check.verdict = check->verdict;
	backend->check.took = check->took;
	backend->check.took_all = check->took_all;
	backend->check.passed = check->passed;
	backend->check.failed = check->failed;
	backend->check.not_run = check->not_run;
	memcpy(backend->check.reason, check->reason, sizeof(check->reason));
	return true;
}
