// SPDX-License-Identifier: GPL-2.0-only
/* list, stats: text for people, JSON for programs. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "names.h"
#include "output.h"
#include "services.h"
#include "sets.h"

static void service_address_of(const struct xdplb_service *service, struct service_address *at)
{
	memcpy(at->addr, service->addr, sizeof(at->addr));
	at->port = service->port;
	at->proto = service->proto;
}

/* Adds "address" and "port". */
static void json_add_endpoint(struct json_object *object, const __be32 addr[4], __be16 port)
{
	char text[ADDRESS_TEXT];

	json_add_text(object, "address", address_text(addr, text));
	json_add_number(object, "port", ntohs(port));
}

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

static struct json_object *list_service(const struct wanted_service *service)
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
	for (int i = 0; i < service->backends; i++)
		json_object_array_add(backends, list_backend(&service->backend[i]));
	json_object_object_add(object, "backends", backends);
	return object;
}

static void print_service(const struct wanted_service *service)
{
	char text[ADDRESS_TEXT];

	printf("%s  %s  %s", service_text(&service->at, text), scheduler_name(service->scheduler),
	       forward_name(service->forward));
	for (int i = 0; i < service->snats; i++)
		printf("%s%s", i ? "," : "  snat ", address_text(service->snat[i], text));
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

/* Opens the balancer, and the one service that was named: *only, 0 for all. */
static int open_for(struct options *options, struct balancer *balancer, __u32 *only)
{
	struct service_address at;
	int err = options->count ? parse_service(options->arguments[0], &at) : 0, id;

	*only = 0;
	if (!err)
		err = balancer_open(balancer, &options->choice, false);
	if (err || !options->count)
		return err;
	id = service_need(balancer, &at);
	if (id < 0)
		balancer_close(balancer);
	*only = id;
	return id < 0 ? id : 0;
}

static bool is_shown(const struct balancer *balancer, __u32 id, __u32 only)
{
	return only ? id == only : balancer->services[id].proto && balancer->services[id].set;
}

int command_list(struct options *options)
{
	struct json_object *all = json_object_new_array();
	struct wanted_service service;
	struct balancer balancer;
	__u32 only;
	int err = open_for(options, &balancer, &only);

	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++) {
		if (!is_shown(&balancer, id, only))
			continue;
		err = set_read(&balancer, id, &service);
		if (!err && options->json)
			json_object_array_add(all, list_service(&service));
		else if (!err)
			print_service(&service);
		wanted_free(&service);
	}
	if (!err && options->json)
		json_print(all, options->pretty);
	json_object_put(all);
	if (!err)
		balancer_close(&balancer);
	return err;
}

static void add_counts(struct xdplb_backend_cpu *sum, const struct xdplb_backend_cpu *counts)
{
	sum->packets += counts->packets;
	sum->bytes += counts->bytes;
	sum->reply_packets += counts->reply_packets;
	sum->reply_bytes += counts->reply_bytes;
	sum->new_flows += counts->new_flows;
	sum->active += counts->active;
}

/* The totals of a service: its backends, those on their way out, those gone. */
static int service_counts(const struct balancer *balancer, __u32 id, struct xdplb_backend_cpu *sum)
{
	const struct xdplb_service *service = &balancer->services[id];
	struct xdplb_backend_cpu counts;

	*sum = (struct xdplb_backend_cpu){
		.packets = service->retired_packets,
		.bytes = service->retired_bytes,
		.reply_packets = service->retired_reply_packets,
		.reply_bytes = service->retired_reply_bytes,
		.new_flows = service->retired_new_flows,
	};
	for (__u32 i = 1; i < XDPLB_BACKENDS; i++) {
		if (!balancer->backends[i].flags || balancer->backends[i].service != id)
			continue;
		if (balancer_backend_counts(balancer, i, &counts))
			return -EIO;
		add_counts(sum, &counts);
	}
	return 0;
}

static void json_add_counts(struct json_object *object, const struct xdplb_backend_cpu *counts)
{
	json_add_number(object, "packets", counts->packets);
	json_add_number(object, "bytes", counts->bytes);
	json_add_number(object, "reply_packets", counts->reply_packets);
	json_add_number(object, "reply_bytes", counts->reply_bytes);
	json_add_number(object, "new_flows", counts->new_flows);
	json_add_number(object, "active_flows", counts->active);
}

