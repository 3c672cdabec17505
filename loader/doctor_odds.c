// SPDX-License-Identifier: GPL-2.0-only
/* Findings about two services that do not get on with each other, each right by itself. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "complete.h"
#include "directory.h"
#include "doctor_ways.h"
#include "error.h"
#include "lines.h"
#include "output.h"
#include "services.h"
#include "sets.h"
#include "show.h"

/* ---- a backend that is here, or is a service whose backend is the first ------------------------
 */

/* The service that packets to a way's backend are for, when they come in here; 0: none. */
static __u32 service_behind(const struct doctor *doctor, const struct doctor_way *way)
{
	const struct xdplb_backend *backend = &doctor->balancer->backends[way->backend];
	struct service_address at = { .port = backend->port, .proto = backend->proto };
	__u32 id;

	memcpy(at.addr, backend->addr, sizeof(at.addr));
	id = service_find(doctor->balancer, &at);
	return id && service_is_live(doctor->balancer, id) ? id : 0;
}

static bool rewrites(const struct doctor_way *way)
{
	return way->forward == XDPLB_NAT || way->forward == XDPLB_DNAT;
}

static void here_show(struct doctor *doctor, const struct doctor_way *way)
{
	char name[WAY_TEXT], service[ADDRESS_TEXT], backend[ADDRESS_TEXT];
	char also[ADDRESS_TEXT + 32] = "";
	__u32 behind = service_behind(doctor, way);

	if (behind)
		snprintf(also, sizeof(also), ", as that of %s",
			 service_name(doctor, behind, service));
	way_name(doctor, way, name);
	finding_remedy(finding_add(doctor, "backend_here", name,
				   "%s: its address is this machine's by now%s, so packets to it "
				   "are dropped (no_route)",
				   name, also),
		       "xdplb-config del-backend%s %s %s", doctor->which,
		       service_name(doctor, way->service, service),
		       way_backend(doctor, way, backend));
}

/* What leaves by the way comes back as another service's, and then as this one's. */
static bool is_loop(const struct doctor *doctor, const struct doctor_ways *ways, __u32 i)
{
	const struct doctor_way *way = &ways->way[i];
	__u32 behind = rewrites(way) ? service_behind(doctor, way) : 0;

	for (__u32 j = i + 1; behind && j < ways->count; j++)
		if (ways->way[j].service == behind && rewrites(&ways->way[j]) &&
		    service_behind(doctor, &ways->way[j]) == way->service)
			return true;
	return false;
}

int find_backend_here(struct doctor *doctor)
{
	char name[WAY_TEXT], service[ADDRESS_TEXT];
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (__u32 i = 0; !err && i < ways.count; i++) {
		const struct doctor_way *way = &ways.way[i];

		if (!way->err && way->hop.local) {
			here_show(doctor, way);
			continue;
		}
		if (!is_loop(doctor, &ways, i))
			continue;
		way_name(doctor, way, name);
		service_name(doctor, service_behind(doctor, way), service);
		way_remedy_down(doctor, way,
				finding_add(doctor, "service_loop", name,
					    "%s: it is %s, one of whose backends is the former, so "
					    "packets go round until their TTL is over",
					    name, service));
	}
	ways_free(&ways);
	return err;
}

/* ---- source addresses that backends have themselves ---------------------------------------------
 */

/* A backend's machine has the address of a service with dsr, ipip or gue. */
struct held {
	__be32 address[4];
	__be32 backend[4];
	__u32 service;
};

/* What it is sorted and found by. */
#define HELD_KEY offsetof(struct held, service)

static int compare_held(const void *a, const void *b)
{
	return memcmp(a, b, HELD_KEY);
}

/* All there are, sorted; *count of them. NULL after an error line. */
static struct held *held_list(const struct doctor *doctor, __u32 *count)
{
	struct held *list = calloc(XDPLB_BACKENDS, sizeof(*list));
	__u32 id = 0;

	*count = 0;
	if (!list)
		fail(ENOMEM, "no memory for %d backends", XDPLB_BACKENDS);
	while (list && service_next(doctor, &id)) {
		const struct xdplb_set *set = set_of(doctor->balancer, id);

		for (__u32 i = 0; forward_keeps_port(set->forward) && i < set->backends; i++) {
			__u32 backend = set_backend(doctor->balancer, id, i)->backend;
			struct held *held = &list[(*count)++];

			memcpy(held->address, doctor->balancer->services[id].addr,
			       sizeof(held->address));
			memcpy(held->backend, doctor->balancer->backends[backend].addr,
			       sizeof(held->backend));
			held->service = id;
		}
	}
	if (list)
		qsort(list, *count, sizeof(*list), compare_held);
	return list;
}

/* The source addresses of what is sent to a backend; how many. */
static int sources_of(const struct doctor *doctor, __u8 forward,
		      const struct xdplb_backend *backend, const __be32 *sources[XDPLB_SNATS])
{
	int count = 0;

	for (int i = 0; forward == XDPLB_NAT && i < XDPLB_SNATS; i++)
		if (backend->pools & 1 << i)
			sources[count++] = doctor->balancer->pools[backend->pool[i]].addr;
	if (forward_wraps(forward) && is_address(backend->source))
		sources[count++] = backend->source;
	return count;
}

