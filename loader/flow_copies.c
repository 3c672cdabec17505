// SPDX-License-Identifier: GPL-2.0-only
#include "flow_copies.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sched.h>
#include <string.h>

#include "../xdp/hash.h"
#include "address.h"
#include "copies.h"
#include "error.h"
#include "sets.h"

#define TRIES 1000 /* to read what is being written */

void flow_copies_buckets(const struct copies *copies, __u64 key, __u32 at[2])
{
	const struct xdplb_config *config = copies->live->config;

	xdplb_flow_buckets(xdplb_hash(config->seed, key), config->flow_mask, at);
}

/* ---- buckets ---------------------------------------------------------------------------- */

/* Another CPU that writes the entry is done in a moment. */
static struct xdplb_flow entry_read(const struct xdplb_flow *entry)
{
	struct xdplb_flow flow = {};

	for (int i = 0; i < TRIES; i++) {
		flow.value = __atomic_load_n(&entry->value, __ATOMIC_ACQUIRE);
		flow.key = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
		if (XDPLB_FIELD(flow.value, STATE) != XDPLB_FLOW_BUSY &&
		    __atomic_load_n(&entry->value, __ATOMIC_RELAXED) == flow.value)
			return flow;
		sched_yield();
	}
	return flow;
}

/* *full: each entry of it holds a flow. */
static int bucket_copy(struct copies *copies, __u32 at, struct xdplb_flow_bucket *bucket,
		       bool *full)
{
	*full = true;
	for (int way = 0; way < XDPLB_WAYS; way++) {
		bucket->way[way] = entry_read(&copies->live->flows[at].way[way]);
		if (XDPLB_FIELD(bucket->way[way].value, STATE) == XDPLB_FLOW_FREE)
			*full = false;
	}
	if (bpf_map_update_elem(copies->copy.fd[MAP_FLOWS], &at, bucket, BPF_ANY))
		return fail(errno, "cannot copy a bucket of xdplb_flows: %s", strerror(errno));
	return 0;
}

/* The other buckets that flows could move to, who would make room so. */
static int moves_copy(struct copies *copies, const struct xdplb_flow_bucket *bucket)
{
	struct xdplb_flow_bucket other;
	int err = 0;
	bool full;

	for (int i = 0; !err && i < 2 * XDPLB_WAYS; i++) {
		__u32 at[2];

		flow_copies_buckets(copies, bucket->way[i / 2].key, at);
		err = bucket_copy(copies, at[i & 1], &other, &full);
	}
	return err;
}

static int key_copy(struct copies *copies, __u64 key)
{
	struct xdplb_flow_bucket bucket[2];
	bool full[2];
	__u32 at[2];
	int err = 0;

	flow_copies_buckets(copies, key, at);
	for (int i = 0; !err && i < 2; i++)
		err = bucket_copy(copies, at[i], &bucket[i], &full[i]);
	for (int i = 0; !err && full[0] && full[1] && i < 2; i++)
		err = moves_copy(copies, &bucket[i]);
	return err;
}

/* ---- an end of the packet --------------------------------------------------------------- */

struct end {
	bool v6;
	__be32 addr[4];
	__be16 port;
};

static struct end end_of(const struct headers *h, bool source)
{
	struct end end = { .v6 = h->v6, .port = source ? h->sport : h->dport };

	memcpy(end.addr, source ? &h->saddr : &h->daddr, sizeof(end.addr));
	return end;
}

__u64 flow_copies_name(const struct xdplb_config *config, bool v6, const __be32 addr[4],
		       __be16 port)
{
	return v6 ? xdplb_flow_name6(config, addr, port) : xdplb_flow_name4(addr[0], port);
}

__u64 flow_copies_client(const struct xdplb_config *config, bool v6, const __be32 addr[4],
			 __u32 bits)
{
	__be32 counted[4] = {};

	for (__u32 i = 0; i < (v6 ? 4 : 1); i++)
		counted[i] = addr[i] & htonl(xdplb_prefix_mask(bits, i));
	return flow_copies_name(config, v6, counted, 0);
}

static int flow_copy(struct copies *copies, const struct end *end, __u32 service)
{
	__u64 name = flow_copies_name(copies->live->config, end->v6, end->addr, end->port);

	return key_copy(copies, xdplb_flow_key(name, service));
}

/* The flow of this end to a service, and what affinity knows of it. */
static int client_copy(struct copies *copies, const struct end *end, __u32 service)
{
	const struct xdplb_set *set = set_of(copies->live, service);
	int err = flow_copy(copies, end, service);
	__u64 name;

	if (err || !set || !(set->flags & XDPLB_SET_AFFINITY))
		return err;
	name = flow_copies_client(copies->live->config, end->v6, end->addr, set->hash_bits);
	return key_copy(copies, xdplb_flow_key(name, service));
}

/* Where the client's packets came from last. */
static void way_copy(struct copies *copies, const struct end *end)
{
	__u32 at = xdplb_client_index(copies->live->config->seed, end->addr);
	struct xdplb_nat_record *to = copies->copy.memory[MAP_CLIENTS];
	struct xdplb_nat_record record;

	if (!bpf_map_lookup_elem(copies->live->fd[MAP_CLIENTS], &at, &record) && !(record.seq & 1))
		to[at] = record;
}

