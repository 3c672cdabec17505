// SPDX-License-Identifier: GPL-2.0-only
#include "doctor_ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "sets.h"

/* Adds a service's; a set has room for what it says. */
static void service_add(const struct doctor *doctor, __u32 id, struct doctor_ways *ways)
{
	const struct xdplb_set *set = set_of(doctor->balancer, id);

	if (set->forward == XDPLB_LOCAL)
		return;
	for (__u32 i = 0; i < set->backends; i++) {
		const struct xdplb_set_backend *backend = set_backend(doctor->balancer, id, i);

		if (backend->state != XDPLB_DOWN)
			ways->way[ways->count++] = (struct doctor_way){
				.service = id,
				.backend = backend->backend,
				.forward = set->forward,
			};
	}
}

/* The addresses that the ways lead to, and where they lead. */
static int routes_read(const struct doctor *doctor, struct doctor_ways *ways)
{
	__be32(*to)[4] = calloc(ways->count + 1, sizeof(*to));
	struct next_hop *hop = calloc(ways->count + 1, sizeof(*hop));
	int *errors = calloc(ways->count + 1, sizeof(*errors)), err = -ENOMEM;

	if (to && hop && errors) {
		for (__u32 i = 0; i < ways->count; i++)
			memcpy(to[i], doctor->balancer->backends[ways->way[i].backend].addr,
			       sizeof(*to));
		err = routes_get(*to, sizeof(*to), ways->count, hop, errors);
	}
	for (__u32 i = 0; !err && i < ways->count; i++) {
		ways->way[i].hop = hop[i];
		ways->way[i].err = errors[i];
	}
	free(to);
	free(hop);
	free(errors);
	return err ? fail(err, "cannot ask the kernel for routes: %s", strerror(-err)) : 0;
}

static void ways_out_set(struct doctor_ways *ways)
{
	for (__u32 i = 0; i < ways->count; i++) {
		struct doctor_way *way = &ways->way[i];
		const struct link *link, *below;
		int tags;

		if (way->err || way->hop.local)
			continue;
		link = link_find(ways->links, ways->link_count, way->hop.ifindex);
		below = link_below(ways->links, ways->link_count, link, &tags);
		way->out = below ? below->ifindex : (__u32)way->hop.ifindex;
	}
}

int ways_read(const struct doctor *doctor, struct doctor_ways *ways)
{
	__u32 id = 0, room = 0;
	int err;

	memset(ways, 0, sizeof(*ways));
	while (service_next(doctor, &id))
		room += set_of(doctor->balancer, id)->backends;
	ways->way = calloc(room + 1, sizeof(*ways->way));
	if (!ways->way)
		return fail(ENOMEM, "no memory for %u backends", room);
	for (id = 0; service_next(doctor, &id);)
		service_add(doctor, id, ways);
	ways->link_count = links_read(&ways->links);
	if (ways->link_count < 0)
		return fail(ways->link_count, "cannot list the interfaces: %s",
			    strerror(-ways->link_count));
	err = ways->count ? routes_read(doctor, ways) : 0;
	if (!err)
		ways_out_set(ways);
	return err;
}

void ways_free(struct doctor_ways *ways)
{
	free(ways->way);
	free(ways->links);
	memset(ways, 0, sizeof(*ways));
}

const char *way_backend(const struct doctor *doctor, const struct doctor_way *way, char *text)
{
	const struct xdplb_backend *backend = &doctor->balancer->backends[way->backend];

	return backend_text(way->forward, backend->addr, backend->port, text);
}

const char *way_name(const struct doctor *doctor, const struct doctor_way *way, char *text)
{
	char backend[ADDRESS_TEXT], service[ADDRESS_TEXT];

	snprintf(text, WAY_TEXT, "backend %s of %s", way_backend(doctor, way, backend),
		 service_name(doctor, way->service, service));
	return text;
}

void way_remedy_down(const struct doctor *doctor, const struct doctor_way *way,
		     struct json_object *finding)
{
	char backend[ADDRESS_TEXT], service[ADDRESS_TEXT];

	finding_remedy(finding, "xdplb-config set-state%s %s %s down", doctor->which,
		       service_name(doctor, way->service, service),
		       way_backend(doctor, way, backend));
}

const char *interface_name(__u32 ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, name))
		snprintf(name, IF_NAMESIZE, "?");
	return name;
}
