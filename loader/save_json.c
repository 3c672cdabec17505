// SPDX-License-Identifier: GPL-2.0-only
#include "save_json.h"

#include <stdio.h>

#include "configuration_json.h"
#include "defaults.h"
#include "names.h"
#include "service_options.h"

/* ---- settings -------------------------------------------------------------------------------- */

static struct json_object *save_settings(const struct settings *settings)
{
	struct json_object *object = json_object_new_object();
	const struct settings *usual = &default_settings;
	char seed[SEED_TEXT];

	if (settings->echo != usual->echo)
		json_add_text(object, "echo", settings->echo ? "on" : "off");
	if (settings->gue_port != usual->gue_port)
		json_add_number(object, "gue-port", settings->gue_port);
	if (settings->icmp_rate != usual->icmp_rate)
		json_add_number(object, "icmp-rate", settings->icmp_rate);
	if (settings->registration_port != usual->registration_port)
		json_add_number(object, "registration-port", settings->registration_port);
	if (settings->seed[0] || settings->seed[1])
		json_add_text(object, "seed", seed_text(settings, seed));
	return object;
}

/* ---- a service ------------------------------------------------------------------------------- */

static void save_registration(struct json_object *object,
			      const struct wanted_registration *registration)
{
	char digits[KEY_TEXT];

	if (!registration->mode)
		return;
	json_add_text(object, "registration", registration_name(registration->mode));
	if (registration->anywhere)
		json_add_text(object, "registration-from", "any");
	if (registration->keyed)
		json_add_text(object, "registration-key", key_text(registration, digits));
}

static void save_options(struct json_object *object, const struct wanted_service *service)
{
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_text(object, "scheduler", scheduler_name(service->scheduler));
	json_add_text(object, "forward", forward_name(service->forward));
	json_add_snats(object, service);
	if (service->affinity)
		json_add_text(object, "affinity", affinity_text(service, text));
	if (service->slow_start)
		json_add_number(object, "slow-start", service->slow_start);
	json_add_timeouts(object, service);
	if (service->window && service->window != DEFAULT_WINDOW)
		json_add_number(object, "window", service->window);
	if (service->table)
		json_add_number(object, "table-size", service->table);
	if (service->udp == WANTED_UDP_STATELESS || service->udp == WANTED_UDP_TRACKED)
		json_add_text(object, "udp",
			      service->udp == WANTED_UDP_TRACKED ? "tracked" : "stateless");
	save_registration(object, &service->registration);
}

static struct json_object *save_backend(const struct wanted_service *service,
					const struct wanted_backend *backend)
{
	struct json_object *object = json_object_new_object();
	char text[ADDRESS_TEXT];

	json_add_text(object, "backend",
		      backend_text(service->forward, backend->addr, backend->port, text));
	if (backend->weight != 1)
		json_add_number(object, "weight", backend->weight);
	if (backend->state != XDPLB_UP)
		json_add_text(object, "state", state_name(backend->state));
	if (mac_given(backend->mac))
		json_add_text(object, "mac", mac_text(backend->mac, text));
	return object;
}

static struct json_object *save_service(const struct wanted_service *service)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();

	save_options(object, service);
	for (int i = 0; i < service->backends; i++)
		json_object_array_add(backends, save_backend(service, &service->backend[i]));
	json_object_object_add(object, "backends", backends);
	return object;
}

struct json_object *save_json(const struct configuration *configuration)
{
	struct json_object *object = json_object_new_object();
	struct json_object *services = json_object_new_array();

	json_object_object_add(object, "settings", save_settings(&configuration->settings));
	for (int i = 0; i < configuration->services; i++)
		json_object_array_add(services, save_service(&configuration->service[i]));
	json_object_object_add(object, "services", services);
	return object;
}
