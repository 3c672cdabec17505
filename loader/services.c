// SPDX-License-Identifier: GPL-2.0-only
#include "services.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "directory.h"
#include "error.h"
#include "machine.h"
#include "pools.h"
#include "ports.h"
#include "sets.h"
#include "ways.h"

__u32 service_find(const struct balancer *balancer, const struct service_address *at)
{
	struct xdplb_directory_entry *entry =
		directory_find(balancer, XDPLB_KIND_SERVICE, at->addr[0], at->port, at->proto);

	return entry ? entry->index : 0;
}

int service_need(const struct balancer *balancer, const struct service_address *at)
{
	char text[SERVICE_TEXT];
	__u32 id = service_find(balancer, at);

	if (id)
		return id;
	return fail(ENOENT, "%s: no such service; see: xdplb-config list", service_text(at, text));
}

/* A service record that the directory does not lead to yet. */
static int service_new(struct balancer *balancer, const struct service_address *at)
{
	for (int id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];

		if (service->proto)
			continue;
		memset(service, 0, sizeof(*service));
		memcpy(service->addr, at->addr, sizeof(service->addr));
		service->port = at->port;
		__atomic_store_n(&service->proto, at->proto, __ATOMIC_RELEASE);
		return id;
	}
	return fail(ENOSPC, "no room for more than %d services", XDPLB_SERVICES - 1);
}

static bool is_backend(const struct xdplb_backend *entry, __u32 service,
		       const struct wanted_backend *wanted)
{
	return entry->flags && entry->service == service && entry->port == wanted->port &&
	       !memcmp(entry->addr, wanted->addr, sizeof(entry->addr));
}

static int backend_new(struct balancer *balancer, __u32 id, __u32 service,
		       const struct wanted_backend *wanted)
{
	struct xdplb_backend *entry = &balancer->backends[id];
	void *zero = calloc(balancer->cpus, sizeof(struct xdplb_backend_cpu));
	int err = 0;

	if (!zero || bpf_map_update_elem(balancer->fd[MAP_BACKEND_CPU], &id, zero, 0))
		err = fail(ENOMEM, "cannot clear a backend's counters");
	free(zero);
	if (err)
		return err;
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->addr, wanted->addr, sizeof(entry->addr));
	entry->port = wanted->port;
	entry->proto = balancer->services[service].proto;
	entry->service = service;
	__atomic_store_n(&entry->flags, XDPLB_BACKEND_USED, __ATOMIC_RELEASE);
	return 0;
}

