/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat: a new flow gets a source port and a record, or is not served; its
 * packets and the replies are rewritten by what these say.
 */
#ifndef XDPLB_NAT_H
#define XDPLB_NAT_H

#include "forward.h"
#include "next_hop.h"

#define RECLAIM_PROBES 16

/* The next group with a block at or after `group`, -1 when there is none. */
static __always_inline int group_next(const struct xdplb_pool *pool, __u32 group)
{
	for (int i = 0; i <= XDPLB_GROUPS / 64; i++) {
		__u32 word = (group / 64 + i) % (XDPLB_GROUPS / 64);
		__u64 owned = READ_ONCE(pool->owned[word]);

		if (!i)
			owned &= ALL_PORTS << (group % 64);
		if (owned)
			return word * 64 + lowest_bit(owned);
	}
	return -1;
}

/* How readily a flow's port is given to a new flow: over 2, unproven 1, never 0. */
static __always_inline __u32 port_rank(__u64 value, __u32 backend, __u32 port)
{
	__u32 rank;

	if (XDPLB_FIELD(value, PORT) != port || XDPLB_FIELD(value, BACKEND) != backend)
		return 0;
	rank = flow_rank(value);
	return rank ? 1 + (rank >= FLOW_OVER) : 0;
}

/*
 * The flow that shall lose its port, one that is over or never got past its
 * first packet; -1 when none was found. Goes round the pool, a few ports a time:
 * where ports are short they are given out in the same order, so these are
 * about the oldest.
 */
__noinline int port_victim(__u32 pool_id)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	__u32 port, rank, best_rank = 0;
	int group, best = -1;

	if (!pool)
		return -1;
	port = READ_ONCE(pool->reclaim) % 65536;
	group = group_next(pool, port / 64);
	if (group < 0)
		return -1;
	if (group != port / 64)
		port = group * 64;
	for (int i = 0; i < RECLAIM_PROBES && best_rank < 2; i++, port++) {
		struct xdplb_nat_record *record = record_at(pool_id, port % 65536);
		struct xdplb_flow *flow = record ? flow_at(READ_ONCE(record->flow)) : NULL;

		if (!flow)
			continue;
		rank = port_rank(READ_ONCE(flow->value), READ_ONCE(record->backend), port % 65536);
		if (rank <= best_rank)
			continue;
		best = record->flow;
		best_rank = rank;
	}
	WRITE_ONCE(pool->reclaim, port);
	return best;
}

/* Takes a port of the pool back for a new flow. 0, or -1 when none was found. */
static __always_inline int port_reclaim(__u32 pool_id)
{
	int victim = port_victim(pool_id);
	struct xdplb_flow *flow = victim < 0 ? NULL : flow_at(victim);
	__u64 value = flow ? READ_ONCE(flow->value) : 0;

	return flow_rank(value) ? flow_remove(victim, value) : -1;
}

/*
 * A source port towards the backend, with the index of the source address it
 * belongs to above bit 16; -1 when there is none.
 */
__noinline int nat_port(struct xdp_md *ctx, __u32 backend_id, __u32 first)
{
	const struct xdplb_backend *backend = backend_of(backend_id);

	if (!backend)
		return -1;
	/* Once round the source addresses, then once more taking ports back. */
	for (__u32 i = 0; i < 2 * XDPLB_SNATS; i++) {
		__u32 at = (i + first) % XDPLB_SNATS;
		__u32 pool = backend->pool[at];
		int port;

		if (!(backend->pools & 1 << at))
			continue;
		if (i >= XDPLB_SNATS && port_reclaim(pool))
			continue;
		port = port_take(ctx, pool);
		if (port >= 0)
			return at << 16 | port;
	}
	return -1;
}

/* Writes the record of a new flow. The client's own packet shows the way back. */
static __always_inline bool nat_record(const struct packet *p, __u32 backend, __u32 pool, int port)
{
	struct xdplb_nat_record *record = record_at(pool, port);

	if (!record || !record_lock(record))
		return false;
	record->backend = backend;
	record->flow = p->flow_index;
	record->out = out_by(p->config, p->ctx->ingress_ifindex);
	record->client[0] = p->ip->saddr;
	record->client_port = p->sport;
	record->seen = p->cpu->now - 1;
	mac_copy(record->dmac, p->eth->h_source);
	mac_copy(record->smac, p->eth->h_dest);
	record_unlock(record);
	return true;
}

