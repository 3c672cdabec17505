// SPDX-License-Identifier: GPL-2.0-only
#include "ways_left.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "grown.h"
#include "neighbour.h"
#include "sets.h"

int left_add(struct left_ways *left, __u32 service, const struct wanted_service *wanted)
{
	for (int i = 0; wanted->forward != XDPLB_LOCAL && i < wanted->backends; i++) {
		struct left_way *more = grown(left->way, left->count, sizeof(*more), "backends");

		if (!more)
			return -ENOMEM;
		left->way = more;
		more[left->count] = (struct left_way){
			.backend = &wanted->backend[i],
			.service = service,
			.turn = left->count,
		};
		left->count++;
	}
	return 0;
}

void left_free(struct left_ways *left)
{
	free(left->way);
	*left = (struct left_ways){};
}

static bool same_mac(const __u8 a[6], const __u8 b[6])
{
	return !memcmp(a, b, 6);
}

/* ---- in the order of addresses ------------------------------------------------------------- */

static int compare_left(const void *a, const void *b)
{
	const struct left_way *x = a, *y = b;
	int order = memcmp(x->backend->addr, y->backend->addr, sizeof(x->backend->addr));

	if (!order)
		order = memcmp(x->backend->mac, y->backend->mac, sizeof(x->backend->mac));
	return order ? order : x->turn < y->turn ? -1 : x->turn > y->turn;
}

static bool same_left(const struct left_way *a, const struct left_way *b)
{
	return a->service == b->service && same_address(a->backend->addr, b->backend->addr) &&
	       same_mac(a->backend->mac, b->backend->mac);
}

/* Sorts them; those of one service with one address and MAC become one. */
static void left_sort(struct left_ways *left)
{
	__u32 kept = 0;

	if (left->count)
		qsort(left->way, left->count, sizeof(*left->way), compare_left);
	for (__u32 i = 0; i < left->count; i++)
		if (!kept || !same_left(&left->way[kept - 1], &left->way[i]))
			left->way[kept++] = left->way[i];
	left->count = kept;
}

/* Where those with this address begin, or would. */
static __u32 left_find(const struct left_ways *left, const __be32 addr[4])
{
	__u32 from = 0, to = left->count;

	while (from < to) {
		__u32 middle = (from + to) / 2;

		if (memcmp(left->way[middle].backend->addr, addr, 16) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* ---- what is in force ---------------------------------------------------------------------- */

/* By service and place in its set: records that only flows still need are not among them. */
struct in_force {
	__u32 service, index;
};

/* The next backend that is reached by a way, NULL: no more. */
static const struct xdplb_backend *in_force_next(const struct balancer *balancer,
						 struct in_force *at)
{
	for (; at->service < XDPLB_SERVICES; at->service++, at->index = 0) {
		const struct xdplb_set *set = set_of(balancer, at->service);
		__u32 id;

		if (!set || set->forward == XDPLB_LOCAL || at->index >= set->backends)
			continue;
		id = set_backend(balancer, at->service, at->index++)->backend;
		return &balancer->backends[id];
	}
	return NULL;
}

typedef void (*meet_way)(const struct left_ways *left, struct left_way *way,
			 const struct xdplb_backend *backend);

/* Has each way meet those in force that have its address. */
static void left_meet(const struct balancer *balancer, struct left_ways *left, meet_way meet)
{
	struct in_force at = { .service = 1 };
	const struct xdplb_backend *backend;

	left_sort(left);
	while (left->count && (backend = in_force_next(balancer, &at)))
		for (__u32 i = left_find(left, backend->addr);
		     i < left->count && same_address(left->way[i].backend->addr, backend->addr);
		     i++)
			meet(left, &left->way[i], backend);
}

/* ---- what nobody wants any more ------------------------------------------------------------ */

static void meet_wanted(const struct left_ways *left, struct left_way *way,
			const struct xdplb_backend *backend)
{
	(void)left;
	if (same_mac(backend->mac, way->backend->mac))
		way->wanted = true;
	else if (!way->other || mac_given(backend->mac))
		way->other = backend;
}

/* A MAC that was given, if the kernel has that one; what `other` wants takes its place. */
static void given_forget(const struct wanted_backend *backend, const struct next_hop *hop,
			 const struct xdplb_backend *other)
{
	struct neighbour now = { .hop = *hop, .mac = backend->mac };
	struct neighbour next = { .hop = *hop };

	if (neighbours_look(&now, 1) || !now.kept)
		return;
	if (other && mac_given(other->mac))
		next.mac = other->mac;
	else
		neighbour_forget(hop); /* so that the MAC is asked for, and not believed */
	if (other)
		neighbours_keep(&next, 1);
}

static void way_forget(const struct wanted_backend *backend, const struct xdplb_backend *other)
{
	struct next_hop hop;

	if (route_get(backend->addr, &hop) || !same_address(hop.addr, backend->addr))
		return;
	if (mac_given(backend->mac))
		given_forget(backend, &hop, other);
	else if (!other)
		neighbour_release(&hop);
}

void ways_forget(const struct balancer *balancer, struct left_ways *left)
{
	left_meet(balancer, left, meet_wanted);
	for (__u32 i = 0; i < left->count; i++)
		if (!left->way[i].wanted)
			way_forget(left->way[i].backend, left->way[i].other);
}

void ways_forget_given(const struct balancer *balancer)
{
	struct in_force at = { .service = 1 };
	const struct xdplb_backend *backend;

	while ((backend = in_force_next(balancer, &at))) {
		struct wanted_backend given = {};

		memcpy(given.addr, backend->addr, sizeof(given.addr));
		memcpy(given.mac, backend->mac, sizeof(given.mac));
		if (mac_given(given.mac))
			way_forget(&given, NULL);
	}
}

/* ---- what is given otherwise --------------------------------------------------------------- */

/* The service was added, and after this way's. */
static bool is_later(const struct left_ways *left, __u32 service, const struct left_way *way)
{
	for (__u32 i = 0; i < left->count; i++)
		if (left->way[i].service == service && left->way[i].turn > way->turn)
			return true;
	return false;
}

static void meet_other(const struct left_ways *left, struct left_way *way,
		       const struct xdplb_backend *backend)
{
	if (mac_given(backend->mac) && !same_mac(backend->mac, way->backend->mac) &&
	    backend->service != way->service && !is_later(left, backend->service, way))
		way->other = backend;
}

static void given_warn(const struct balancer *balancer, const struct left_way *way)
{
	const struct xdplb_service *service = &balancer->services[way->other->service];
	char backend[ADDRESS_TEXT], name[ADDRESS_TEXT], other[ADDRESS_TEXT], mac[ADDRESS_TEXT];
	struct service_address at = { .port = service->port, .proto = service->proto };

	memcpy(at.addr, service->addr, sizeof(at.addr));
	backend_here(way->backend);
	warn("backend %s: service %s gives it another MAC, %s: for both it is now %s",
	     address_text(way->backend->addr, backend), service_text(&at, name),
	     mac_text(way->other->mac, other), mac_text(way->backend->mac, mac));
	place_here(NULL, NULL);
}

/* Leaves those whose MAC is given. */
static void given_only(struct left_ways *left)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < left->count; i++)
		if (mac_given(left->way[i].backend->mac))
			left->way[kept++] = left->way[i];
	left->count = kept;
}

void ways_compare(const struct balancer *balancer, struct left_ways *left)
{
	given_only(left);
	left_meet(balancer, left, meet_other);
	for (__u32 i = 0; i < left->count; i++)
		if (left->way[i].other)
			given_warn(balancer, &left->way[i]);
}