/* Finds or makes the entries of all wanted backends: ids[i] for backend i. */
static int backends_take(struct balancer *balancer, __u32 service,
			 const struct wanted_service *wanted, __u32 *ids)
{
	int from = 1, err;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; balancer->backends[id].service == service && i < wanted->backends;
		     i++)
			if (is_backend(&balancer->backends[id], service, &wanted->backend[i]))
				ids[i] = id;
	for (int i = 0; i < wanted->backends; i++) {
		if (ids[i])
			continue;
		while (from < XDPLB_BACKENDS && balancer->backends[from].flags)
			from++;
		if (from == XDPLB_BACKENDS)
			return fail(ENOSPC, "no room for more than %d backends in all services",
				    XDPLB_BACKENDS - 1);
		ids[i] = from;
		err = backend_new(balancer, from, service, &wanted->backend[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Where in its backend's list a pool is, or can be put beside those `taken`; -1: nowhere. */
static int pool_place(const struct balancer *balancer, const struct xdplb_backend *backend,
		      __u32 pool, __u32 taken)
{
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (backend->pool[i] == pool)
			return i;
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (!backend->pool[i])
			return i;
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (!((backend->pools | taken) & 1 << i) &&
		    pool_is_idle(&balancer->pools[backend->pool[i]]))
			return i;
	return -1;
}

/* Gives a backend its pools; *mask says which of them new flows shall use. */
static int backend_pools(struct balancer *balancer, __u32 id, const struct wanted_service *wanted,
			 __be32 own_source, __u32 *mask)
{
	struct xdplb_backend *backend = &balancer->backends[id];
	const __be32 own[4] = { own_source };
	int sources = wanted->snats ? wanted->snats : 1;

	*mask = 0;
	for (int i = 0; i < sources; i++) {
		int pool = pool_get(balancer, wanted->snats ? wanted->snat[i] : own, backend);
		int place = pool < 0 ? pool : pool_place(balancer, backend, pool, *mask);

		if (pool < 0)
			return pool;
		if (place < 0)
			return fail(EBUSY, "a backend's earlier source addresses are still in use; "
					   "try again when their flows have ended");
		__atomic_store_n(&backend->pool[place], pool, __ATOMIC_RELEASE);
		*mask |= 1 << place;
	}
	return 0;
}

struct plan {
	struct wanted_service before; /* what is in force */
	__u32 *ids; /* of the wanted backends */
	__u32 *pools; /* masks, likewise */
	struct next_hop *ways;
};

static void plan_free(struct plan *plan)
{
	wanted_free(&plan->before);
	free(plan->ids);
	free(plan->pools);
	free(plan->ways);
}

static int plan_new(const struct balancer *balancer, __u32 known, int backends, struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->ids = calloc(backends + 1, sizeof(*plan->ids));
	plan->pools = calloc(backends + 1, sizeof(*plan->pools));
	plan->ways = calloc(backends + 1, sizeof(*plan->ways));
	if (!plan->ids || !plan->pools || !plan->ways)
		return fail(ENOMEM, "no memory for %d backends", backends);
	return known ? set_read(balancer, known, &plan->before) : 0;
}

/* Everything new, ready beside what is in force. */
static int service_prepare(struct balancer *balancer, __u32 id, const struct wanted_service *wanted,
			   struct plan *plan)
{
	int err = backends_take(balancer, id, wanted, plan->ids);

	for (int i = 0; !err && i < wanted->backends; i++)
		err = backend_pools(balancer, plan->ids[i], wanted, plan->ways[i].source,
				    &plan->pools[i]);
	return err ? err : ports_publish(balancer);
}

/* Backends that have no pools yet get them before the first packet comes. */
static void pools_allow(struct balancer *balancer, const struct plan *plan, int backends, bool all)
{
	for (int i = 0; i < backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];

		if (all || !backend->pools)
			__atomic_store_n(&backend->pools, plan->pools[i], __ATOMIC_RELEASE);
	}
}

/* What takes effect after the set: flags, MACs, fewer source addresses. */
static void backends_finish(struct balancer *balancer, const struct wanted_service *wanted,
			    const struct plan *plan)
{
	for (int i = 0; i < wanted->backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];

		memcpy(backend->mac, wanted->backend[i].mac, sizeof(backend->mac));
		__atomic_store_n(&backend->flags, backend_flags(wanted->backend[i].state),
				 __ATOMIC_RELEASE);
	}
	pools_allow(balancer, plan, wanted->backends, true);
}

/* What the command left open stays as it is, or is the default. */
static int wanted_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	if (!wanted->scheduler)
		wanted->scheduler = now->scheduler ? now->scheduler : XDPLB_WRR;
	if (!wanted->forward)
		wanted->forward = now->forward ? now->forward : XDPLB_NAT;
	if (!wanted->snat_given) {
		wanted->snats = now->snats;
		memcpy(wanted->snat, now->snat, sizeof(wanted->snat));
	}
	return wanted_check(wanted);
}

int service_apply(struct balancer *balancer, struct wanted_service *wanted)
{
	__u32 known = service_find(balancer, &wanted->at);
	struct plan plan;
	int id, err;

	err = plan_new(balancer, known, wanted->backends, &plan);
	if (!err)
		err = wanted_complete(&plan.before, wanted);
	if (!err)
		err = ways_find(wanted, plan.ways);
	if (!err)
		err = balancer_collect(balancer);
	id = err ? err : known ? (int)known : service_new(balancer, &wanted->at);
	err = id < 0 ? id : service_prepare(balancer, id, wanted, &plan);
	if (!err) {
		machine_prepare(balancer);
		ways_forget(balancer, id, &plan.before, wanted);
		ways_keep(wanted, plan.ways);
		pools_allow(balancer, &plan, wanted->backends, false);
		err = set_publish(balancer, id, wanted, plan.ids);
	}
	if (!err && !known)
		err = directory_add(balancer, XDPLB_KIND_SERVICE, wanted->at.addr[0],
				    wanted->at.port, wanted->at.proto, id);
	if (!err)
		backends_finish(balancer, wanted, &plan);
	else if (id > 0 && !known)
		balancer->services[id].set = 0;
	if (err)
		balancer_collect(balancer);
	plan_free(&plan);
	return err;
}

int service_unlink(struct balancer *balancer, __u32 id)
{
	struct xdplb_service *service = &balancer->services[id];
	const struct wanted_service nothing = {};
	struct wanted_service before;
	int err = set_read(balancer, id, &before);

	if (err)
		return err;
	directory_remove(balancer, XDPLB_KIND_SERVICE, service->addr[0], service->port,
			 service->proto);
	__atomic_store_n(&service->set, 0, __ATOMIC_RELEASE);
	ways_forget(balancer, id, &before, &nothing);
	wanted_free(&before);
	return 0;
}

int services_unlinked(struct balancer *balancer)
{
	int err = balancer_grace();

	return err ? err : balancer_collect(balancer);
}
