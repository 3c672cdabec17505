// SPDX-License-Identifier: GPL-2.0-only
/* list: services and backends as they are configured. */
#include <stdio.h>

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
	__u32 slots;
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
	char text[ADDRESS_TEXT];

	json_add_endpoint(object, backend.addr, backend.port);
	json_add_number(object, "weight", backend.weight);
	json_add_text(object, "state", state_name(backend.state));
	if (mac_given(backend.mac))
		json_add_text(object, "mac", mac_text(backend.mac, text));
	if (expires > 0) {
		json_add_bool(object, "registered", true);
		json_add_number(object, "expires", expires);
	}
	return object;
}

static const char *const timeout_names[] = {
	[XDPLB_TIMEOUT_ESTABLISHED] = "established",
	[XDPLB_TIMEOUT_CLOSING] = "closing",
	[XDPLB_TIMEOUT_UDP] = "udp",
};

#define TIMEOUTS_SHOWN (sizeof(timeout_names) / sizeof(*timeout_names))

static bool timeout_differs(const struct wanted_service *service, int timeout)
{
	return service->timeout[timeout] && service->timeout[timeout] != default_timeout(timeout);
}

static bool any_timeout_differs(const struct wanted_service *service)
{
	for (size_t i = 0; i < TIMEOUTS_SHOWN; i++)
		if (timeout_differs(service, i))
			return true;
	return false;
}

/* How UDP is treated, where that is not the default; NULL: it is. */
static const char *udp_shown(const struct wanted_service *service)
{
	if (service->udp == WANTED_UDP_STATELESS)
		return "stateless";
	return service->udp == WANTED_UDP_TRACKED && service->forward == XDPLB_LOCAL ? "tracked" :
										       NULL;
}

/* Adds what is not the default. `slots` are those of the table in force. */
static void list_options(struct json_object *object, const struct wanted_service *service,
			 __u32 slots)
{
	struct json_object *inner;

	if (scheduler_hashes(service->scheduler))
		json_add_number(object, "table_size", slots);
	if (service->affinity) {
		inner = json_object_new_object();
		json_add_number(inner, "prefix", service->affinity);
		json_add_number(inner, "timeout", service->timeout[XDPLB_TIMEOUT_AFFINITY]);
		json_object_object_add(object, "affinity", inner);
	}
	if (service->slow_start)
		json_add_number(object, "slow_start", service->slow_start);
	if (any_timeout_differs(service)) {
		inner = json_object_new_object();
		for (size_t i = 0; i < TIMEOUTS_SHOWN; i++)
			if (timeout_differs(service, i))
				json_add_number(inner, timeout_names[i], service->timeout[i]);
		json_object_object_add(object, "timeout", inner);
	}
	if (service->window && service->window != DEFAULT_WINDOW)
		json_add_number(object, "window", service->window);
	if (udp_shown(service))
		json_add_text(object, "udp", udp_shown(service));
	if (!service->registration.mode)
		return;
	json_add_text(object, "registration", registration_name(service->registration.mode));
	json_add_text(object, "registration_from",
		      service->registration.anywhere ? "any" : "local");
	json_add_bool(object, "registration_key", service->registration.keyed);
}

static struct json_object *list_service(const struct shown *shown)
{
	const struct wanted_service *service = &shown->service;
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	struct json_object *sources;
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_text(object, "scheduler", scheduler_name(service->scheduler));
	json_add_text(object, "forward", forward_name(service->forward));
	if (service->snats) {
		sources = json_object_new_array();
		for (int i = 0; i < service->snats; i++)
			json_object_array_add(sources, json_object_new_string(address_text(
							       service->snat[i], text)));
		json_object_object_add(object, "snat", sources);
	}
	list_options(object, service, shown->slots);
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

	if (scheduler_hashes(service->scheduler))
		printf("  table-size %u", slots);
	if (service->affinity)
		printf("  affinity %s", affinity_text(service, text));
	if (service->slow_start)
		printf("  slow-start %u", service->slow_start);
	for (size_t i = 0; i < TIMEOUTS_SHOWN; i++) {
		if (!timeout_differs(service, i))
			continue;
		printf("%s%s=%u", before, timeout_names[i], service->timeout[i]);
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
