// SPDX-License-Identifier: GPL-2.0-only
#include "collect.h"

#include <stdlib.h>

#include "directory.h"
#include "error.h"
#include "pools.h"
#include "sets.h"

/* Services that a killed command left with a set and without an address. */
static void drop_ghosts(struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];
		struct xdplb_directory_entry *entry;

		if (!service->proto || !service->set)
			continue;
		entry = directory_find(balancer, XDPLB_KIND_SERVICE, service->addr[0],
				       service->port, service->proto);
		if (!entry || entry->index != id)
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
			balancer->backends[entry->backend].flags = backend_flags(entry->state);
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

/* Frees backends that are not kept; those with flows keep their service. */
static int collect_backends(struct balancer *balancer, const bool *kept, bool *service_kept)
{
	struct xdplb_backend_cpu counts;
	int freed = 0;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct xdplb_backend *backend = &balancer->backends[id];

		if (!backend->flags)
			continue;
		if (!kept[id]) {
			if (balancer_backend_counts(balancer, id, &counts))
				return -EIO;
			if (counts.entries <= 0) {
				retire(&balancer->services[backend->service], &counts);
				backend->flags = 0;
				freed++;
				continue;
			}
		}
		service_kept[backend->service] = true;
	}
	return freed;
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
		freed += collect_services(balancer, services);
		freed += pools_unlink(balancer, pools);
	}
	err = freed > 0 ? balancer_grace() : freed;
	if (freed > 0 && !err)
		pools_free(balancer, pools);
	free(backends);
	free(services);
	free(pools);
	return err;
}
