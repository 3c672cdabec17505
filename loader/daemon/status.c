// SPDX-License-Identifier: GPL-2.0-only
#include "status.h"

#include "../counts_json.h"
#include "../names.h"
#include "../rates_json.h"

const char *check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[] = {
		[CHECK_NONE] = "none",
		[CHECK_PASSED] = "passed",
		[CHECK_FAILED] = "failed",
		[CHECK_NOT_RUN] = "not_run",
	};

	return names[verdict];
}

static void json_add_seconds(struct json_object *object, const char *key, double seconds)
{
	json_object_object_add(object, key, json_object_new_double(seconds));
}

/* ---- a backend ---------------------------------------------------------------------------------
 */

static struct json_object *json_check(const struct watched_backend *backend)
{
	const struct check *check = &backend->check;
	struct json_object *object = json_object_new_object();

	json_add_text(object, "type", check_type_name(backend->options->type));
	json_add_bool(object, "healthy", backend->health.up);
	json_add_bool(object, "held", backend->health.damped);
	json_add_text(object, "result", check_verdict_name(check->verdict));
	json_add_text(object, "reason", check->reason);
	json_add_seconds(object, "duration_seconds", check->took / 1e6);
	json_add_number(object, "passed", check->passed);
	json_add_number(object, "failed", check->failed);
	json_add_number(object, "not_run", check->not_run);
	return object;
}

static struct json_object *json_agent(const struct agent *agent)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "percent", agent->percent);
	json_add_bool(object, "silent", agent->silent);
	return object;
}

static void backend_add(struct json_object *object, const struct view *view, __u32 place)
{
	const struct backend_counts *counts = &view->sample->counts.backend[place];
	const struct watched_backend *backend = view->backend[place];

	json_add_text(object, "state", state_name(counts->state));
	json_add_number(object, "weight", counts->weight);
	json_add_rates(object, &view->sample->backend[place]);
	if (!backend)
		return;
	json_add_text(object, "wanted_state", state_name(own_state(&backend->place)));
	json_add_number(object, "wanted_weight", own_weight(&backend->place));
	json_add_bool(object, "fallback", backend->fallback);
	if (view_is_checked(backend))
		json_object_object_add(object, "check", json_check(backend));
	if (backend->service->options->passive.on)
		json_add_bool(object, "unanswered", backend->unanswered);
	if (backend->service->options->agent.on)
		json_object_object_add(object, "agent", json_agent(&backend->agent));
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static void service_add(struct json_object *object, const struct view *view, __u32 place)
{
	const struct service_counts *counts = &view->sample->counts.service[place];
	const struct watched_service *service = view->service[place];
	struct json_object *backends = json_object_object_get(object, "backends");

	json_add_text(object, "forward", forward_name(counts->forward));
	json_add_rates(object, &view->sample->service[place]);
	json_add_bool(object, "watched", service != NULL);
	if (service) {
		json_add_number(object, "wanted_backends", view_wanted(service));
		json_add_number(object, "healthy_backends", service_healthy(service));
		json_add_bool(object, "floor", service->suspect);
	}
	for (__u32 j = 0; j < counts->backends; j++)
		backend_add(json_object_array_get_idx(backends, j), view, counts->first + j);
}

static void fill_add(struct json_object *object, const struct fill *fill)
{
	struct json_object *inner = json_object_new_object();

	json_add_fill(inner, fill);
	json_object_object_add(object, "fill", inner);
}

/* The counters as `xdplb-config -j stats` has them, and more at each place. */
struct json_object *status_json(const struct view *view)
{
	const struct all_counts *all = &view->sample->counts;
	struct json_object *object = view->found ? json_of_counts(all) : json_object_new_object();
	struct json_object *services = json_object_object_get(object, "services");

	json_add_text(object, "version", XDPLB_VERSION);
	json_add_text(object, "file", view->daemon->file);
	json_add_number(object, "loaded", view->daemon->loaded);
	json_add_bool(object, "rejected", view->daemon->rejected);
	json_add_bool(object, "balancer", view->found);
	if (!view->found)
		return object;
	json_add_time(object, &view->time);
	for (__u32 i = 0; i < all->services; i++)
		service_add(json_object_array_get_idx(services, i), view, i);
	json_add_balancer_rates(object, view->sample);
	fill_add(object, &all->fill);
	return object;
}