/* A backend is sent packets from an address that its machine has. NULL: none is. */
static const struct held *backend_held(const struct doctor *doctor, __u8 forward,
				       const struct xdplb_backend *backend, const struct held *list,
				       __u32 count)
{
	const __be32 *sources[XDPLB_SNATS];
	int of = sources_of(doctor, forward, backend, sources);
	const struct held *found = NULL;
	struct held key = {};

	memcpy(key.backend, backend->addr, sizeof(key.backend));
	for (int i = 0; !found && i < of; i++) {
		memcpy(key.address, sources[i], sizeof(key.address));
		found = bsearch(&key, list, count, sizeof(*list), compare_held);
	}
	return found;
}

static void held_show(struct doctor *doctor, __u32 id, const struct held *held)
{
	char address[ADDRESS_TEXT], backend[ADDRESS_TEXT], service[ADDRESS_TEXT],
		other[ADDRESS_TEXT];

	service_name(doctor, id, service);
	finding_remedy(finding_add(doctor, "source_held", service,
				   "%s: it sends to backend %s from %s, which is that machine's "
				   "own too, as backend of %s: it answers itself",
				   service, address_text(held->backend, backend),
				   address_text(held->address, address),
				   service_name(doctor, held->service, other)),
		       "xdplb-config set-service%s %s --snat ADDRESS", doctor->which, service);
}

/* Told of once for each service. */
int find_source_held(struct doctor *doctor)
{
	__u32 id = 0, count;
	struct held *list = held_list(doctor, &count);

	while (list && count && service_next(doctor, &id)) {
		const struct xdplb_set *set = set_of(doctor->balancer, id);
		const struct held *found = NULL;

		for (__u32 i = 0; !found && i < set->backends; i++) {
			__u32 backend = set_backend(doctor->balancer, id, i)->backend;

			found = backend_held(doctor, set->forward,
					     &doctor->balancer->backends[backend], list, count);
		}
		if (found)
			held_show(doctor, id, found);
	}
	free(list);
	return list ? 0 : -ENOMEM;
}

/* ---- the same service in two balancers
 * ----------------------------------------------------------- */

#define FEW 8 /* backends, for which a command is short enough to be typed */

/* The same options, and backends in whatever order. */
static bool is_alike(const struct wanted_service *a, const struct wanted_service *b)
{
	if (!same_options(a, b) || a->backends != b->backends)
		return false;
	for (int i = 0; i < a->backends; i++) {
		int index = wanted_index(b, &a->backend[i]);

		if (index < 0 || !same_backend(&a->backend[i], &b->backend[index]))
			return false;
	}
	return true;
}

/* Has the other's backends be these; where more than they differ, the interface joins this one. */
static void twin_remedy(const struct doctor *doctor, const struct wanted_service *ours,
			const struct wanted_service *others, const struct chain_program *there,
			struct json_object *finding)
{
	char backends[FEW * 3 * ADDRESS_TEXT] = "", service[ADDRESS_TEXT], first[IF_NAMESIZE + 64];
	struct lines lines = {};
	size_t length = 0;

	if (!same_options(ours, others) || !ours->backends || ours->backends > FEW) {
		snprintf(first, sizeof(first), "xdplb-config unload %.*s && ", IF_NAMESIZE,
			 there->interface);
		finding_remedy_load(doctor, there->interface, first, finding);
		return;
	}
	backends_lines(ours, &lines);
	for (int i = 0; i < lines.count; i++)
		length += snprintf(backends + length, sizeof(backends) - length, " %s",
				   lines.line[i].text);
	lines_free(&lines);
	finding_remedy(finding, "xdplb-config set-backends -d %s %s%s", there->interface,
		       service_text(&ours->at, service), backends);
}

static int twin_look(struct doctor *doctor, __u32 id, const struct balancer *other,
		     const struct chain_program *there)
{
	struct wanted_service ours = {}, others = {};
	char service[ADDRESS_TEXT];
	struct service_address at;
	__u32 twin;
	int err;

	service_address_of(&doctor->balancer->services[id], &at);
	twin = service_find(other, &at);
	if (!twin || !service_is_live(other, twin))
		return 0;
	err = set_read(doctor->balancer, id, &ours);
	if (!err)
		err = set_read(other, twin, &others);
	if (!err && !is_alike(&ours, &others)) {
		service_text(&at, service);
		twin_remedy(doctor, &ours, &others, there,
			    finding_add(doctor, "service_twice", service,
					"%s: the balancer of %s has it too, with other backends or "
					"options, so where a client ends depends on the interface "
					"it comes in by",
					service, there->interface));
	}
	wanted_free(&ours);
	wanted_free(&others);
	return err;
}

/* Of two balancers that are both looked at, the first tells. */
static bool is_told_by(const struct doctor *doctor, const struct chain_program *other)
{
	return doctor->all && program_config_map(other->id) < doctor->id;
}

int find_service_twice(struct doctor *doctor)
{
	struct chain_program one[CHAIN_MAX];
	char list[CHAIN_MAX * (IF_NAMESIZE + 1)];
	int balancers = doctor->count ? chain_balancers(one, CHAIN_MAX, list, sizeof(list)) : 0;
	int err = balancers < 0 ? balancers : 0;

	for (int i = 0; !err && i < balancers; i++) {
		struct balancer other;
		__u32 id = 0;

		if (program_config_map(one[i].id) == doctor->id || is_told_by(doctor, &one[i]))
			continue;
		err = balancer_open_program(&other, one[i].id);
		if (err)
			break;
		while (!err && service_next(doctor, &id))
			err = twin_look(doctor, id, &other, &one[i]);
		balancer_close(&other);
	}
	return err;
}
