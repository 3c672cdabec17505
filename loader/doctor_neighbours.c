// SPDX-License-Identifier: GPL-2.0-only
/* Findings about the ways to backends: routes, and neighbours that do not answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doctor_ways.h"
#include "error.h"
#include "neighbour.h"
#include "output.h"

#define LOOKS 11 /* at neighbours that are not known, so long as some of these answer late */
#define LOOK_NS 100000000

/* ---- routes -------------------------------------------------------------------------------- */

/* The same address, with another port or of another service, has been told of. */
static bool is_told(const struct doctor *doctor, const struct doctor_ways *ways, __u32 i)
{
	const struct xdplb_backend *backends = doctor->balancer->backends;

	for (__u32 j = 0; j < i; j++)
		if (ways->way[j].err && same_address(backends[ways->way[j].backend].addr,
						     backends[ways->way[i].backend].addr))
			return true;
	return false;
}

/* A backend that was reached when it was configured, and has no route any more. */
int find_no_route(struct doctor *doctor)
{
	char text[ADDRESS_TEXT], name[WAY_TEXT];
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (__u32 i = 0; !err && i < ways.count; i++) {
		if (!ways.way[i].err || is_told(doctor, &ways, i))
			continue;
		address_text(doctor->balancer->backends[ways.way[i].backend].addr, text);
		finding_remedy(finding_add(doctor, "no_route", text,
					   "%s: the kernel has no route to it (%s), so packets to "
					   "%s are dropped (no_route)",
					   text, strerror(-ways.way[i].err),
					   way_name(doctor, &ways.way[i], name)),
			       "ip route add %s via GATEWAY", text);
	}
	ways_free(&ways);
	return err;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

/* The next hops of all ways, each once; `first` gets the first way by each. */
static struct neighbour *hops_of(const struct doctor_ways *ways, __u32 *first, __u32 *count)
{
	struct neighbour *neighbour = calloc(ways->count + 1, sizeof(*neighbour));

	*count = 0;
	for (__u32 i = 0; neighbour && i < ways->count; i++) {
		const struct next_hop *hop = &ways->way[i].hop;
		__u32 j = 0;

		if (!ways->way[i].out)
			continue;
		while (j < *count && (neighbour[j].hop.ifindex != hop->ifindex ||
				      !same_address(neighbour[j].hop.addr, hop->addr)))
			j++;
		if (j < *count)
			continue;
		neighbour[j].hop = *hop;
		first[j] = i;
		++*count;
	}
	return neighbour;
}

/* Looks until all are known, or nobody would answer any more. */
static int hops_look(struct neighbour *neighbour, __u32 count)
{
	const struct timespec step = { .tv_nsec = LOOK_NS };
	int err = 0;

	for (int look = 0; look < LOOKS; look++) {
		if (look)
			nanosleep(&step, NULL);
		err = neighbours_look(neighbour, count);
		if (err || neighbours_known(neighbour, count))
			break;
	}
	return err ? fail(err, "cannot ask the kernel for neighbours: %s", strerror(-err)) : 0;
}

/*
 * The kernel asks for those that it keeps, and gets no answer; others nobody
 * asks for, since what XDP sends does not.
 */
static void neighbour_show(struct doctor *doctor, const struct neighbour *neighbour,
			   const struct doctor_way *way)
{
	const __be32 *backend = doctor->balancer->backends[way->backend].addr;
	const __be32 *hop = neighbour->hop.addr;
	char text[ADDRESS_TEXT], name[WAY_TEXT], interface[IF_NAMESIZE];
	struct json_object *finding;

	interface_name(neighbour->hop.ifindex, interface);
	address_text(hop, text);
	finding = finding_add(doctor, "no_neighbour", text,
			      "%s: %s on %s, so packets to %s are dropped (no_neighbour)", text,
			      neighbour->kept ? xdplb_is_ipv6(hop) ?
						"it answers no neighbour discovery" :
						"it answers no ARP" :
						"nobody asks for its MAC",
			      interface, way_name(doctor, way, name));
	if (neighbour->kept && same_address(hop, backend))
		way_remedy_down(doctor, way, finding);
	else
		finding_remedy(finding, "ip neigh replace %s dev %s managed", text, interface);
}

int find_no_neighbour(struct doctor *doctor)
{
	struct neighbour *neighbour = NULL;
	struct doctor_ways ways;
	__u32 *first = NULL, count = 0;
	int err = ways_read(doctor, &ways);

	if (!err) {
		first = calloc(ways.count + 1, sizeof(*first));
		neighbour = first ? hops_of(&ways, first, &count) : NULL;
		err = neighbour ? hops_look(neighbour, count) : fail(ENOMEM, "no memory");
	}
	for (__u32 i = 0; !err && i < count; i++)
		if (!neighbour[i].known)
			neighbour_show(doctor, &neighbour[i], &ways.way[first[i]]);
	free(first);
	free(neighbour);
	ways_free(&ways);
	return err;
}
