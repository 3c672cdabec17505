// SPDX-License-Identifier: GPL-2.0-only
/* flows: the flow table, as text or JSON, without holding up changes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "flows.h"
#include "names.h"
#include "services.h"
#include "sets.h"
#include "../xdp/hash.h"

/*
 * So many buckets are read before what was in them is printed: who reads the
 * output may take long, and ages are by the time of reading.
 */
#define BUCKETS_AT_ONCE 4096

/* What a line says of a backend, written down under the lock. */
struct flow_names {
	bool shown;
	__u8 affinity; /* bits of the client's address that its service goes by, 0: none */
	__be32 addr[4];
	__be16 port;
	__u32 service; /* id */
	char service_name[ADDRESS_TEXT];
	char backend_name[ADDRESS_TEXT];
};

struct listing {
	const struct balancer *balancer;
	const struct options *options;
	struct flow_names *names; /* by backend id */
	struct flow found[BUCKETS_AT_ONCE * XDPLB_WAYS];
	__u32 count; /* of `found` */
	bool any; /* something has been printed */
};

static void names_fill(const struct balancer *balancer, __u32 id, struct flow_names *names)
{
	const struct xdplb_backend *backend = &balancer->backends[id];
	const struct xdplb_service *service = &balancer->services[backend->service];
	const struct xdplb_set *set = set_of(balancer, backend->service);
	struct service_address at = { .port = service->port, .proto = service->proto };

	memcpy(at.addr, service->addr, sizeof(at.addr));
	memcpy(names->addr, backend->addr, sizeof(names->addr));
	names->port = backend->port;
	names->service = backend->service;
	if (set && set->flags & XDPLB_SET_AFFINITY)
		names->affinity = set->hash_bits;
	service_text(&at, names->service_name);
	endpoint_text(backend->addr, backend->port, names->backend_name);
	names->shown = true;
}

/* The backend that the second argument names, which may be out of the set already. */
static int backend_need(const struct balancer *balancer, const struct service_address *at,
			__u32 service, const char *word)
{
	char text[ADDRESS_TEXT], service_name[ADDRESS_TEXT];
	struct wanted_backend named;
	int err = parse_backend_place(word, at, &named);

	if (err)
		return err;
	for (int id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (backend->flags && backend->service == service && backend->port == named.port &&
		    same_address(backend->addr, named.addr))
			return id;
	}
	return fail(ENOENT,
		    "%s: not a backend of %s, and has no flows of it; see: xdplb-config list",
		    endpoint_text(named.addr, named.port, text), service_text(at, service_name));
}

/* Writes down the names of the backends whose flows are asked for. */
static int names_read(const struct balancer *balancer, const struct options *options,
		      struct flow_names *names)
{
	int service = 0, only = 0, err = 0;
	struct service_address at;

	if (options->count)
		err = parse_service(options->arguments[0], &at);
	if (!err && options->count)
		err = service = service_need(balancer, &at);
	if (err >= 0 && options->count > 1)
		err = only = backend_need(balancer, &at, service, options->arguments[1]);
	for (__u32 id = 1; err >= 0 && id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (backend->flags && backend->service < XDPLB_SERVICES &&
		    (!service || backend->service == (__u32)service) &&
		    (!only || id == (__u32)only))
			names_fill(balancer, id, &names[id]);
	}
	return err < 0 ? err : 0;
}

/* The record has not become another backend's since its names were written down. */
static bool is_same(const struct xdplb_backend *backend, const struct flow_names *names)
{
	return backend->flags && backend->service == names->service &&
	       backend->port == names->port && same_address(backend->addr, names->addr);
}

/* Reads a record that the program may be writing. */
static bool record_read(const struct xdplb_nat_record *record, struct xdplb_nat_record *copy)
{
	__u32 seq = __atomic_load_n(&record->seq, __ATOMIC_ACQUIRE);

	*copy = *(const volatile struct xdplb_nat_record *)record;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(seq & 1) && __atomic_load_n(&record->seq, __ATOMIC_RELAXED) == seq;
}

/* The IPv6 client of a flow with nat, from the record for its replies. */
static bool client_by_record(const struct balancer *balancer, const struct flow *flow,
			     __be32 client[4], __be16 *client_port)
{
	const struct xdplb_backend *backend = &balancer->backends[flow->backend];
	__u32 pool = backend->pool[XDPLB_FIELD(flow->value, SNAT)];
	__u32 port = XDPLB_FIELD(flow->value, PORT), index;
	struct xdplb_nat_record record;
	__u64 name;

	if (flow_method(flow) != XDPLB_NAT || !pool || pool >= XDPLB_POOLS)
		return false;
	index = 64 * balancer->pools[pool].block[port / 64] + port % 64;
	if (index >= balancer->entries[MAP_NAT] || !record_read(&balancer->nat[index], &record))
		return false;
	name = xdplb_flow_name6(balancer->config, record.client, record.client_port);
	memcpy(client, record.client, sizeof(record.client));
	*client_port = record.client_port;
	return xdplb_flow_key(name, backend->service) == flow->key;
}

struct client {
	bool known;
	__be32 addr[4];
	__be16 port; /* 0: a client's entry has none */
};

