// SPDX-License-Identifier: GPL-2.0-only
#include "difference_json.h"

#include <string.h>

#include "complete.h"
#include "configuration_json.h"

/* ---- what has changed ------------------------------------------------------------------------ */

static void change_add(struct json_object *changes, const char *key, struct json_object *before,
		       struct json_object *after)
{
	struct json_object *change = json_object_new_object();

	json_object_object_add(change, "before", json_object_get(before));
	json_object_object_add(change, "after", json_object_get(after));
	json_object_object_add(changes, key, change);
}

/* Of each key that two objects do not have alike, both values; null: it is not there. */
static struct json_object *changes_of(struct json_object *before, struct json_object *after)
{
	struct json_object *changes = json_object_new_object();

	json_object_object_foreach(before, key, value)
	{
		struct json_object *then = json_object_object_get(after, key);

		if (!json_object_equal(value, then))
			change_add(changes, key, value, then);
	}
	json_object_object_foreach(after, name, now)
	{
		if (!json_object_object_get_ex(before, name, NULL))
			change_add(changes, name, NULL, now);
	}
	return changes;
}

/* Likewise; both are put. */
static struct json_object *changes_put(struct json_object *before, struct json_object *after)
{
	struct json_object *changes = changes_of(before, after);

	json_object_put(before);
	json_object_put(after);
	return changes;
}

/* ---- settings -------------------------------------------------------------------------------- */

static struct json_object *settings_changes(const struct configuration *before,
					    const struct configuration *after)
{
	struct settings settings = after->settings;

	if (!after->seed_given)
		memcpy(settings.seed, before->settings.seed, sizeof(settings.seed));
	return changes_put(settings_json(&before->settings), settings_json(&settings));
}

/* ---- services -------------------------------------------------------------------------------- */

/* NULL: there is no service, and it has no options. */
static struct json_object *options_json(const struct wanted_service *service)
{
	struct json_object *object = json_object_new_object();

	if (!service)
		return object;
	json_add_options(object, service, service->table);
	if (service->udp == WANTED_UDP_TRACKED)
		json_add_text(object, "udp", "tracked");
	return object;
}

static struct json_object *options_changes(const struct wanted_service *before,
					   const struct wanted_service *after)
{
	struct json_object *changes = changes_put(options_json(before), options_json(after));
	const char *key = "registration_key";

	/* A key for another, of which nothing is shown. */
	if (before && after && before->registration.keyed && after->registration.keyed &&
	    memcmp(before->registration.key, after->registration.key,
		   sizeof(before->registration.key)) &&
	    !json_object_object_get_ex(changes, key, NULL)) {
		struct json_object *keyed = json_object_new_boolean(true);

		change_add(changes, key, keyed, keyed);
		json_object_put(keyed);
	}
	return changes;
}

static struct json_object *backend_json(const struct wanted_backend *backend)
{
	struct json_object *object = backend ? json_object_new_object() : NULL;

	if (backend)
		json_add_backend(object, backend);
	return object;
}

/* A backend that is not the same then; NULL on one side: it is not there. */
static void backend_add(struct json_object *backends, const struct wanted_backend *before,
			const struct wanted_backend *after)
{
	const struct wanted_backend *one = before ? before : after;
	struct json_object *change = json_object_new_object();

	json_add_endpoint(change, one->addr, one->port);
	json_object_object_add(change, "before", backend_json(before));
	json_object_object_add(change, "after", backend_json(after));
	json_object_array_add(backends, change);
}

static const struct wanted_backend *backend_in(const struct wanted_service *service,
					       const struct wanted_backend *backend)
{
	int index = service ? wanted_index(service, backend) : -1;

	return index < 0 ? NULL : &service->backend[index];
}

static struct json_object *backends_changes(const struct wanted_service *before,
					    const struct wanted_service *after)
{
	struct json_object *backends = json_object_new_array();

	for (int i = 0; before && i < before->backends; i++) {
		const struct wanted_backend *then = backend_in(after, &before->backend[i]);

		if (!then || !same_backend(&before->backend[i], then))
			backend_add(backends, &before->backend[i], then);
	}
	for (int i = 0; after && i < after->backends; i++)
		if (!backend_in(before, &after->backend[i]))
			backend_add(backends, NULL, &after->backend[i]);
	return backends;
}

/* A service that is not the same then; NULL on one side: it is not there. */
static void service_add(struct json_object *services, const struct wanted_service *before,
			const struct wanted_service *after)
{
	struct json_object *object = json_object_new_object();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(before ? &before->at : &after->at, text));
	json_add_text(object, "change", !before ? "add" : !after ? "remove" : "change");
	json_object_object_add(object, "options", options_changes(before, after));
	json_object_object_add(object, "backends", backends_changes(before, after));
	json_add_bool(object, "reordered", before && after && another_order(before, after));
	json_object_array_add(services, object);
}

static struct json_object *services_changes(const struct configuration *before,
					    const struct configuration *after)
{
	struct json_object *services = json_object_new_array();

	for (int i = 0; i < before->services; i++) {
		const struct wanted_service *now = &before->service[i];
		const struct wanted_service *then = configuration_service(after, &now->at);

		if (!then || !same_service(now, then))
			service_add(services, now, then);
	}
	for (int i = 0; i < after->services; i++)
		if (!configuration_service(before, &after->service[i].at))
			service_add(services, NULL, &after->service[i]);
	return services;
}

struct json_object *difference_json(const struct configuration *before,
				    const struct configuration *after)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "settings", settings_changes(before, after));
	json_object_object_add(object, "services", services_changes(before, after));
	return object;
}
