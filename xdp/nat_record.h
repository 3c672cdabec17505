/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a flow with nat: a reply's source port at the balancer leads
 * straight to it. Written under its sequence number, which is odd meanwhile;
 * who reads an odd one, or a different one afterwards, has read nothing.
 */
#ifndef XDPLB_NAT_RECORD_H
#define XDPLB_NAT_RECORD_H

#include "nat_port.h"
#include "service.h"

static __always_inline struct xdplb_nat_record *record_at(__u32 pool_id, __u32 port)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	struct xdplb_block *block;
	__u32 id, index;

	if (!pool)
		return NULL;
	block = block_of(pool, port / 64, &id);
	if (!block)
		return NULL;
	index = id * 64 + port % 64;
	return bpf_map_lookup_elem(&xdplb_nat, &index);
}

static __always_inline bool record_lock(struct xdplb_nat_record *record)
{
	__u32 seq = READ_ONCE(record->seq);

	return !(seq & 1) && __sync_val_compare_and_swap(&record->seq, seq, seq + 1) == seq;
}

static __always_inline void record_unlock(struct xdplb_nat_record *record)
{
	__sync_fetch_and_add(&record->seq, 1);
}

/* Copies the record; false when it was being written. */
static __always_inline bool record_read(const struct xdplb_nat_record *record,
					struct xdplb_nat_record *copy)
{
	__u32 seq = READ_ONCE(record->seq);

	barrier();
	*copy = *record;
	barrier();
	return !(seq & 1) && READ_ONCE(record->seq) == seq;
}

/* Forgets the record of a flow that ends. Nobody else ends it. */
static __always_inline void record_clear(struct xdplb_nat_record *record)
{
	for (int i = 0; i < 16; i++) {
		if (!record_lock(record))
			continue;
		record->backend = 0;
		record_unlock(record);
		return;
	}
	WRITE_ONCE(record->backend, 0);
}

enum record_found {
	RECORD_NONE,
	RECORD_BUSY, /* there is one, and another CPU is writing it */
	RECORD_FOUND,
};

/* The pool of a source address among those of a backend, from `id` on; 0: none. */
__noinline int pool_search(__u32 id, __be32 source)
{
	for (int i = 0; i < XDPLB_SNATS; i++) {
		const struct xdplb_pool *pool = pool_of(id);

		if (!id || !pool)
			return 0;
		if (pool->addr[0] == source)
			return id;
		id = pool->next;
	}
	return 0;
}

/*
 * The flow whose backend (address, port) answers to a source address and port
 * of ours.
 */
static __always_inline enum record_found record_find(__be32 backend, __be16 backend_port,
						     __be32 snat, __be16 snat_port, __u8 proto,
						     struct xdplb_nat_record **record,
						     struct xdplb_nat_record *copy)
{
	__u32 id = directory_find(XDPLB_KIND_BACKEND, backend, backend_port, proto);
	const struct xdplb_pool *pool = pool_of(id);

	if (!id || !pool)
		return RECORD_NONE;
	if (pool->addr[0] != snat)
		id = pool_search(pool->next, snat);
	*record = id ? record_at(id, bpf_ntohs(snat_port)) : NULL;
	if (!*record)
		return RECORD_NONE;
	if (!record_read(*record, copy))
		return RECORD_BUSY;
	return copy->backend ? RECORD_FOUND : RECORD_NONE;
}

#endif
