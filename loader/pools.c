// SPDX-License-Identifier: GPL-2.0-only
#include "pools.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "directory.h"
#include "error.h"

static int pool_new(struct balancer *balancer)
{
	for (int id = 1; id < XDPLB_POOLS; id++) {
		if (balancer->pools[id].proto)
			continue;
		memset(&balancer->pools[id], 0, sizeof(balancer->pools[id]));
		return id;
	}
	return fail(ENOSPC, "no room for more than %d pairs of a backend and a source address",
		    XDPLB_POOLS - 1);
}

/* Has the directory lead to a pool before those of the same backend, if there are. */
static int pool_lead(struct balancer *balancer, struct xdplb_directory_entry *entry, int id)
{
	const struct xdplb_pool *pool = &balancer->pools[id];

	if (!entry)
		return directory_add(balancer, XDPLB_KIND_BACKEND, pool->backend_addr,
				     pool->backend_port, pool->proto, id);
	__atomic_store_n(&entry->index, id, __ATOMIC_RELEASE);
	return 0;
}

int pool_get(struct balancer *balancer, const __be32 source[4], const struct xdplb_backend *backend)
{
	struct xdplb_directory_entry *entry = directory_find(
		balancer, XDPLB_KIND_BACKEND, backend->addr, backend->port, backend->proto);
	__u32 first = entry ? entry->index : 0;
	struct xdplb_pool *pool;
	int id, err, length = 0;

	for (id = first; id; id = balancer->pools[id].next, length++)
		if (same_address(balancer->pools[id].addr, source))
			return id;
	if (length >= XDPLB_SNATS)
		return fail(ENOSPC,
			    "a backend has at most %d source addresses, old ones included "
			    "until their last flow has ended",
			    XDPLB_SNATS);
	id = pool_new(balancer);
	if (id < 0)
		return id;
	pool = &balancer->pools[id];
	memcpy(pool->addr, source, sizeof(pool->addr));
	memcpy(pool->backend_addr, backend->addr, sizeof(pool->backend_addr));
	pool->backend_port = backend->port;
	pool->next = first;
	__atomic_store_n(&pool->proto, backend->proto, __ATOMIC_RELEASE);
	err = pool_lead(balancer, entry, id);
	if (err)
		pool->proto = 0;
	return err ? err : id;
}

bool pool_is_idle(const struct xdplb_pool *pool)
{
	for (int word = 0; word < XDPLB_GROUPS / 64; word++)
		if (__atomic_load_n(&pool->claimed[word], __ATOMIC_RELAXED))
			return false;
	return true;
}

static void unlink_one(struct balancer *balancer, __u32 id)
{
	const struct xdplb_pool *pool = &balancer->pools[id];
	struct xdplb_directory_entry *entry = directory_find(
		balancer, XDPLB_KIND_BACKEND, pool->backend_addr, pool->backend_port, pool->proto);
	__u32 *link = entry ? &entry->index : NULL;

	while (link && *link && *link != id)
		link = &balancer->pools[*link].next;
	if (!link || *link != id)
		return;
	if (link == &entry->index && !pool->next)
		directory_remove(balancer, XDPLB_KIND_BACKEND, pool->backend_addr,
				 pool->backend_port, pool->proto);
	else
		__atomic_store_n(link, pool->next, __ATOMIC_RELEASE);
}

int pools_unlink(struct balancer *balancer, bool gone[XDPLB_POOLS])
{
	int count = 0;

	for (int id = 1; id < XDPLB_POOLS; id++)
		gone[id] = balancer->pools[id].proto && pool_is_idle(&balancer->pools[id]);
	for (int id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; balancer->backends[id].flags && i < XDPLB_SNATS; i++)
			gone[balancer->backends[id].pool[i]] = false;
	for (int id = 1; id < XDPLB_POOLS; id++) {
		if (!gone[id])
			continue;
		unlink_one(balancer, id);
		count++;
	}
	return count;
}

void pools_free(struct balancer *balancer, const bool gone[XDPLB_POOLS])
{
	for (int id = 1; id < XDPLB_POOLS; id++)
		if (gone[id])
			balancer->pools[id].proto = 0;
}