static struct client client_of(const struct balancer *balancer, const struct flow *flow,
			       __u32 service)
{
	__u64 name = xdplb_flow_name(flow->key, service);
	struct client client = {};

	if (name & XDPLB_IS_IPV6) {
		client.known = client_by_record(balancer, flow, client.addr, &client.port);
		return client;
	}
	client.known = true;
	client.addr[0] = name;
	client.port = name >> 32;
	return client;
}

/* "-" where it is not known. */
static const char *client_text(const struct client *client, __u8 affinity, char *text)
{
	size_t length;

	if (!client->known)
		return "-";
	if (client->port)
		return endpoint_text(client->addr, client->port, text);
	length = strlen(address_text(client->addr, text));
	if (affinity && affinity < 32)
		snprintf(text + length, ADDRESS_TEXT - length, "/%u", affinity);
	return text;
}

static void print_text(const struct listing *listing, const struct flow *flow)
{
	const struct flow_names *names = &listing->names[flow->backend];
	struct client client = client_of(listing->balancer, flow, names->service);
	char text[ADDRESS_TEXT];

	printf("%-21s  %-24s  %-21s  %-11s  %5u  %s\n", client_text(&client, names->affinity, text),
	       names->service_name, names->backend_name, flow_state_name(flow->state), flow->idle,
	       flow_is_client(flow) ? "-" : forward_name(flow_method(flow)));
}

/* Nothing in it needs escaping: addresses, numbers and our own words. */
static void print_json(const struct listing *listing, const struct flow *flow)
{
	const struct flow_names *names = &listing->names[flow->backend];
	struct client client = client_of(listing->balancer, flow, names->service);
	const char *between = listing->options->pretty ? "\n    " : " ";
	const char *quote = client.known ? "\"" : "";
	char text[ADDRESS_TEXT], port[8] = "null";
	__be16 client_port = client.port;

	client.port = 0;
	if (client_port)
		snprintf(port, sizeof(port), "%u", ntohs(client_port));
	printf("%s%s{", listing->any ? "," : "", listing->options->pretty ? "\n  " : " ");
	printf("%s\"client\": %s%s%s,%s\"client_port\": %s,%s\"service\": \"%s\",", between, quote,
	       client.known ? client_text(&client, client_port ? 0 : names->affinity, text) :
			      "null",
	       quote, between, port, between, names->service_name);
	printf("%s\"backend\": \"%s\",%s\"state\": \"%s\",%s\"idle\": %u,", between,
	       names->backend_name, between, flow_state_name(flow->state), between, flow->idle);
	if (flow_is_client(flow))
		printf("%s\"forward\": null", between);
	else
		printf("%s\"forward\": \"%s\"", between, forward_name(flow_method(flow)));
	printf("%s}", listing->options->pretty ? "\n  " : " ");
}

/* Keeps a flow that is asked for until its buckets are read. */
static void take(const struct flow *flow, void *context)
{
	struct listing *listing = context;
	const struct flow_names *names = &listing->names[flow->backend];

	if (!flow->expired && names->shown &&
	    is_same(&listing->balancer->backends[flow->backend], names))
		listing->found[listing->count++] = *flow;
}

static void print_found(struct listing *listing)
{
	for (__u32 i = 0; i < listing->count; i++) {
		if (listing->options->json)
			print_json(listing, &listing->found[i]);
		else
			print_text(listing, &listing->found[i]);
		listing->any = true;
	}
	listing->count = 0;
}

/* Some buckets at once, of one of the tables. */
static void print_table(struct listing *listing, const struct xdplb_flow_bucket *bucket,
			__u32 buckets)
{
	for (__u32 first = 0; first < buckets; first += BUCKETS_AT_ONCE) {
		struct flow_table part = {
			.bucket = bucket + first,
			.buckets = buckets - first,
			.backend = listing->balancer->backends,
			.now = clock_seconds(),
		};

		if (part.buckets > BUCKETS_AT_ONCE)
			part.buckets = BUCKETS_AT_ONCE;
		flows_scan(&part, take, listing);
		print_found(listing);
	}
}

static void print_all(struct listing *listing)
{
	const struct flow_table all = flow_table_of(listing->balancer);

	if (listing->options->json)
		printf("[");
	else
		printf("%-21s  %-24s  %-21s  %-11s  %5s  %s\n", "client", "service", "backend",
		       "state", "idle", "method");
	print_table(listing, all.bucket, all.buckets);
	print_table(listing, all.old, all.old_buckets);
	if (listing->options->json)
		printf("%s]\n", listing->options->pretty ? "\n" : " ");
}

int command_flows(struct options *options)
{
	struct balancer balancer;
	struct listing *listing;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	listing = calloc(1, sizeof(*listing));
	if (listing)
		listing->names = calloc(XDPLB_BACKENDS, sizeof(*listing->names));
	if (!listing || !listing->names)
		err = fail(ENOMEM, "no memory for the names of backends");
	if (!err)
		err = balancer_map_nat(&balancer);
	if (!err) {
		listing->balancer = &balancer;
		listing->options = options;
		err = names_read(&balancer, options, listing->names);
	}
	close(balancer.lock); /* whoever reads the output slowly holds nobody up */
	balancer.lock = -1;
	if (!err)
		print_all(listing);
	if (listing)
		free(listing->names);
	free(listing);
	balancer_close(&balancer);
	return err;
}
