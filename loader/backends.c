// SPDX-License-Identifier: GPL-2.0-only
#include "backends.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "pools.h"
#include "sets.h"
#include "sharing.h"

void plan_free(struct plan *plan)
{
	wanted_free(&plan->before);
	free(plan->ids);
	free(plan->pools);
	free(plan->ways);
}

int plan_new(const struct balancer *balancer, __u32 known, int backends, struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->ids = calloc(backends + 1, sizeof(*plan->ids));
	plan->pools = calloc(backends + 1, sizeof(*plan->pools));
	plan->ways = calloc(backends + 1, sizeof(*plan->ways));
	if (!plan->ids || !plan->pools || !plan->ways)
		return fail(ENOMEM, "no memory for %d backends", backends);
	return known ? set_read(balancer, known, &plan->before) : 0;
}

static bool is_backend(const struct xdplb_backend *entry, __u32 service,
		       const struct wanted_backend *wanted)
{
	return entry->flags && entry->service == service && entry->port == wanted->port &&
	       same_address(entry->addr, wanted->addr);
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

/* Finds or makes the entries: ids[i] for backend i. */
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

/* Gives a backend with nat its pools; *mask says which of them new flows shall use. */
static int backend_pools(struct balancer *balancer, __u32 id, const struct wanted_service *wanted,
			 const __be32 own[4], __u32 *mask)
{
	struct xdplb_backend *backend = &balancer->backends[id];
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

int backends_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     struct plan *plan)
{
	enum xdplb_kind kind = sharing_kind(wanted->forward);
	int err = backends_take(balancer, service, wanted, plan->ids);

	for (int i = 0; !err && i < wanted->backends; i++) {
		if (wanted->forward == XDPLB_NAT)
			err = backend_pools(balancer, plan->ids[i], wanted, plan->ways[i].source,
					    &plan->pools[i]);
		else if (kind)
			err = sharing_join(balancer, kind, plan->ids[i]);
	}
	return err;
}

/*
 * Writes the outer source address, two words at a time: a packet that reads
 * between them has one of this machine's networks and goes its way.
 */
static void source_write(struct xdplb_backend *backend, const __be32 source[4])
{
	for (int i = 0; i < 4; i += 2) {
		__u64 words;

		memcpy(&words, &source[i], sizeof(words));
		__atomic_store_n((__u64 *)&backend->source[i], words, __ATOMIC_RELEASE);
	}
}

/*
 * Writes the outer source address that a backend shall have, if the method has
 * one: with ipip, where none is given, most packets have one of many instead.
 */
static void source_set(struct xdplb_backend *backend, const struct wanted_service *wanted,
		       const struct plan *plan, int i)
{
	const __be32 *given = wanted_source(wanted, wanted->backend[i].addr);
	const __be32 *source = given ? given : plan->ways[i].source;
	__u8 flags = backend->flags & ~XDPLB_BACKEND_SPREAD;

	if (!forward_wraps(wanted->forward))
		return;
	if (!given && wanted->forward == XDPLB_IPIP)
		flags |= XDPLB_BACKEND_SPREAD;
	__atomic_store_n(&backend->flags, flags, __ATOMIC_RELEASE);
	if (!same_address(backend->source, source))
		source_write(backend, source);
}

void backends_open(struct balancer *balancer, const struct wanted_service *wanted,
		   const struct plan *plan)
{
	for (int i = 0; i < wanted->backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];

		if (!backend->pools)
			__atomic_store_n(&backend->pools, plan->pools[i], __ATOMIC_RELEASE);
		if (!is_address(backend->source))
			source_set(backend, wanted, plan, i);
	}
}

void backends_finish(struct balancer *balancer, const struct wanted_service *wanted,
		     const struct plan *plan)
{
	for (int i = 0; i < wanted->backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];

		memcpy(backend->mac, wanted->backend[i].mac, sizeof(backend->mac));
		backend_state_set(backend, wanted->backend[i].state);
		__atomic_store_n(&backend->pools, plan->pools[i], __ATOMIC_RELEASE);
		source_set(backend, wanted, plan, i);
	}
}