static void print_counts(const char *name, const struct xdplb_backend_cpu *counts)
{
	printf("%-32s %10llu %12llu %10llu %12llu %10llu %8lld\n", name, counts->packets,
	       counts->bytes, counts->reply_packets, counts->reply_bytes, counts->new_flows,
	       counts->active);
}

static int stats_service(const struct balancer *balancer, __u32 id, struct json_object *services,
			 bool json)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT], line[ADDRESS_TEXT + 8];
	struct xdplb_backend_cpu counts;
	struct service_address at;
	int err = service_counts(balancer, id, &counts);

	service_address_of(&balancer->services[id], &at);
	json_add_text(object, "service", service_text(&at, text));
	json_add_counts(object, &counts);
	if (!err && !json)
		print_counts(text, &counts);
	for (__u32 i = 0; !err && i < set_of(balancer, id)->backends; i++) {
		__u32 backend_id = set_backend(balancer, id, i)->backend;
		const struct xdplb_backend *backend = &balancer->backends[backend_id];
		struct json_object *entry = json_object_new_object();

		err = balancer_backend_counts(balancer, backend_id, &counts);
		snprintf(line, sizeof(line), "    %s",
			 endpoint_text(backend->addr, backend->port, text));
		json_add_endpoint(entry, backend->addr, backend->port);
		json_add_counts(entry, &counts);
		json_object_array_add(backends, entry);
		if (!err && !json)
			print_counts(line, &counts);
	}
	json_object_object_add(object, "backends", backends);
	json_object_array_add(services, object);
	return err;
}

/* Counters by reason, `from` to `to`. */
static struct json_object *json_reasons(const struct xdplb_cpu *counts, int from, int to)
{
	struct json_object *object = json_object_new_object();

	for (int i = from; i < to; i++)
		json_add_number(object, reason_name(i), counts->reason[i]);
	return object;
}

static struct json_object *json_verdicts(const struct xdplb_cpu *counts)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "pass", counts->verdict[XDP_PASS]);
	json_add_number(object, "tx", counts->verdict[XDP_TX]);
	json_add_number(object, "redirect", counts->verdict[XDP_REDIRECT]);
	json_add_number(object, "drop", counts->verdict[XDP_DROP]);
	return object;
}

static void print_reasons(const char *what, const struct xdplb_cpu *counts, int from, int to)
{
	bool any = false;

	printf("%s:", what);
	for (int i = from; i < to; i++) {
		if (!counts->reason[i])
			continue;
		printf("  %s %llu", reason_name(i), counts->reason[i]);
		any = true;
	}
	printf("%s\n", any ? "" : "  none");
}

static void print_verdicts(const struct xdplb_cpu *counts)
{
	printf("\nverdicts:  pass %llu  tx %llu  redirect %llu  drop %llu\n",
	       counts->verdict[XDP_PASS], counts->verdict[XDP_TX], counts->verdict[XDP_REDIRECT],
	       counts->verdict[XDP_DROP]);
	print_reasons("drops", counts, 0, XDPLB_DROPS);
	print_reasons("passed on", counts, XDPLB_DROPS, XDPLB_PASSES);
	print_reasons("answered", counts, XDPLB_PASSES, XDPLB_REASONS);
}

int command_stats(struct options *options)
{
	struct json_object *all = json_object_new_object();
	struct json_object *services = json_object_new_array();
	struct balancer balancer;
	struct xdplb_cpu counts;
	__u32 only;
	int err = open_for(options, &balancer, &only), close = !err;

	if (!err && !options->json)
		printf("%-32s %10s %12s %10s %12s %10s %8s\n", "", "packets", "bytes", "replies",
		       "bytes", "new flows", "active");
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++)
		if (is_shown(&balancer, id, only))
			err = stats_service(&balancer, id, services, options->json);
	if (!err)
		err = balancer_counts(&balancer, &counts);
	json_object_object_add(all, "services", services);
	if (!err && options->json) {
		json_object_object_add(all, "verdicts", json_verdicts(&counts));
		json_object_object_add(all, "drops", json_reasons(&counts, 0, XDPLB_DROPS));
		json_object_object_add(all, "passed",
				       json_reasons(&counts, XDPLB_DROPS, XDPLB_PASSES));
		json_object_object_add(all, "answers",
				       json_reasons(&counts, XDPLB_PASSES, XDPLB_REASONS));
		json_print(all, options->pretty);
	} else if (!err) {
		print_verdicts(&counts);
	}
	json_object_put(all);
	if (close)
		balancer_close(&balancer);
	return err;
}
