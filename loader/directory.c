// SPDX-License-Identifier: GPL-2.0-only
#include "directory.h"

#include <stddef.h>

#include "address.h"
#include "error.h"
#include "../xdp/hash.h"

static __u64 key_of(enum xdplb_kind kind, const __be32 addr[4], __be16 port, __u8 proto)
{
	return xdplb_is_ipv6(addr) ? xdplb_directory_key6(kind, addr, port, proto) :
				     xdplb_directory_key4(kind, addr[0], port, proto);
}

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

/* The entry with a key; *second says in which of its buckets. */
static struct xdplb_directory_entry *key_find(const struct balancer *balancer, __u64 key,
					      bool *second)
{
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;

	buckets(balancer, key, bucket);
	entry = way_find(bucket[0], key);
	*second = !entry;
	return entry ? entry : way_find(bucket[1], key);
}

/* The address of what an entry of this kind leads to, NULL: it is of another kind. */
static const __be32 *index_address(const struct balancer *balancer, enum xdplb_kind kind,
				   __u32 index)
{
	switch (kind) {
	case XDPLB_KIND_BACKEND:
		return index < XDPLB_POOLS ? balancer->pools[index].backend_addr : NULL;
	case XDPLB_KIND_DNAT:
	case XDPLB_KIND_TUNNEL:
		return index < XDPLB_BACKENDS ? balancer->backends[index].addr : NULL;
	default:
		return index < XDPLB_SERVICES ? balancer->services[index].addr : NULL;
	}
}

/* An IPv6 address's key is a hash, so its entry may be another's. */
static bool is_of(const struct balancer *balancer, enum xdplb_kind kind,
		  const struct xdplb_directory_entry *entry, const __be32 addr[4])
{
	const __be32 *found;

	if (!xdplb_is_ipv6(addr))
		return true;
	found = index_address(balancer, kind, entry->index);
	return found && same_address(found, addr);
}

struct xdplb_directory_entry *directory_find(const struct balancer *balancer, enum xdplb_kind kind,
					     const __be32 addr[4], __be16 port, __u8 proto)
{
	struct xdplb_directory_entry *entry;
	bool second;

	entry = key_find(balancer, key_of(kind, addr, port, proto), &second);
	return entry && is_of(balancer, kind, entry, addr) ? entry : NULL;
}

int directory_add(struct balancer *balancer, enum xdplb_kind kind, const __be32 addr[4],
		  __be16 port, __u8 proto, __u32 index)
{
	__u64 key = key_of(kind, addr, port, proto);
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;
	char text[ADDRESS_TEXT];
	bool second;

	if (key_find(balancer, key, &second))
		return fail(EEXIST,
			    "%s: another address has the same key in the directory: use another "
			    "address or port",
			    endpoint_text(addr, port, text));
	buckets(balancer, key, bucket);
	second = ways_used(bucket[0]) >= XDPLB_WAYS / 2 &&
		 ways_used(bucket[1]) < ways_used(bucket[0]);
	entry = way_find(bucket[second], 0);
	if (!entry)
		return fail(ENOSPC, "no room for more addresses: the directory is full");
	__atomic_fetch_or(&balancer->config->kinds, 1U << kind, __ATOMIC_SEQ_CST);
	if (second)
		__atomic_fetch_add(&bucket[0]->way[0].spilled, 1, __ATOMIC_SEQ_CST);
	entry->index = index;
	__atomic_store_n(&entry->key, key, __ATOMIC_RELEASE);
	return 0;
}

void directory_remove(struct balancer *balancer, enum xdplb_kind kind, const __be32 addr[4],
		      __be16 port, __u8 proto)
{
	__u64 key = key_of(kind, addr, port, proto);
	struct xdplb_directory_bucket *bucket[2];
	struct xdplb_directory_entry *entry;
	bool second;

	entry = key_find(balancer, key, &second);
	if (!entry || !is_of(balancer, kind, entry, addr))
		return;
	buckets(balancer, key, bucket);
	__atomic_store_n(&entry->key, 0, __ATOMIC_RELEASE);
	if (second)
		__atomic_fetch_sub(&bucket[0]->way[0].spilled, 1, __ATOMIC_SEQ_CST);
}
