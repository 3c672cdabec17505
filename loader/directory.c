// SPDX-License-Identifier: GPL-2.0-only
#include "directory.h"

#include <stddef.h>

#include "error.h"

static struct xdplb_directory_entry *way_find(struct xdplb_directory_bucket *bucket, __u64 key)
{
	for (int i = 0; i < XDPLB_WAYS; i++)
		if (bucket->way[i].key == key)
			return &bucket->way[i];
	return NULL;
}

static int ways_used(const struct xdplb_directory_bucket *bucket)
{
	int used = 0;

	for (int i = 0; i < XDPLB_WAYS; i++)
		used += bucket->way[i].key != 0;
	return used;
}

static void buckets(const struct balancer *balancer, __u64 key,
		    struct xdplb_directory_bucket *bucket[2])
{
	__u32 at[2];

	xdplb_directory_buckets(key, at);
	bucket[0] = &balancer->directory[at[0]];
	bucket[1] = &balancer->directory[at[1]];
}

struct xdplb_directory_entry *directory_find(const struct balancer *balancer, enum xdplb_kind kind,
					     __be32 addr, __be16 port, __u8 proto)
{
	__u64 key = xdplb_directory_key(kind, addr, port, proto);
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;

	buckets(balancer, key, bucket);
	entry = way_find(bucket[0], key);
	return entry ? entry : way_find(bucket[1], key);
}

int directory_add(struct balancer *balancer, enum xdplb_kind kind, __be32 addr, __be16 port,
		  __u8 proto, __u32 index)
{
	__u64 key = xdplb_directory_key(kind, addr, port, proto);
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;
	bool second;

	buckets(balancer, key, bucket);
	second = ways_used(bucket[0]) >= XDPLB_WAYS / 2 &&
		 ways_used(bucket[1]) < ways_used(bucket[0]);
	entry = way_find(bucket[second], 0);
	if (!entry)
		return fail(ENOSPC, "no room for more addresses: the directory is full");
	if (second)
		__atomic_fetch_add(&bucket[0]->way[0].spilled, 1, __ATOMIC_SEQ_CST);
	entry->index = index;
	__atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
	return 0;
}

void directory_remove(struct balancer *balancer, enum xdplb_kind kind, __be32 addr, __be16 port,
		      __u8 proto)
{
	__u64 key = xdplb_directory_key(kind, addr, port, proto);
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;

	buckets(balancer, key, bucket);
	entry = way_find(bucket[0], key);
	if (entry) {
		__atomic_store_n(&entry->key, 0, __ATOMIC_RELEASE);
		return;
	}
	entry = way_find(bucket[1], key);
	if (!entry)
		return;
	__atomic_store_n(&entry->key, 0, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&bucket[0]->way[0].spilled, 1, __ATOMIC_SEQ_CST);
}
