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

/* Copies the record to work->record; false when it was being written. */
static __always_inline bool record_read(struct packet *p, const struct xdplb_nat_record *record)
{
	__u32 seq = READ_ONCE(record->seq);

	barrier();
	p->work->record = *record;
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
__noinline int pool_search(__u32 id, const struct address *source)
{
	for (int i = 0; i < XDPLB_SNATS && source; i++) {
		struct xdplb_pool *pool = pool_of(id);

		if (!id || !pool)
			return 0;
		if (same_address(address_of(pool->addr), source))
			return id;
		id = pool->next;
	}
	return 0;
}

/*
 * The record of the source port `port` that `source` has towards a backend whose
 * first pool is `id`; a copy and the pool's id are left in struct work.
 */
static __always_inline enum record_found record_find(struct packet *p, __u32 id,
						     const struct address *source, __be16 port,
						     struct xdplb_nat_record **record)
{
	struct xdplb_pool *pool = pool_of(id);

	if (!id || !pool)
		return RECORD_NONE;
	if (!same_address(address_of(pool->addr), source))
		id = pool_search(pool->next, source);
	p->work->pool = id;
	*record = id ? record_at(id, bpf_ntohs(port)) : NULL;
	if (!*record)
		return RECORD_NONE;
	if (!record_read(p, *record))
		return RECORD_BUSY;
	return p->work->record.backend ? RECORD_FOUND : RECORD_NONE;
}

#endif
