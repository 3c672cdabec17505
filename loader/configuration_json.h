/* SPDX-License-Identifier: GPL-2.0-only */
/* What is configured, as JSON with the names and types that list and set print. */
#ifndef XDPLB_CONFIGURATION_JSON_H
#define XDPLB_CONFIGURATION_JSON_H

#include "output.h"
#include "settings.h"
#include "wanted.h"

/* All settings; to be put. */
struct json_object *settings_json(const struct settings *settings);

/*
 * Adds a service's scheduler and forward, and of its other options those that are
 * not the default; "table_size" unless `slots` is 0.
 */
void json_add_options(struct json_object *object, const struct wanted_service *service,
		      __u32 slots);

/* Adds "snat", the source addresses, if there are any. */
void json_add_snats(struct json_object *object, const struct wanted_service *service);

/* Adds "timeout", those that are not the default, if there are any. */
void json_add_timeouts(struct json_object *object, const struct wanted_service *service);

/* Adds what is configured of a backend, but for its address and port. */
void json_add_backend(struct json_object *object, const struct wanted_backend *backend);

#endif