/* Gives the reserved flow a port and a record and publishes it. */
static __always_inline int nat_open(struct packet *p, __u32 backend_id)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	__u32 snat, pool;
	int port;

	if (!backend_id || !backend)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	port = nat_port(p->ctx, backend_id, p->flow_index);
	if (port < 0)
		return drop(p, XDPLB_DROP_NO_PORT);
	snat = port >> 16 & (XDPLB_SNATS - 1);
	port &= 0xffff;
	pool = backend->pool[snat];
	if (!nat_record(p, backend_id, pool, port)) {
		port_free(pool, port);
		return drop(p, XDPLB_DROP_RACE);
	}
	flow_publish(p, backend_id, snat, port);
	return GO_ON;
}

/* Ethernet header to the end of the IP packet, without padding. */
static __always_inline __u32 frame_bytes(const struct packet *p)
{
	return ETH_HLEN + bpf_ntohs(p->ip->tot_len);
}

/* Who speaks to the backend for the flow p->value, and how to get there. */
static __always_inline int nat_towards(struct packet *p, struct endpoints *to,
				       struct xdplb_backend_cpu **hop)
{
	const struct xdplb_backend *backend = backend_of(XDPLB_FIELD(p->value, BACKEND));
	const struct xdplb_pool *pool;

	*hop = backend_cpu_of(XDPLB_FIELD(p->value, BACKEND));
	if (!backend || !*hop)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	pool = pool_of(backend->pool[XDPLB_FIELD(p->value, SNAT)]);
	if (!pool)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	to->saddr = pool->addr[0];
	to->sport = bpf_htons(XDPLB_FIELD(p->value, PORT));
	to->daddr = backend->addr[0];
	to->dport = backend->port;
	return hop_to_backend(p, *hop, to->saddr, to->daddr);
}

/* Sends a packet of the flow p->flow to its backend. */
static __always_inline int to_backend(struct packet *p)
{
	struct xdplb_backend_cpu *hop;
	struct endpoints to;
	int verdict = nat_towards(p, &to, &hop);

	if (verdict != GO_ON)
		return verdict;
	if (!flow_touch(p, true))
		return drop(p, XDPLB_DROP_RACE);
	hop->packets++;
	hop->bytes += frame_bytes(p);
	rewrite(p, &to);
	return send(p, hop->out, hop->dmac, hop->smac);
}

/* Once a second, and when TCP says something: tells the flow. */
static __always_inline void record_touch(struct packet *p, struct xdplb_nat_record *record,
					 const struct xdplb_nat_record *copy)
{
	__u64 identity =
		XDPLB_FIELD_OF(BACKEND, copy->backend) | XDPLB_FIELD_OF(PORT, bpf_ntohs(p->dport));
	__u64 mask = XDPLB_FIELD_MASK(BACKEND) | XDPLB_FIELD_MASK(PORT);

	if (copy->seen == (__u16)p->cpu->now && !(p->tcp_flags & (TCP_FIN | TCP_RST)))
		return;
	p->flow_index = copy->flow;
	p->flow = flow_at(p->flow_index);
	if (!p->flow)
		return;
	p->value = READ_ONCE(p->flow->value);
	if ((p->value & mask) != identity || !is_flow(p->value))
		return;
	flow_touch(p, false);
	if (!record_lock(record))
		return;
	if (record->backend == copy->backend && record->flow == copy->flow) {
		record->seen = p->cpu->now;
		record->out = copy->out;
		mac_copy(record->dmac, copy->dmac);
		mac_copy(record->smac, copy->smac);
	}
	record_unlock(record);
}

/* The client and the service of a record, as a reply shows them. */
static __always_inline bool nat_back(const struct xdplb_nat_record *record, struct endpoints *to)
{
	const struct xdplb_backend *backend = backend_of(record->backend);
	const struct xdplb_service *service = backend ? service_of(backend->service) : NULL;

	if (!service)
		return false;
	to->saddr = service->addr[0];
	to->sport = service->port;
	to->daddr = record->client[0];
	to->dport = record->client_port;
	return true;
}

/* Sends a reply, whose record was read into `copy`, to the client. */
static __always_inline int to_client(struct packet *p, struct xdplb_nat_record *record,
				     struct xdplb_nat_record *copy)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(copy->backend);
	struct endpoints to;
	int verdict;

	if (!cpu || !nat_back(copy, &to))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = hop_to_client(p, copy, to.saddr);
	if (verdict != GO_ON)
		return verdict;
	record_touch(p, record, copy);
	cpu->reply_packets++;
	cpu->reply_bytes += frame_bytes(p);
	rewrite(p, &to);
	return send(p, copy->out, copy->dmac, copy->smac);
}

#endif