static int end_copy(struct copies *copies, const struct headers *h, bool source)
{
	struct end end = end_of(h, source);
	int err = 0;

	way_copy(copies, &end);
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++) {
		const struct xdplb_service *service = &copies->live->services[id];

		if (service->proto && xdplb_is_ipv6(service->addr) == end.v6)
			err = client_copy(copies, &end, id);
	}
	return err;
}

/* ---- nat's records ---------------------------------------------------------------------- */

/* The record of a port of the pool, and the flow that it is of. */
static int record_copy(struct copies *copies, __u32 pool, __u32 port)
{
	const struct balancer *live = copies->live;
	__u32 at = live->pools[pool].block[port / 64] * 64 + port % 64;
	const struct xdplb_nat_record *from = &live->nat[at];
	struct xdplb_nat_record record = {};
	struct end end;
	__u32 seq = 1;

	if (at < 64 || at >= copies->copy.entries[MAP_NAT])
		return 0;
	for (int i = 0; i < TRIES; i++) {
		seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);
		record = *(const volatile struct xdplb_nat_record *)from;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&from->seq, __ATOMIC_RELAXED) == seq)
			break;
	}
	record.seq = seq & ~1U;
	copies->copy.nat[at] = record;
	if (!record.backend || record.backend >= XDPLB_BACKENDS)
		return 0;
	end = (struct end){ .v6 = xdplb_is_ipv6(record.client), .port = record.client_port };
	memcpy(end.addr, record.client, sizeof(end.addr));
	return flow_copy(copies, &end, live->backends[record.backend].service);
}

/* The records of the ports that a reply, or what an ICMP error is about, may be of. */
static int records_copy(struct copies *copies, __be16 port)
{
	int err = 0;

	for (__u32 id = 1; !err && port && id < copies->copy.entries[MAP_POOLS]; id++)
		if (copies->live->pools[id].proto)
			err = record_copy(copies, id, ntohs(port));
	return err;
}

/* The first port in a word of marks at or after `from`, -1: none. */
static int mark_in(__u64 marks, __u32 from)
{
	marks &= ~0ULL << from;
	return marks ? __builtin_ctzll(marks) : -1;
}

/* The record of the port that a pool without free ones would take back, round from the last. */
static int victim_copy(struct copies *copies, __u32 pool_id, bool over)
{
	const struct balancer *live = copies->live;
	const struct xdplb_pool *pool = &live->pools[pool_id];
	__u32 from = pool->reclaim & 0xffff;

	for (__u32 i = 0; i <= XDPLB_GROUPS; i++) {
		__u32 group = (from / 64 + i) % XDPLB_GROUPS;
		const struct xdplb_block *block = &live->blocks[pool->block[group]];
		int bit;

		if (!pool->block[group])
			continue;
		bit = mark_in(over ? block->over : block->unproven, i ? 0 : from % 64);
		if (bit >= 0)
			return record_copy(copies, pool_id, group * 64 + bit);
	}
	return 0;
}

static int victims_copy(struct copies *copies)
{
	int err = 0;

	for (__u32 id = 1; !err && id < copies->copy.entries[MAP_POOLS]; id++) {
		if (!copies->live->pools[id].proto)
			continue;
		err = victim_copy(copies, id, true);
		if (!err)
			err = victim_copy(copies, id, false);
	}
	return err;
}

/* ---- fragments -------------------------------------------------------------------------- */

/* What is remembered of packets whose first fragment has come by, and records for the rest. */
static int fragments_copy(struct copies *copies)
{
	struct xdplb_fragment *to = copies->copy.memory[MAP_FRAGMENTS];
	int err = 0;

	for (__u32 at = 0; !err && at < copies->live->entries[MAP_FRAGMENTS]; at++) {
		__u32 pool;

		if (bpf_map_lookup_elem(copies->live->fd[MAP_FRAGMENTS], &at, &to[at]))
			return fail(errno, "cannot read xdplb_frags: %s", strerror(errno));
		pool = XDPLB_FIELD(to[at].value, BACKEND);
		if (XDPLB_FIELD(to[at].value, STATE) == XDPLB_FRAGMENT_NAT_REPLY &&
		    pool < copies->copy.entries[MAP_POOLS])
			err = record_copy(copies, pool, XDPLB_FIELD(to[at].value, PORT));
	}
	return err;
}

int flow_copies_fill(struct copies *copies, const struct work *parsed)
{
	int err = 0;

	for (int i = PACKET; !err && i <= QUOTE; i++) {
		const struct headers *h = &parsed->headers[i];

		if (!h->proto && !h->l4)
			continue;
		err = end_copy(copies, h, true);
		if (!err)
			err = end_copy(copies, h, false);
		if (!err)
			err = records_copy(copies, h->sport);
		if (!err)
			err = records_copy(copies, h->dport);
	}
	if (!err)
		err = victims_copy(copies);
	if (!err && parsed->headers[PACKET].fragment == FRAGMENT_LATER)
		err = fragments_copy(copies);
	return err;
}
