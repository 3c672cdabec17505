// SPDX-License-Identifier: GPL-2.0-only
#include "configuration.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "complete.h"
#include "document.h"
#include "error.h"
#include "grown.h"
#include "names.h"
#include "read_announce.h"
#include "read_daemon.h"
#include "read_health.h"
#include "service_options.h"
#include "sets.h"
#include "words.h"
#include "../client/xdplb-register.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- backends ------------------------------------------------------------------------------ */

static struct wanted_backend *backend_add(struct wanted_service *wanted)
{
	struct wanted_backend *more =
		grown(wanted->backend, wanted->backends, sizeof(*more), "backends");

	if (!more)
		return NULL;
	wanted->backend = more;
	return &more[wanted->backends++];
}

/* KEY=VALUE, as on the command line; `what` ends the error line about one that is too long. */
static int word_of(const struct document *document, const struct document_key *key,
		   const yaml_node_t *value, const char *what, char word[WORD])
{
	const char *text = node_text(document, value);

	if (!text)
		return -EINVAL;
	if (snprintf(word, WORD, "%s=%s", key->name, text) >= WORD)
		return fail(EINVAL, "%s: too long%s", text, what);
	return 0;
}

static int read_backend_option(struct document *document, const struct document_key *key,
			       yaml_node_t *value, void *into)
{
	char word[WORD];
	int err = word_of(document, key, value, "", word);

	return err ? err : parse_backend_option(word, into);
}

/* It is read ahead of the others, or by health_read(). */
static int read_nothing(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	(void)document, (void)key, (void)value, (void)into;
	return 0;
}

static const struct document_key backend_keys[] = {
	{ "backend", read_nothing },	  { "weight", read_backend_option },
	{ "state", read_backend_option }, { "mac", read_backend_option },
	{ "check", read_nothing },
};

/* A backend is a word as on the command line, or a mapping. */
static int read_backend(struct document *document, yaml_node_t *node, void *into)
{
	struct wanted_service *wanted = into;
	yaml_node_t *place = mapping_value(document, node, "backend");
	bool is_word = node->type == YAML_SCALAR_NODE;
	struct wanted_backend *backend;
	const char *text;
	int err;

	if (!is_word && !place)
		return fail(EINVAL, "backend: is missing: a backend is 10.0.0.1:8080,weight=2, or "
				    "a mapping with backend: 10.0.0.1:8080");
	if (!is_word)
		node_here(place, "backend");
	text = node_text(document, is_word ? node : place);
	backend = text ? backend_add(wanted) : NULL;
	if (!backend)
		return -EINVAL;
	err = is_word ? parse_backend(text, &wanted->at, backend) :
			parse_backend_place(text, &wanted->at, backend);
	backend->place = node_place(is_word ? node : place);
	if (err || is_word)
		return err;
	return mapping_read(document, node, "a backend", backend_keys, COUNT(backend_keys),
			    backend);
}

static int read_backends(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	return sequence_read(document, value, key->name, "backends", read_backend, into);
}

/* ---- options of a service -------------------------------------------------------------------- */

static int read_option(struct document *document, const struct document_key *key,
		       yaml_node_t *value, void *into)
{
	const char *text = node_text(document, value);

	return text ? service_option(key->name, text, into) : -EINVAL;
}

static int read_snat(struct document *document, yaml_node_t *entry, void *into)
{
	const char *text = node_text(document, entry);

	return text ? parse_snat(text, into) : -EINVAL;
}

/* One address, or a list. */
static int read_snats(struct document *document, const struct document_key *key, yaml_node_t *value,
		      void *into)
{
	if (value->type == YAML_SCALAR_NODE)
		return read_snat(document, value, into);
	return sequence_read(document, value, key->name, "source addresses", read_snat, into);
}

static int read_affinity(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	const char *text = node_text(document, value);

	(void)key;
	return text ? parse_affinity(text, into) : -EINVAL;
}

static int read_timeout(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	char word[WORD];
	int err = word_of(document, key, value, " for seconds", word);

	return err ? err : parse_timeouts(word, into);
}

static int read_timeouts(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	struct document_key keys[XDPLB_TIMEOUTS];
	size_t count = 0;

	(void)key;
	for (; timeout_name(count); count++)
		keys[count] = (struct document_key){ timeout_name(count), read_timeout };
	return mapping_read(document, value, "timeout", keys, count, into);
}

