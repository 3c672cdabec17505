// SPDX-License-Identifier: GPL-2.0-only
/* backend-setup: what to type on the backends of a service. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "interfaces.h"
#include "names.h"
#include "output.h"
#include "route.h"
#include "services.h"
#include "sets.h"
#include "settings.h"
#include "setup.h"

struct links {
	struct link *link;
	int count;
};

static int setup_fill(const struct wanted_service *service, const struct wanted_backend *backend,
		      const struct links *links, struct setup *setup)
{
	const __be32 *source = wanted_source(service, backend->addr);
	char text[ADDRESS_TEXT];
	const struct link *link;
	struct next_hop way;
	int err = route_get(backend->addr, &way);

	if (err)
		return fail(err, "backend %s: no route to it (%s); see: ip route get %s",
			    address_text(backend->addr, text), strerror(-err), text);
	link = link_find(links->link, links->count, way.ifindex);
	setup->at = service->at;
	setup->forward = service->forward;
	memcpy(setup->backend, backend->addr, sizeof(setup->backend));
	setup->port = backend->port;
	memcpy(setup->balancer, way.source, sizeof(setup->balancer));
	setup->direct = same_address(way.addr, backend->addr);
	setup->fixed_source = source != NULL;
	setup->mtu = link ? link->mtu : 0;
	return 0;
}

/* The commands for one backend; to be freed, NULL after an error line. */
static char *setup_text(const struct setup *setup)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		fail(ENOMEM, "no memory");
		return NULL;
	}
	setup_print(out, setup);
	fclose(out);
	return text;
}

/* Prints the text of backend `i`, and who else has the same. */
static void print_once(const struct wanted_service *service, char *const *texts, int i)
{
	char service_name[ADDRESS_TEXT], text[ADDRESS_TEXT];
	const char *after = "";

	printf("%s# %s, forward %s, for a root shell on", i ? "\n" : "",
	       service_text(&service->at, service_name), forward_name(service->forward));
	for (int j = i; j < service->backends; j++) {
		if (strcmp(texts[j], texts[i]))
			continue;
		printf("%s %s", after, address_text(service->backend[j].addr, text));
		after = ",";
	}
	printf("\n# Until it boots again.\n%s", texts[i]);
}

/* The same for programs: an object in `all`. */
static void json_once(const struct wanted_service *service, char *const *texts, int i,
		      struct json_object *all)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_text(object, "forward", forward_name(service->forward));
	for (int j = i; j < service->backends; j++)
		if (!strcmp(texts[j], texts[i]))
			json_object_array_add(backends, json_object_new_string(address_text(
								service->backend[j].addr, text)));
	json_object_object_add(object, "backends", backends);
	json_add_text(object, "commands", texts[i]);
	json_object_array_add(all, object);
}

/* No backend before it has the same text. */
static bool is_first(char *const *texts, int i)
{
	for (int j = 0; j < i; j++)
		if (!strcmp(texts[j], texts[i]))
			return false;
	return true;
}

static void texts_print(const struct wanted_service *service, char *const *texts,
			const struct options *options)
{
	struct json_object *all = json_object_new_array();

	for (int i = 0; i < service->backends; i++) {
		if (!is_first(texts, i))
			continue;
		if (options->json)
			json_once(service, texts, i, all);
		else
			print_once(service, texts, i);
	}
	if (options->json)
		json_print(all, options->pretty);
	json_object_put(all);
}

static int setups_print(const struct wanted_service *service, const struct links *links,
			__u16 gue_port, const struct options *options)
{
	char **texts = calloc(service->backends + 1, sizeof(*texts));
	int err = texts ? 0 : fail(ENOMEM, "no memory");

	for (int i = 0; !err && i < service->backends; i++) {
		struct setup setup = { .gue_port = gue_port };

		err = setup_fill(service, &service->backend[i], links, &setup);
		texts[i] = err ? NULL : setup_text(&setup);
		if (!err && !texts[i])
			err = -ENOMEM;
	}
	if (!err)
		texts_print(service, texts, options);
	for (int i = 0; texts && i < service->backends; i++)
		free(texts[i]);
	free(texts);
	return err;
}

/* Leaves the one backend that was named. */
static int backend_pick(struct wanted_service *service, const char *word)
{
	int index = wanted_need(service, word);

	if (index < 0)
		return index;
	service->backend[0] = service->backend[index];
	service->backends = 1;
	return 0;
}

/* What is configured: the service, and the port of gue. */
static int service_read(struct options *options, struct wanted_service *service, __u16 *gue_port)
{
	struct service_address at;
	struct settings settings;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &at), id;

	if (!err)
		err = balancer_open(&balancer, &options->choice, false);
	if (err)
		return err;
	id = service_need(&balancer, &at);
	err = id < 0 ? id : set_read(&balancer, id, service);
	settings_get(balancer.config, &settings);
	*gue_port = settings.gue_port;
	balancer_close(&balancer);
	return err;
}

int command_backend_setup(struct options *options)
{
	struct wanted_service service = {};
	struct links links = {};
	__u16 gue_port;
	int err = service_read(options, &service, &gue_port);

	if (!err && options->count > 1)
		err = backend_pick(&service, options->arguments[1]);
	if (!err) {
		links.count = links_read(&links.link);
		err = setups_print(&service, &links, gue_port, options);
	}
	free(links.link);
	wanted_free(&service);
	return err;
}
