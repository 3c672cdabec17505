// SPDX-License-Identifier: GPL-2.0-only
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

#include "../apply.h"
#include "../error.h"
#include "act.h"
#include "announcer.h"
#include "http.h"
#include "log.h"
#include "record.h"
#include "watched.h"

/* ---- what is watched ---------------------------------------------------------------------------
 */

static void service_free(struct watched_service *service)
{
	for (int i = 0; i < service->backends; i++)
		watched_free(service->backend[i]);
	free(service->backend);
	free(service);
}

static void services_free(struct watched_service **service, int services)
{
	for (int i = 0; i < services; i++)
		service_free(service[i]);
	free(service);
}

static struct watched_service *service_find_old(const struct daemon *daemon,
						const struct service_address *at, int first)
{
	if (first < daemon->services && !service_order(&daemon->service[first]->at, at))
		return daemon->service[first];
	for (int i = 0; i < daemon->services; i++)
		if (!service_order(&daemon->service[i]->at, at))
			return daemon->service[i];
	return NULL;
}

/* A service of a file, its backends as the file has them; what `old` knew of them stays known. */
static struct watched_service *service_new(struct daemon *daemon,
					   const struct wanted_service *wanted,
					   const struct watched_service *old)
{
	struct watched_service *service = calloc(1, sizeof(*service));

	if (!service) {
		fail(ENOMEM, "no memory for a service");
		return NULL;
	}
	service->daemon = daemon;
	service->at = wanted->at;
	service->forward = wanted->forward;
	service->options = wanted->health;
	service->dirty = true;
	for (int i = 0; i < wanted->backends; i++) {
		const struct wanted_backend *place = &wanted->backend[i];
		struct watched_backend *backend = watched_add(service, place, place->check);
		const struct watched_backend *before =
			old && backend ? watched_find(old, place, i) : NULL;

		if (!backend) {
			service_free(service);
			return NULL;
		}
		backend->fallback = wanted->health->fallback && i == wanted->backends - 1;
		backend->fresh = !before || !watched_inherit(backend, before);
	}
	return service;
}

static struct watched_service **services_new(struct daemon *daemon,
					     const struct configuration *configuration)
{
	struct watched_service **service =
		calloc(configuration->services + 1, sizeof(struct watched_service *));

	for (int i = 0; service && i < configuration->services; i++) {
		const struct wanted_service *wanted = &configuration->service[i];

		service[i] = service_new(daemon, wanted, service_find_old(daemon, &wanted->at, i));
		if (!service[i]) {
			services_free(service, i);
			return NULL;
		}
	}
	return service;
}

/* Begins with what there is: who is out because checks failed is out until they pass. */
static void services_begin(struct daemon *daemon)
{
	for (int i = 0; i < daemon->services; i++) {
		struct watched_service *service = daemon->service[i];

		for (int j = 0; j < service->backends; j++) {
			struct watched_backend *backend = service->backend[j];

			if (backend->fresh)
				watched_first(backend);
			backend->fresh = false;
			watched_begin(backend);
		}
	}
}

/* ---- a file in force ---------------------------------------------------------------------------
 */

static void applied_say(const struct daemon *daemon, const char *event_name)
{
	struct event event;

	event_begin(&event, LOG_NOTICE, event_name);
	event_add(&event, "file", "%s", daemon->file);
	event_number(&event, "services", daemon->services);
	event_say(&event);
}

/* From here on nothing fails: these are watched, in place of the others. */
static void services_replace(struct daemon *daemon, struct watched_service **service, int services)
{
	services_free(daemon->service, daemon->services);
	daemon->service = service;
	daemon->services = services;
}

/* ... and this is the file in force. */
static void file_replace(struct daemon *daemon, struct configuration *configuration,
			 struct file_text *text)
{
	configuration_free(&daemon->configuration);
	daemon->configuration = *configuration;
	file_text_free(&daemon->text);
	daemon->text = *text;
	daemon->loaded = time(NULL);
}