static int read_udp(struct document *document, const struct document_key *key, yaml_node_t *value,
		    void *into)
{
	const struct wanted_service *wanted = into;
	char text[ADDRESS_TEXT];

	if (wanted->at.proto != IPPROTO_UDP)
		return fail(EINVAL, "%s is no udp service; leave it out",
			    service_text(&wanted->at, text));
	return read_option(document, key, value, into);
}

/* 32 digits. */
static int read_key(struct document *document, const struct document_key *key, yaml_node_t *value,
		    void *into)
{
	const char *text = node_text(document, value);
	struct wanted_service *wanted = into;
	struct xdplb_register client = {};

	(void)key;
	if (!text)
		return -EINVAL;
	if (xdplb_register_key_text(&client, text))
		return fail(EINVAL, "32 hexadecimal digits are expected; registration-key-file "
				    "names a file with them");
	wanted->registration.key_given = wanted->registration.keyed = true;
	memcpy(wanted->registration.key, client.key, sizeof(wanted->registration.key));
	return 0;
}

static int read_key_file(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	const char *text = node_text(document, value);
	const struct wanted_service *wanted = into;

	(void)key;
	if (text && wanted->registration.key_given)
		return fail(EINVAL, "registration-key is given too: one of them is right");
	return text ? parse_registration_key(text, into) : -EINVAL;
}

static int read_service_options(struct document *document, yaml_node_t *node,
				struct wanted_service *wanted)
{
	static const struct document_key keys[] = {
		{ "service", read_nothing },	  { "scheduler", read_option },
		{ "forward", read_option },	  { "snat", read_snats },
		{ "affinity", read_affinity },	  { "slow-start", read_option },
		{ "timeout", read_timeouts },	  { "window", read_option },
		{ "table-size", read_option },	  { "udp", read_udp },
		{ "registration", read_option },  { "registration-from", read_option },
		{ "registration-key", read_key }, { "registration-key-file", read_key_file },
		{ "backends", read_backends },	  { "check", read_nothing },
		{ "on-fail", read_nothing },	  { "min-up", read_nothing },
		{ "fallback", read_nothing },	  { "agent", read_nothing },
		{ "passive", read_nothing },	  { "damping", read_nothing },
	};

	_Static_assert(COUNT(keys) <= WANTED_KEYS, "a key has no room for its place");
	for (size_t i = 0; i < COUNT(keys); i++) {
		const yaml_node_t *value = mapping_value(document, node, keys[i].name);

		if (value)
			wanted->key[i] = (struct wanted_key){ keys[i].name, node_place(value) };
	}
	return mapping_read(document, node, "a service", keys, COUNT(keys), wanted);
}

/* ---- services ----------------------------------------------------------------------------------
 */

static struct wanted_service *service_add(struct configuration *configuration)
{
	int count = configuration->services;
	struct wanted_service *more =
		grown(configuration->service, count, sizeof(*more), "services");

	if (!more)
		return NULL;
	configuration->service = more;
	memset(&more[count], 0, sizeof(more[count]));
	configuration->services++;
	return &more[count];
}

static int read_service(struct document *document, yaml_node_t *node, void *into)
{
	static const struct wanted_service nothing;
	struct configuration *configuration = into;
	yaml_node_t *name = mapping_value(document, node, "service");
	struct wanted_service *wanted;
	const char *text;
	int err;

	if (!name)
		return fail(EINVAL, "service: is missing, as in service: 192.0.2.10:80/tcp");
	node_here(name, "service");
	text = node_text(document, name);
	wanted = text ? service_add(configuration) : NULL;
	err = wanted ? parse_service(text, &wanted->at) : -EINVAL;
	if (!err)
		err = read_service_options(document, node, wanted);
	if (!err)
		err = health_read(document, node, &configuration->kept, wanted);
	return err ? err : wanted_complete(&nothing, wanted);
}

static int read_services(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	return sequence_read(document, value, key->name, "services", read_service, into);
}

struct listed {
	const struct wanted_service *service;
};

/* Of the same, the one that is later in the file is behind. */
static int compare_services(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = service_order(&x->service->at, &y->service->at);

	return order ? order : (x->service > y->service) - (x->service < y->service);
}

static int twice_check(const struct configuration *configuration)
{
	struct listed *sorted = calloc(configuration->services + 1, sizeof(*sorted));
	char text[ADDRESS_TEXT];
	int err = 0;

	if (!sorted)
		return fail(ENOMEM, "no memory for %d services", configuration->services);
	for (int i = 0; i < configuration->services; i++)
		sorted[i].service = &configuration->service[i];
	qsort(sorted, configuration->services, sizeof(*sorted), compare_services);
	for (int i = 1; !err && i < configuration->services; i++) {
		if (service_order(&sorted[i - 1].service->at, &sorted[i].service->at))
			continue;
		wanted_here(sorted[i].service, "service");
		err = fail(EEXIST, "service %s is given twice: once is right",
			   service_text(&sorted[i].service->at, text));
	}
	free(sorted);
	return err;
}

