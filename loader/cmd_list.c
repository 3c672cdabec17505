// SPDX-License-Identifier: GPL-2.0-only
/* list: services and backends as they are configured. */
#include <stdio.h>

#include "defaults.h"
#include "names.h"
#include "service_options.h"
#include "sets.h"
#include "show.h"

static struct json_object *list_backend(const struct wanted_backend *backend)
{
	struct json_object *object = json_object_new_object();
	char text[ADDRESS_TEXT];

	json_add_endpoint(object, backend->addr, backend->port);
	json_add_number(object, "weight", backend->weight);
	json_add_text(object, "state", state_name(backend->state));
	if (mac_given(backend->mac))
		json_add_text(object, "mac", mac_text(backend->mac, text));
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
	if (service->udp == WANTED_UDP_STATELESS)
		json_add_text(object, "udp", "stateless");
}

static struct json_object *list_service(const struct wanted_service *service, __u32 slots)
{
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
	list_options(object, service, slots);
	for (int i = 0; i < service->backends; i++)
		json_object_array_add(backends, list_backend(&service->backend[i]));
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
	if (service->udp == WANTED_UDP_STATELESS)
		printf("  udp stateless");
}

static void print_service(const struct wanted_service *service, __u32 slots)
{
	char text[ADDRESS_TEXT];

	printf("%s  %s  %s", service_text(&service->at, text), scheduler_name(service->scheduler),
	       forward_name(service->forward));
	for (int i = 0; i < service->snats; i++)
		printf("%s%s", i ? "," : "  snat ", address_text(service->snat[i], text));
	print_options(service, slots);
	printf("\n");
	for (int i = 0; i < service->backends; i++) {
		const struct wanted_backend *backend = &service->backend[i];

		printf("    %-21s  weight %-5u  %s",
		       endpoint_text(backend->addr, backend->port, text), backend->weight,
		       state_name(backend->state));
		if (mac_given(backend->mac))
			printf("  mac %s", mac_text(backend->mac, text));
		printf("\n");
	}
	if (!service->backends)
		printf("    no backends\n");
}

int command_list(struct options *options)
{
	struct json_object *all = json_object_new_array();
	struct wanted_service service;
	struct balancer balancer;
	__u32 only, slots;
	int err = show_open(options, &balancer, &only);

	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++) {
		if (!show_service(&balancer, id, only))
			continue;
		slots = set_of(&balancer, id)->slots;
		err = set_read(&balancer, id, &service);
		if (!err && options->json)
			json_object_array_add(all, list_service(&service, slots));
		else if (!err)
			print_service(&service, slots);
		wanted_free(&service);
	}
	if (!err && options->json)
		json_print(all, options->pretty);
	json_object_put(all);
	if (!err)
		balancer_close(&balancer);
	return err;
}
