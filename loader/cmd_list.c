// SPDX-License-Identifier: GPL-2.0-only
/* list: services and backends as they are configured. */
#include <stdio.h>

#include "configuration_json.h"
#include "defaults.h"
#include "edit.h"
#include "names.h"
#include "service_options.h"
#include "sets.h"
#include "show.h"
#include "tables.h"

/* A service as it is shown. */
struct shown {
	const struct balancer *balancer;
	__u32 id;
	__u32 slots; /* of its table, 0: it has none */
	struct wanted_service service;
};

/* What a backend's listener says of itself goes before what was configured; its remaining seconds,
 * 0: nothing. */
static double listener_apply(const struct shown *shown, struct wanted_backend *backend)
{
	struct live_listener live;

	if (shown->service.forward != XDPLB_LOCAL)
		return 0;
	backend->state = listener_state(shown->balancer, shown->id, backend->port, backend->state);
	if (backend->state != XDPLB_UP ||
	    !listener_live(shown->balancer, shown->id, backend->port, &live))
		return 0;
	backend->weight = live.weight;
	return live.expires;
}

static struct json_object *list_backend(const struct shown *shown, struct wanted_backend backend)
{
	struct json_object *object = json_object_new_object();
	double expires = listener_apply(shown, &backend);

	json_add_endpoint(object, backend.addr, backend.port);
	json_add_backend(object, &backend);
	if (backend.own_state)
		json_add_text(object, "configured_state", state_name(backend.own_state));
	if (backend.own_weight)
		json_add_number(object, "configured_weight", backend.own_weight);
	if (expires > 0) {
		json_add_bool(object, "registered", true);
		json_add_number(object, "expires", expires);
	}
	return object;
}

static struct json_object *list_service(const struct shown *shown)
{
	const struct wanted_service *service = &shown->service;
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_options(object, service, shown->slots);
	for (int i = 0; i < service->backends; i++)
		json_object_array_add(backends, list_backend(shown, service->backend[i]));
	json_object_object_add(object, "backends", backends);
	return object;
}

/* The same in a line. */
static void print_options(const struct wanted_service *service, __u32 slots)
{
	const char *before = "  timeout ";
	char text[ADDRESS_TEXT];

	if (slots)
		printf("  table-size %u", slots);
	if (service->affinity)
		printf("  affinity %s", affinity_text(service, text));
	if (service->slow_start)
		printf("  slow-start %u", service->slow_start);
	for (int i = 0; timeout_name(i); i++) {
		if (!timeout_is_shown(service, i))
			continue;
		printf("%s%s=%u", before, timeout_name(i), service->timeout[i]);
		before = ",";
	}
	if (service->window && service->window != DEFAULT_WINDOW)
		printf("  window %u", service->window);
	if (udp_shown(service))
		printf("  udp %s", udp_shown(service));
	if (service->registration.mode)
		printf("  registration %s%s%s", registration_name(service->registration.mode),
		       service->registration.keyed ? " with key" : "",
		       service->registration.anywhere ? " from any" : "");
}

static void print_backend(const struct shown *shown, struct wanted_backend backend)
{
	double expires = listener_apply(shown, &backend);
	char text[ADDRESS_TEXT];

	printf("    %-21s  weight %-5u  %s",
	       backend_text(shown->service.forward, backend.addr, backend.port, text),
	       backend.weight, state_name(backend.state));
	if (backend.own_state)
		printf(", by xdplbd; else %s", state_name(backend.own_state));
	if (backend.own_weight)
		printf("  of weight %u", backend.own_weight);
	if (mac_given(backend.mac))
		printf("  mac %s", mac_text(backend.mac, text));
	if (expires > 0)
		printf("  registered, %.0f s left", expires);
	printf("\n");
}

static void print_service(const struct shown *shown)
{
	const struct wanted_service *service = &shown->service;
	char text[ADDRESS_TEXT];

	printf("%s  %s  %s", service_text(&service->at, text), scheduler_name(service->scheduler),
	       forward_name(service->forward));
	for (int i = 0; i < service->snats; i++)
		printf("%s%s", i ? "," : "  snat ", address_text(service->snat[i], text));
	print_options(service, shown->slots);
	printf("\n");
	for (int i = 0; i < service->backends; i++)
		print_backend(shown, service->backend[i]);
	if (!service->backends)
		printf("    no backends\n");
}

/* Shows a service, or adds it to the list. */
static int list_one(const struct balancer *balancer, __u32 id, struct json_object *all)
{
	struct shown shown = { .balancer = balancer, .id = id };
	int err = set_read(balancer, id, &shown.service);

	if (!err && table_of(balancer, id))
		err = registered_add(balancer, id, &shown.service);
	if (!err && scheduler_hashes(shown.service.scheduler))
		shown.slots = set_of(balancer, id)->slots;
	if (!err && all)
		json_object_array_add(all, list_service(&shown));
	else if (!err)
		print_service(&shown);
	wanted_free(&shown.service);
	return err;
}

int command_list(struct options *options)
{
	struct json_object *all = json_object_new_array();
	struct balancer balancer;
	__u32 only;
	int err = show_open(options, &balancer, &only);

	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++) {
		if (!show_service(&balancer, id, only))
			continue;
		err = list_one(&balancer, id, options->json ? all : NULL);
	}
	if (!err && options->json)
		json_print(all, options->pretty);
	json_object_put(all);
	if (!err)
		balancer_close(&balancer);
	return err;
}
