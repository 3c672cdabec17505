/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat: a new flow gets a source port and a record, or is not served; its
 * packets and the replies are rewritten by what these say.
 */
#ifndef XDPLB_NAT_H
#define XDPLB_NAT_H

#include "forward.h"
#include "fragment.h"
#include "flow_room.h"
#include "next_hop.h"
#include "send.h"

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
__noinline int port_reclaim(struct xdp_md *ctx, __u32 pool_id)
{
	int port = port_victim(pool_id);
	struct xdplb_nat_record *record = port < 0 ? NULL : record_at(pool_id, port & 0xffff);
	const struct xdplb_backend *backend =
		record ? backend_of(READ_ONCE(record->backend)) : NULL;
	struct packet p;

	if (!backend || !packet_get(ctx, &p))
		return -1;
	if (flow_lookup(ctx, address_of(record->client), record->client_port, backend->service) &&
	    XDPLB_FIELD(p.work->value, PORT) == (__u32)port &&
	    XDPLB_FIELD(p.work->value, BACKEND) == READ_ONCE(record->backend) &&
	    flow_rank(p.work->value))
		return flow_remove(p.work->flow_index, p.work->value);
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
	if (reclaim && port_reclaim(ctx, pool))
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

/* Writes the record of a new flow. */
static __always_inline bool nat_record(const struct packet *p, __u32 backend, __u32 pool, int port)
{
	struct xdplb_nat_record *record = record_at(pool, port);

	if (!record || !record_lock(record))
		return false;
	record->backend = backend;
	__builtin_memcpy(record->client, &p->h->saddr, sizeof(record->client));
	record->client_port = p->h->sport;
	record->seen = p->cpu->now - 1;
	way_learn(p, &record->way);
	record_unlock(record);
	return true;
}

/* Gives the reserved flow a port and a record and publishes it. */
static __always_inline int nat_open(struct packet *p, __u32 state, __u32 backend_id)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	__u32 snat, pool;
	int port;

	if (!backend)
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
	flow_publish(p, state, backend_id, snat, port);
	return GO_ON;
}

/* Who speaks to the backend for a flow (its value). */
static __always_inline bool nat_towards(__u64 value, const struct xdplb_backend *backend,
					struct endpoints *to)
{
	const struct xdplb_pool *pool = pool_of(backend->pool[XDPLB_FIELD(value, SNAT)]);

	if (!pool || !pool->proto)
		return false;
	__builtin_memcpy(&to->saddr, pool->addr, sizeof(to->saddr));
	__builtin_memcpy(&to->daddr, backend->addr, sizeof(to->daddr));
	to->sport = bpf_htons(XDPLB_FIELD(value, PORT));
	to->dport = backend->port;
	return true;
}

/* The client and the service of work->record, as a reply shows them. */
static __always_inline bool nat_back(const struct packet *p, struct endpoints *to)
{
	const struct xdplb_nat_record *record = &p->work->record;
	const struct xdplb_backend *backend = backend_of(record->backend);
	const struct xdplb_service *service = backend ? service_of(backend->service) : NULL;

	if (!service)
		return false;
	__builtin_memcpy(&to->saddr, service->addr, sizeof(to->saddr));
	__builtin_memcpy(&to->daddr, record->client, sizeof(to->daddr));
	to->sport = service->port;
	to->dport = record->client_port;
	return true;
}

/* The flow of work->record, by its value and index in struct work; false: it is gone. */
static __always_inline bool record_flow(struct packet *p)
{
	const struct xdplb_nat_record *copy = &p->work->record;
	const struct xdplb_backend *backend = backend_of(copy->backend);
	__u64 identity = XDPLB_FIELD_OF(BACKEND, copy->backend) |
			 XDPLB_FIELD_OF(PORT, bpf_ntohs(p->h->dport));
	__u64 mask = XDPLB_FIELD_MASK(BACKEND) | XDPLB_FIELD_MASK(PORT);

	return backend &&
	       flow_lookup(p->ctx, address_of(p->work->record.client), copy->client_port,
			   backend->service) &&
	       (p->work->value & mask) == identity;
}

/* Once a second, and when TCP says something: tells the flow. */
static __always_inline void record_touch(struct packet *p, struct xdplb_nat_record *record)
{
	const struct xdplb_nat_record *copy = &p->work->record;

	if (copy->seen == (__u16)p->cpu->now && !(p->h->tcp_flags & (TCP_FIN | TCP_RST)))
		return;
	if (!record_flow(p))
		return;
	p->value = p->work->value;
	p->flow_index = p->work->flow_index;
	flow_touch(p, false);
	if (!record_lock(record))
		return;
	if (record->seq == copy->seq + 1) { /* still the flow that was copied */
		record->seen = p->cpu->now;
		record->way = copy->way;
	}
	record_unlock(record);
}

/* Sends a reply, or a later fragment of one, of work->record; it becomes work->to. */
static __always_inline int nat_send(struct packet *p)
{
	const struct xdplb_nat_record *copy = &p->work->record;
	struct xdplb_backend_cpu *cpu = backend_cpu_of(copy->backend);
	int verdict = way_fits(p, &copy->way, 0);

	if (verdict != GO_ON)
		return verdict;
	if (cpu) {
		cpu->reply_packets++;
		cpu->reply_bytes += frame_bytes(p);
	}
	rewrite(p);
	return send(p, &copy->way);
}

/* Sends a reply to the client of `record`, of which work->record is a copy. */
static __always_inline int nat_reply(struct packet *p, struct xdplb_nat_record *record)
{
	int verdict;

	if (!nat_back(p, &p->work->to))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = hop_to_client(p, &p->work->to.saddr);
	if (verdict != GO_ON)
		return verdict;
	record_touch(p, record);
	if (p->h->fragment)
		fragment_remember(p->ctx, XDPLB_FRAGMENT_NAT_REPLY,
				  XDPLB_FIELD_OF(BACKEND, p->work->pool) |
					  XDPLB_FIELD_OF(PORT, bpf_ntohs(p->h->dport)));
	return nat_send(p);
}

#endif
