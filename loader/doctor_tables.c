// SPDX-License-Identifier: GPL-2.0-only
/* Findings about the tables of flows, of nat's ports and of sets: what is nearly full. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "doctor.h"
#include "error.h"
#include "fill.h"
#include "names.h"
#include "nearly_full.h"
#include "output.h"
#include "sets.h"

/* ---- flows ------------------------------------------------------------------------------- */

static void flows_show(struct doctor *doctor, const struct fill *fill)
{
	finding_remedy_resize(doctor, 4 * (__u64)fill->room,
			      finding_add(doctor, "flows_nearly_full", "flows",
					  "flows: %llu of %u places are taken, so new flows may "
					  "find none (table_full, no_room)",
					  fill->flows, fill->room));
}

int find_flows_full(struct doctor *doctor)
{
	struct flow_counts *counts = malloc(sizeof(*counts));
	struct flow_table table = flow_table_of(doctor->balancer);
	struct fill fill;

	if (!counts)
		return fail(ENOMEM, "no memory to count flows");
	flows_count(&table, counts);
	fill_count(doctor->balancer, counts, &fill);
	free(counts);
	if (is_nearly_full(fill.flows, fill.room))
		flows_show(doctor, &fill);
	return 0;
}

/* ---- ports of nat
 * ---------------------------------------------------------------------------------- */

static __u32 ports_allowed(const struct balancer *balancer)
{
	__u32 count = 0;

	for (int group = 0; group < XDPLB_GROUPS; group++)
		count += __builtin_popcountll(balancer->config->port_allowed[group]);
	return count;
}

/* Ports of flows that are not over: others are taken back when they are needed. */
static __u32 ports_used(const struct balancer *balancer, const struct xdplb_pool *pool)
{
	__u32 count = 0;

	for (int group = 0; group < XDPLB_GROUPS; group++) {
		const struct xdplb_block *block;

		if (!(pool->owned[group / 64] >> (group % 64) & 1) ||
		    pool->block[group] >= balancer->entries[MAP_BLOCKS])
			continue;
		block = &balancer->blocks[pool->block[group]];
		count += __builtin_popcountll(block->used & ~block->over &
					      balancer->config->port_allowed[group]);
	}
	return count;
}

/* A service that uses this pool, 0: none does any more. */
static __u32 service_of_pool(const struct doctor *doctor, __u32 pool)
{
	const struct xdplb_backend *backends = doctor->balancer->backends;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; backends[id].flags && i < XDPLB_SNATS; i++)
			if (backends[id].pool[i] == pool &&
			    service_is_live(doctor->balancer, backends[id].service))
				return backends[id].service;
	return 0;
}

/* The source addresses that it has, and one more. */
static void sources_remedy(const struct doctor *doctor, __u32 service,
			   const struct xdplb_pool *pool, struct json_object *finding)
{
	const struct xdplb_set *set = set_of(doctor->balancer, service);
	char sources[XDPLB_SNATS * (ADDRESS_TEXT + 8)] = "", text[ADDRESS_TEXT];
	size_t length = 0;

	for (int i = 0; i < set->snats; i++)
		length += snprintf(sources + length, sizeof(sources) - length, " --snat %s",
				   address_text(set_snat(doctor->balancer, service, i), text));
	if (!set->snats)
		snprintf(sources, sizeof(sources), " --snat %s", address_text(pool->addr, text));
	finding_remedy(finding, "xdplb-config set-service%s %s%s --snat ADDRESS", doctor->which,
		       service_name(doctor, service, text), sources);
}

static void ports_show(struct doctor *doctor, __u32 id, __u32 used, __u32 room)
{
	const struct xdplb_pool *pool = &doctor->balancer->pools[id];
	char source[ADDRESS_TEXT], backend[ADDRESS_TEXT];
	__u32 service = service_of_pool(doctor, id);

	if (!service)
		return;
	address_text(pool->addr, source);
	endpoint_text(pool->backend_addr, pool->backend_port, backend);
	sources_remedy(
		doctor, service, pool,
		finding_add(doctor, "ports_nearly_used", source,
			    "%s: %u of %u ports towards backend %s/%s are taken, so new flows "
			    "may find none (no_port)",
			    source, used, room, backend, proto_name(pool->proto)));
}

int find_ports_full(struct doctor *doctor)
{
	const struct balancer *balancer = doctor->balancer;
	__u32 room = ports_allowed(balancer);

	for (__u32 id = 1; id < XDPLB_POOLS; id++) {
		__u32 used =
			balancer->pools[id].proto ? ports_used(balancer, &balancer->pools[id]) : 0;

		if (used && is_nearly_full(used, room))
			ports_show(doctor, id, used, room);
	}
	return 0;
}

/* ---- sets
 * -------------------------------------------------------------------------------------------- */

/* A change needs room for the new set beside the old one. */
int find_sets_full(struct doctor *doctor)
{
	__u32 id = 0, used = 1, most = 0, largest = 0;
	char text[ADDRESS_TEXT];

	while (service_next(doctor, &id)) {
		const struct xdplb_set *set = set_of(doctor->balancer, id);

		used += set->lines;
		if (set->lines <= most)
			continue;
		most = set->lines;
		largest = id;
	}
	if (!is_nearly_full(used, XDPLB_SET_LINES))
		return 0;
	finding_remedy(
		finding_add(doctor, "sets_nearly_full", "sets",
			    "sets: %u of %u lines are taken, so a change may find no room; %s "
			    "has the most, %u",
			    used, XDPLB_SET_LINES, service_name(doctor, largest, text), most),
		scheduler_hashes(set_of(doctor->balancer, largest)->scheduler) ?
			"xdplb-config set-service%s %s --table-size auto" :
			"xdplb-config del-service%s %s",
		doctor->which, service_name(doctor, largest, text));
	return 0;
}
