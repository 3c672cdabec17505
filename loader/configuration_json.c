// SPDX-License-Identifier: GPL-2.0-only
#include "configuration_json.h"

#include "defaults.h"
#include "names.h"
#include "service_options.h"

struct json_object *settings_json(const struct settings *settings)
{
	struct json_object *object = json_object_new_object();
	char seed[SEED_TEXT];

	json_add_bool(object, "echo", settings->echo);
	json_add_number(object, "gue_port", settings->gue_port);
	json_add_number(object, "icmp_rate", settings->icmp_rate);
	json_add_number(object, "registration_port", settings->registration_port);
	json_add_text(object, "seed", seed_text(settings, seed));
	return object;
}

/* ---- a service ----------------------------------------------------------------------------- */

void json_add_snats(struct json_object *object, const struct wanted_service *service)
{
	struct json_object *sources;
	char text[ADDRESS_TEXT];

	if (!service->snats)
		return;
	sources = json_object_new_array();
	for (int i = 0; i < service->snats; i++)
		json_object_array_add(sources,
				      json_object_new_string(address_text(service->snat[i], text)));
	json_object_object_add(object, "snat", sources);
}

static void add_affinity(struct json_object *object, const struct wanted_service *service)
{
	struct json_object *inner = json_object_new_object();

	json_add_number(inner, "prefix", service->affinity);
	json_add_number(inner, "timeout", service->timeout[XDPLB_TIMEOUT_AFFINITY]);
	json_object_object_add(object, "affinity", inner);
}

void json_add_timeouts(struct json_object *object, const struct wanted_service *service)
{
	struct json_object *inner = json_object_new_object();

	for (int i = 0; timeout_name(i); i++)
		if (timeout_is_shown(service, i))
			json_add_number(inner, timeout_name(i), service->timeout[i]);
	if (json_object_object_length(inner))
		json_object_object_add(object, "timeout", inner);
	else
		json_object_put(inner);
}

static void add_registration(struct json_object *object,
			     const struct wanted_registration *registration)
{
	json_add_text(object, "registration", registration_name(registration->mode));
	json_add_text(object, "registration_from", registration->anywhere ? "any" : "local");
	json_add_bool(object, "registration_key", registration->keyed);
}

void json_add_options(struct json_object *object, const struct wanted_service *service, __u32 slots)
{
	json_add_text(object, "scheduler", scheduler_name(service->scheduler));
	json_add_text(object, "forward", forward_name(service->forward));
	json_add_snats(object, service);
	if (slots)
		json_add_number(object, "table_size", slots);
	if (service->affinity)
		add_affinity(object, service);
	if (service->slow_start)
		json_add_number(object, "slow_start", service->slow_start);
	json_add_timeouts(object, service);
	if (service->window && service->window != DEFAULT_WINDOW)
		json_add_number(object, "window", service->window);
	if (udp_shown(service))
		json_add_text(object, "udp", udp_shown(service));
	if (service->registration.mode)
		add_registration(object, &service->registration);
}

void json_add_backend(struct json_object *object, const struct wanted_backend *backend)
{
	char text[ADDRESS_TEXT];

	json_add_number(object, "weight", backend->weight);
	json_add_text(object, "state", state_name(backend->state));
	if (mac_given(backend->mac))
		json_add_text(object, "mac", mac_text(backend->mac, text));
}