/* The balancer that the daemon is about; see daemon_load() for `first`. */
static int daemon_open(struct daemon *daemon, bool first, struct balancer *balancer)
{
	struct balancer_choice choice = daemon->choice;

	choice.at_once = choice.silent = !first; /* checks go on, and another try comes soon */
	return balancer_open(balancer, &choice, true);
}

/* Sees what has become of it; from here on nothing fails. */
static void enforced(struct daemon *daemon, const struct balancer *balancer, const char *event_name)
{
	daemon->balancer = balancer_id(balancer);
	log_begin(daemon->configuration.daemon.json);
	applied_say(daemon, event_name);
	http_apply(daemon);
	act_forget(daemon);
	if (act_look(daemon, balancer))
		act_forget(daemon);
	announcer_load(daemon);
}

/* Puts a file in force that has been read. */
static int configuration_enforce(struct daemon *daemon, struct configuration *configuration,
				 struct file_text *text, bool first)
{
	struct watched_service **service;
	struct balancer balancer;
	bool goes_on;
	int err = daemon_open(daemon, first, &balancer);

	if (err)
		return err;
	service = services_new(daemon, configuration);
	goes_on = first && record_is(text, balancer_id(&balancer));
	err = service ? 0 : -ENOMEM;
	if (!err && !goes_on)
		err = configuration_apply(&balancer, configuration);
	if (err) {
		services_free(service, service ? configuration->services : 0);
	} else {
		services_replace(daemon, service, configuration->services);
		file_replace(daemon, configuration, text);
		enforced(daemon, &balancer, goes_on ? "goes-on" : "applied");
		if (!goes_on)
			record_write(&daemon->text, daemon->balancer);
		services_begin(daemon);
	}
	balancer_close(&balancer);
	return err;
}

int daemon_reapply(struct daemon *daemon)
{
	struct configuration *configuration = &daemon->configuration;
	struct watched_service **service;
	struct balancer balancer;
	int err = daemon_open(daemon, false, &balancer);

	if (err)
		return err;
	/* What was changed by hand is gone with the balancer that had it. */
	service = services_new(daemon, configuration);
	err = service ? configuration_apply(&balancer, configuration) : -ENOMEM;
	if (err) {
		services_free(service, service ? configuration->services : 0);
	} else {
		services_replace(daemon, service, configuration->services);
		enforced(daemon, &balancer, "applied-again");
		record_write(&daemon->text, daemon->balancer);
		services_begin(daemon);
	}
	balancer_close(&balancer);
	return err;
}

/* Reads the file, and its text as it is then: while somebody writes it they could differ. */
static int configuration_get(const char *path, struct configuration *configuration,
			     struct file_text *text)
{
	struct file_text after;
	bool same = false;
	int err = 0;

	for (int try = 0; !err && !same && try < 5; try++) {
		err = file_text_read(path, text);
		if (err)
			return err;
		err = configuration_read(path, configuration);
		if (!err && file_text_read(path, &after))
			after = (struct file_text){};
		same = !err && after.length == text->length &&
		       (!after.length || !memcmp(after.text, text->text, text->length));
		if (!err)
			file_text_free(&after);
		if (!same)
			file_text_free(text);
		if (!err && !same)
			configuration_free(configuration);
	}
	return !err && !same ? fail(EBUSY, "%s: somebody is writing it", path) : err;
}

int daemon_load(struct daemon *daemon, bool first)
{
	struct configuration configuration;
	struct file_text text = {};
	int err = configuration_get(daemon->file, &configuration, &text);

	daemon->rejected = err != 0;
	if (err)
		return err;
	err = configuration_enforce(daemon, &configuration, &text, first);
	daemon->rejected = err && err != -EBUSY;
	if (err) {
		configuration_free(&configuration);
		file_text_free(&text);
	}
	return err;
}

void daemon_free(struct daemon *daemon)
{
	services_free(daemon->service, daemon->services);
	configuration_free(&daemon->configuration);
	file_text_free(&daemon->text);
	daemon->service = NULL;
	daemon->services = 0;
}
