// SPDX-License-Identifier: GPL-2.0-only
#include "collect.h"

#include <stdlib.h>

#include "addresses.h"
#include "error.h"
#include "pools.h"
#include "sets.h"
#include "sharing.h"

/* Services that a killed command left with a set and without an address. */
static void drop_ghosts(struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];

		if (service->proto && service->set && !service_is_live(balancer, id))
			service->set = 0;
	}
}

/*
 * Marks the backends that are in a set. Their flags are what the set says, also
 * where a killed command did not get that far.
 */
static void mark_backends(struct balancer *balancer, bool *kept)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);

		for (__u32 i = 0; set && i < set->backends; i++) {
			const struct xdplb_set_backend *entry = set_backend(balancer, id, i);

			kept[entry->backend] = true;
			backend_state_set(&balancer->backends[entry->backend], entry->state);
		}
	}
}

/* Forgets source addresses that are not wanted any more and have no flow left. */
static void collect_sources(struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct xdplb_backend *backend = &balancer->backends[id];

		for (int i = 0; backend->flags && i < XDPLB_SNATS; i++)
			if (backend->pool[i] && !(backend->pools & 1 << i) &&
			    pool_is_idle(&balancer->pools[backend->pool[i]]))
				backend->pool[i] = 0;
	}
}

/* Adds what a backend has counted to its service's totals, for good. */
static void retire(struct xdplb_service *service, const struct xdplb_backend_cpu *counts)
{
	service->retired_packets += counts->packets;
	service->retired_bytes += counts->bytes;
	service->retired_reply_packets += counts->reply_packets;
	service->retired_reply_bytes += counts->reply_bytes;
	service->retired_new_flows += counts->new_flows;
}

static const enum xdplb_kind shared_kinds[] = { XDPLB_KIND_DNAT, XDPLB_KIND_TUNNEL };

/* The kind of entry that a backend in a set has by its method, 0: none, or it is in none. */
static enum xdplb_kind kind_wanted(const struct balancer *balancer, __u32 id, bool kept)
{
	const struct xdplb_set *set = set_of(balancer, balancer->backends[id].service);

	return kept && set ? sharing_kind(set->forward) : 0;
}

/* Some entry leads to a backend whose method does not need it any more. */
static bool is_left_over(const struct balancer *balancer, __u32 id, enum xdplb_kind wanted)
{
	for (int i = 0; i < 2; i++)
		if (shared_kinds[i] != wanted && sharing_has(balancer, shared_kinds[i], id))
			return true;
	return false;
}

/* Frees what a backend without flows has left over, and itself if it is not kept. */
static int collect_backend(struct balancer *balancer, __u32 id, bool kept,
			   const struct xdplb_backend_cpu *counts)
{
	enum xdplb_kind wanted = kind_wanted(balancer, id, kept);
	struct xdplb_backend *backend = &balancer->backends[id];
	int changed = !kept;

	for (int i = 0; i < 2; i++)
		if (shared_kinds[i] != wanted)
			changed += sharing_leave(balancer, shared_kinds[i], id);
	if (!kept) {
		retire(&balancer->services[backend->service], counts);
		backend->flags = 0;
	}
	return changed;
}

/*
 * Those with flows stay as they are, and so do their services: replies still
 * come, and what routers say of them. Returns how many were freed or left a
 * directory entry.
 */
static int collect_backends(struct balancer *balancer, const bool *kept, bool *service_kept)
{
	struct xdplb_backend_cpu counts;
	int changed = 0;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (!backend->flags)
			continue;
		service_kept[backend->service] |= kept[id];
		if (kept[id] && !is_left_over(balancer, id, kind_wanted(balancer, id, true)))
			continue;
		if (balancer_backend_counts(balancer, id, &counts))
			return -EIO;
		if (counts.entries > 0)
			service_kept[backend->service] = true;
		else
			changed += collect_backend(balancer, id, kept[id], &counts);
	}
	return changed;
}

/* Which kinds the directory has entries of: the program looks for no others. */
static void kinds_publish(struct balancer *balancer)
{
	__u32 kinds = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && balancer->services[id].set)
			kinds |= 1 << XDPLB_KIND_SERVICE | 1 << XDPLB_KIND_ADDRESS;
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		if (balancer->pools[id].proto)
			kinds |= 1 << XDPLB_KIND_BACKEND;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; balancer->backends[id].flags && i < 2; i++)
			if (!(kinds & 1 << shared_kinds[i]) &&
			    sharing_has(balancer, shared_kinds[i], id))
				kinds |= 1 << shared_kinds[i];
	__atomic_store_n(&balancer->config->kinds, kinds, __ATOMIC_RELEASE);
}

static int collect_services(struct balancer *balancer, const bool *kept)
{
	int freed = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];

		if (!service->proto || service->set || kept[id])
			continue;
		service->proto = 0;
		freed++;
	}
	return freed;
}

int balancer_collect(struct balancer *balancer)
{
	bool *backends = calloc(XDPLB_BACKENDS, sizeof(*backends));
	bool *services = calloc(XDPLB_SERVICES, sizeof(*services));
	bool *pools = calloc(XDPLB_POOLS, sizeof(*pools));
	int freed = -ENOMEM, err;

	if (backends && services && pools) {
		drop_ghosts(balancer);
		mark_backends(balancer, backends);
		collect_sources(balancer);
		freed = collect_backends(balancer, backends, services);
	}
	if (freed == -ENOMEM)
		fail(ENOMEM, "no memory to collect what is unused");
	if (freed >= 0) {
		freed += addresses_mend(balancer);
		freed += collect_services(balancer, services);
		freed += pools_unlink(balancer, pools);
	}
	err = freed > 0 ? balancer_grace() : freed;
	if (freed > 0 && !err)
		pools_free(balancer, pools);
	if (!err)
		kinds_publish(balancer);
	free(backends);
	free(services);
	free(pools);
	return err;
}