/* What comes to this one's address and port is a registration with another. */
static int port_check(const struct configuration *configuration, const struct wanted_service *one)
{
	char text[ADDRESS_TEXT], other[ADDRESS_TEXT];

	if (one->at.proto != IPPROTO_UDP ||
	    ntohs(one->at.port) != configuration->settings.registration_port)
		return 0;
	wanted_here(one, "service");
	for (int i = 0; i < configuration->services; i++) {
		const struct wanted_service *with = &configuration->service[i];

		if (wanted_listens(with) && same_address(with->at.addr, one->at.addr))
			return fail(EADDRINUSE,
				    "service %s: registrations with %s come there; choose another "
				    "port for them: registration-port in settings",
				    service_text(&one->at, text), service_text(&with->at, other));
	}
	return 0;
}

static int services_check(const struct configuration *configuration)
{
	int err = twice_check(configuration);

	for (int i = 0; !err && i < configuration->services; i++)
		err = port_check(configuration, &configuration->service[i]);
	return err;
}

/* ---- settings ------------------------------------------------------------------------------ */

static int read_setting(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	struct configuration *configuration = into;
	char word[WORD];
	int err = word_of(document, key, value, "", word);

	if (err)
		return err;
	if (!strcmp(key->name, "seed")) {
		configuration->seed_given = true;
		configuration->seed_place = node_place(value);
	}
	return settings_read(word, &configuration->settings);
}

static int read_settings(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	static const struct document_key keys[] = {
		{ "echo", read_setting },
		{ "gue-port", read_setting },
		{ "icmp-rate", read_setting },
		{ "seed", read_setting },
		{ "registration-port", read_setting },
	};

	(void)key;
	return mapping_read(document, value, "settings", keys, COUNT(keys), into);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int read_daemon(struct document *document, const struct document_key *key,
		       yaml_node_t *value, void *into)
{
	struct configuration *configuration = into;

	(void)key;
	return daemon_read(document, value, &configuration->daemon);
}

static int read_top(struct document *document, struct configuration *configuration)
{
	static const struct document_key keys[] = {
		{ "settings", read_settings },
		{ "services", read_services },
		{ "daemon", read_daemon },
	};
	yaml_node_t *top = document_top(document);
	int err = 0;

	node_here(top, NULL);
	if (top)
		err = mapping_read(document, top, "the file", keys, COUNT(keys), configuration);
	if (err)
		return err;
	node_here(top, NULL);
	if (!top || !mapping_value(document, top, "services"))
		return fail(EINVAL, "%s%sservices: is missing; where none shall be: services: []",
			    top ? "" : document->path, top ? "" : ": ");
	return services_check(configuration);
}

int configuration_read(const char *path, struct configuration *configuration)
{
	struct document document;
	int err;

	*configuration =
		(struct configuration){ .settings = default_settings, .daemon = daemon_usual() };
	err = document_read(path, &document);
	if (err)
		return err;
	err = read_top(&document, configuration);
	error_place(NULL);
	document_free(&document);
	if (err)
		configuration_free(configuration);
	return err;
}

int configuration_of(const struct balancer *balancer, struct configuration *configuration)
{
	int err = 0;

	*configuration = (struct configuration){ .seed_given = true };
	settings_get(balancer->config, &configuration->settings);
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++) {
		struct wanted_service *service;

		if (!balancer->services[id].proto || !service_set(balancer, id))
			continue;
		service = service_add(configuration);
		err = service ? set_read(balancer, id, service) : -ENOMEM;
	}
	if (err)
		configuration_free(configuration);
	return err;
}

const struct wanted_service *configuration_service(const struct configuration *configuration,
						   const struct service_address *at)
{
	for (int i = 0; i < configuration->services; i++)
		if (!service_order(&configuration->service[i].at, at))
			return &configuration->service[i];
	return NULL;
}

void configuration_free(struct configuration *configuration)
{
	for (int i = 0; i < configuration->services; i++)
		wanted_free(&configuration->service[i]);
	free(configuration->service);
	kept_free(&configuration->kept);
	announce_settings_free(&configuration->daemon.announce);
	configuration->service = NULL;
	configuration->services = 0;
}
