// SPDX-License-Identifier: GPL-2.0-only
#include "rooms.h"

#include <stdlib.h>

#include "error.h"
#include "pools.h"
#include "sets.h"

/* Marks the backends that a change does not free: of sets, of tables, and those with flows. */
static void backends_mark(const struct balancer *balancer, bool *needed)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set =
			balancer->services[id].proto ? set_of(balancer, id) : NULL;

		for (__u32 i = 0; set && i < set->backends; i++)
			needed[set_backend(balancer, id, i)->backend] = true;
	}
	for (__u32 id = 1; id < XDPLB_TABLES; id++)
		for (__u32 k = 0; balancer->tables[id].service && k < XDPLB_LISTENERS; k++)
			needed[balancer->tables[id].first + k] = true;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (balancer->backends[id].flags && XDPLB_ENTRIES(balancer->active[id].flows))
			needed[id] = true;
}

static void pools_mark(const struct balancer *balancer, const bool *backends, bool *needed)
{
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		needed[id] = balancer->pools[id].proto && !pool_is_idle(&balancer->pools[id]);
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; backends[id] && i < XDPLB_SNATS; i++)
			if (balancer->backends[id].pools & 1 << i)
				needed[balancer->backends[id].pool[i]] = true;
}

static __u32 marked(const bool *needed, __u32 from, __u32 count)
{
	__u32 found = 0;

	for (__u32 id = from; id < count; id++)
		found += needed[id];
	return found;
}

static __u32 blocks_claimed(const struct balancer *balancer)
{
	__u32 found = 0;

	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		for (int word = 0; balancer->pools[id].proto && word < XDPLB_GROUPS / 64; word++)
			found += __builtin_popcountll(balancer->pools[id].claimed[word]);
	return found;
}

static __u32 keys_used(const struct balancer *balancer)
{
	__u32 found = 0;

	for (__u32 at = 0; at < XDPLB_DIRECTORY_BUCKETS; at++)
		for (int i = 0; i < XDPLB_WAYS; i++)
			found += balancer->directory[at].way[i].key != 0;
	return found;
}

int rooms_count(const struct balancer *balancer, __u32 used[ROOMS], __u32 room[ROOMS])
{
	bool *backends = calloc(XDPLB_BACKENDS + XDPLB_POOLS, sizeof(*backends));
	bool *pools = backends + XDPLB_BACKENDS;

	if (!backends)
		return fail(ENOMEM, "no memory to count what is in use");
	backends_mark(balancer, backends);
	pools_mark(balancer, backends, pools);
	for (int i = 0; i < ROOMS; i++)
		used[i] = 0;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		used[ROOM_SERVICES] += balancer->services[id].proto && service_set(balancer, id);
	used[ROOM_BACKENDS] = marked(backends, 1, XDPLB_BACKENDS);
	used[ROOM_POOLS] = marked(pools, 1, XDPLB_POOLS);
	used[ROOM_BLOCKS] = blocks_claimed(balancer);
	used[ROOM_DIRECTORY] = keys_used(balancer);
	for (__u32 id = 1; id < XDPLB_TABLES; id++)
		used[ROOM_TABLES] += balancer->tables[id].service != 0;
	room[ROOM_SERVICES] = XDPLB_SERVICES - 1;
	room[ROOM_BACKENDS] = XDPLB_BACKENDS - 1;
	room[ROOM_POOLS] = XDPLB_POOLS - 1;
	room[ROOM_BLOCKS] = balancer->entries[MAP_BLOCKS] - 1;
	room[ROOM_DIRECTORY] = XDPLB_DIRECTORY_BUCKETS * XDPLB_WAYS;
	room[ROOM_TABLES] = XDPLB_TABLES - 1;
	free(backends);
	return 0;
}
