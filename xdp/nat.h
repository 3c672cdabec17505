/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat: a new flow gets a source port and a record, or is not served; its
 * packets and the replies are rewritten by what these say.
 */
#ifndef XDPLB_NAT_H
#define XDPLB_NAT_H

#include "forward.h"
#include "next_hop.h"

/*
 * The port that shall be taken back: of a flow that is over or, where none is,
 * of one that never got past its first packet; about the oldest, because the
 * search goes round and round. -1: there is none.
 */
__noinline int port_victim(__u32 pool_id)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	int port;

	if (!pool)
		return -1;
	port = marked_next(pool_id, PORT_OVER);
	if (port < 0)
		port = marked_next(pool_id, PORT_UNPROVEN);
	if (port >= 0)
		WRITE_ONCE(pool->reclaim, port + 1);
	return port;
}

/* Takes a port of the pool back for a new flow. 0, or -1 when there was none. */
__noinline int port_reclaim(__u32 pool_id)
{
	int port = port_victim(pool_id);
	const struct xdplb_nat_record *record = port < 0 ? NULL : record_at(pool_id, port & 0xffff);
	struct xdplb_flow *flow = record ? flow_at(READ_ONCE(record->flow)) : NULL;
	__u64 value = flow ? READ_ONCE(flow->value) : 0;

	if (!flow)
		return -1;
	if (XDPLB_FIELD(value, PORT) == (__u32)port &&
	    XDPLB_FIELD(value, BACKEND) == READ_ONCE(record->backend) && flow_rank(value))
		return flow_remove(record->flow, value);
	port_mark(pool_id, port, PORT_KEPT); /* the mark was late: the flow goes on */
	return -1;
}

/* The place of the n-th bit that is set in a mask of source addresses. */
__noinline int nth_source(__u32 mask, __u32 n)
{
	for (__u32 i = 0; i < XDPLB_SNATS; i++)
		if (mask & 1 << i && !n--)
			return i;
	return 0;
}

/* A port of one source address, if new flows use it; -1: none. */
__noinline int source_port(struct xdp_md *ctx, __u32 backend_id, __u32 at, bool reclaim)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	__u32 pool;

	at %= XDPLB_SNATS;
	if (!backend || !(backend->pools & 1 << at))
		return -1;
	pool = backend->pool[at];
	if (reclaim && port_reclaim(pool))
		return -1;
	return port_take(ctx, pool);
}

/*
 * A source port towards the backend, with the index of the source address it
 * belongs to above bit 16; -1 when there is none.
 */
__noinline int nat_port(struct xdp_md *ctx, __u32 backend_id, __u32 turn)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	__u32 first, sources;
	int port;

	if (!backend || !backend->pools)
		return -1;
	sources = count_bits(backend->pools);
	first = sources > 1 ? nth_source(backend->pools, turn % sources) : 0;
	/* Once round the source addresses, then once more taking ports back. */
	for (__u32 i = 0; i < 2 * XDPLB_SNATS; i++) {
		__u32 at = (i + first) % XDPLB_SNATS;

		port = source_port(ctx, backend_id, at, i >= XDPLB_SNATS);
		if (port >= 0)
			return at << 16 | port;
	}
	return -1;
}

/* Writes the record of a new flow. The client's own packet shows the way back. */
static __always_inline bool nat_record(const struct packet *p, __u32 backend, __u32 pool, int port)
{
	const struct xdplb_interface *interface = interface_of(p, p->ctx->ingress_ifindex);
	struct xdplb_nat_record *record = record_at(pool, port);

	if (!record || !record_lock(record))
		return false;
	record->backend = backend;
	record->flow = p->flow_index;
	record->client[0] = p->ip->saddr;
	record->client_port = p->sport;
	record->seen = p->cpu->now - 1;
	record->out = p->ctx->ingress_ifindex;
	mac_copy(record->dmac, p->eth->h_source);
	mac_copy(record->smac, p->eth->h_dest);
	if (interface->out) {
		/* A frame may have been sent to another station and have come here too. */
		record->out = interface->out;
		mac_copy(record->smac, interface->mac);
	}
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
	port = nat_port(p->ctx, backend_id, p->flow_index / XDPLB_WAYS);
	if (port < 0)
		return drop(p, XDPLB_DROP_NO_PORT);
	snat = port >> 16 & (XDPLB_SNATS - 1);
	port &= 0xffff;
	pool = backend->pool[snat];
	if (!nat_record(p, backend_id, pool, port)) {
		port_free(pool, port);
		return drop(p, XDPLB_DROP_RACE);
	}
	port_mark(pool, port, PORT_UNPROVEN);
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
	if (record->seq == copy->seq + 1) { /* still the flow that was copied */
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
