/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dnat: the destination is rewritten, the client's address stays. A reply that
 * comes by, because this machine is on its way, gets the service's address
 * back; it is known by the flow of the client that it goes to.
 */
#ifndef XDPLB_DNAT_H
#define XDPLB_DNAT_H

#include "forward.h"
#include "flow_room.h"
#include "fragment.h"
#include "home.h"
#include "next_hop.h"
#include "send.h"

/*
 * Which of the backends with one address and port, from `id` on, has a flow of
 * this client that has not expired; its value and index are left in struct
 * work. 0: none.
 */
__noinline int dnat_owner(struct xdp_md *ctx, __u32 id, const struct address *client, __u32 port)
{
	struct packet p;

	if (!client || !packet_get(ctx, &p))
		return 0;
	for (int i = 0; i < XDPLB_SHARED; i++) {
		const struct xdplb_backend *backend = backend_of(id);

		if (!id || !backend)
			return 0;
		if (flow_lookup(ctx, client, port, backend->service) &&
		    XDPLB_FIELD(p.work->value, BACKEND) == id &&
		    method_of(p.work->value) == XDPLB_DNAT &&
		    !is_expired(p.cpu->now, p.work->value))
			return id;
		id = backend->next;
	}
	return 0;
}

#define NO_INDEX 0xffffffff /* of no entry */

/*
 * The same of a client whose flow found no room in the table, so that it went
 * home. Nobody's who could have been remembered is taken for that.
 */
__noinline int dnat_home(struct xdp_md *ctx, __u32 id, const struct address *client, __u32 port)
{
	const struct xdplb_backend *backend = backend_of(id);
	struct packet p;
	__u32 at[2];
	__u64 key;

	if (!backend || !client || !packet_get(ctx, &p))
		return 0;
	key = xdplb_flow_key(flow_name(p.config, p.h->v6, client, port), backend->service);
	room_buckets(p.config, key, at);
	if (bucket_room(at[0]) >= 0 || bucket_room(at[1]) >= 0)
		return 0;
	p.work->value = home(ctx, client, port, backend->service);
	p.work->flow_index = NO_INDEX;
	return p.work->value == home_value(id, XDPLB_DNAT) ? id : 0;
}

/* Which of the backends with one address and port, from `id` on, replies here; 0: none. */
__noinline int dnat_find(struct xdp_md *ctx, __u32 id, const struct address *client, __u32 port)
{
	int owner = dnat_owner(ctx, id, client, port);

	for (int i = 0; !owner && i < XDPLB_SHARED; i++) {
		const struct xdplb_backend *backend = backend_of(id);

		if (!id || !backend)
			return 0;
		owner = dnat_home(ctx, id, client, port);
		id = backend->next;
	}
	return owner;
}

/* The flow that dnat_owner() found is not over, and its packets are still forwarded. */
static __always_inline bool dnat_goes_on(const struct packet *p, __u32 backend_id)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	const struct xdplb_service *service = backend ? service_of(backend->service) : NULL;

	return set_line(service) && !(backend->flags & XDPLB_BACKEND_DOWN) &&
	       !flow_is_left(p->work->value);
}

/*
 * Towards this backend the client's port is in use by its flow to another
 * service, so that the backend could not tell a new one from it. A flow that
 * does not go on gives way.
 */
__noinline int dnat_taken(struct xdp_md *ctx, __u32 backend_id)
{
	struct xdplb_backend *backend = backend_of(backend_id);
	struct packet p;
	__u32 id, owner;

	if (!backend || !packet_get(ctx, &p))
		return 0;
	id = directory_find(&p, XDPLB_KIND_DNAT, address_of(backend->addr), backend->port,
			    backend->proto);
	owner = dnat_owner(ctx, id, &p.h->saddr, p.h->sport);
	if (!owner)
		return 0;
	if (dnat_goes_on(&p, owner))
		return 1;
	flow_remove(p.work->flow_index, p.work->value);
	return dnat_owner(ctx, id, &p.h->saddr, p.h->sport);
}

static __always_inline struct xdplb_nat_record *client_record(const struct packet *p,
							      const struct address *client)
{
	__u32 at = xdplb_client_index(p->config->seed, client->word);

	return bpf_map_lookup_elem(&xdplb_clients, &at);
}

/* Writes down, once a second, who delivers this client's packets. */
static __always_inline void client_learn(struct packet *p)
{
	struct xdplb_nat_record *record = client_record(p, &p->h->saddr);

	if (!record ||
	    (record->client_port == (__u16)p->cpu->now &&
	     same_address(address_of(record->client), &p->h->saddr)) ||
	    !record_lock(record))
		return;
	record->client_port = p->cpu->now;
	__builtin_memcpy(record->client, &p->h->saddr, sizeof(record->client));
	record->seen = p->cpu->now - 1;
	way_learn(p, &record->way);
	record->way.vlan = 0; /* of this packet alone: the client may use others too */
	record_unlock(record);
}

/* Makes sure that work->record has the way to the client whose address this is. */
static __always_inline int client_hop(struct packet *p, const struct address *from,
				      const struct address *client)
{
	struct xdplb_nat_record *record = client_record(p, client), *copy = &p->work->record;
	int verdict;

	if (!record)
		return drop(p, XDPLB_DROP_NO_ROUTE);
	if (!record_read(p, record) || !same_address(address_of(copy->client), client)) {
		__builtin_memset(copy, 0, sizeof(*copy));
		__builtin_memcpy(copy->client, client, sizeof(copy->client));
		copy->seen = p->cpu->now - 1;
	}
	verdict = hop_to_client(p, from);
	if (verdict != GO_ON || copy->seen == (__u16)p->cpu->now || !record_lock(record))
		return verdict;
	__builtin_memcpy(record->client, client, sizeof(record->client));
	record->seen = p->cpu->now;
	record->way = copy->way;
	record_unlock(record);
	return GO_ON;
}

/* The client speaks to the backend: work->to. */
static __always_inline void dnat_towards(struct packet *p, const struct xdplb_backend *backend)
{
	struct endpoints *to = &p->work->to;

	to->saddr = p->h->saddr;
	to->sport = p->h->sport;
	__builtin_memcpy(&to->daddr, backend->addr, sizeof(to->daddr));
	to->dport = backend->port;
}

/* The service of a backend speaks to the client: work->to. */
static __always_inline bool dnat_back(struct packet *p, __u32 backend_id)
{
	const struct xdplb_backend *backend = backend_of(backend_id);
	const struct xdplb_service *service = backend ? service_of(backend->service) : NULL;
	struct endpoints *to = &p->work->to;

	if (!service)
		return false;
	__builtin_memcpy(&to->saddr, service->addr, sizeof(to->saddr));
	to->sport = service->port;
	to->daddr = p->h->daddr;
	to->dport = p->h->dport;
	return true;
}

/* Sends a reply, or a later fragment of one, to the client. */
static __always_inline int dnat_send(struct packet *p, __u32 backend_id)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(backend_id);
	const struct xdplb_way *way = &p->work->record.way;
	int verdict;

	if (!cpu || !dnat_back(p, backend_id))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = client_hop(p, &p->work->to.saddr, &p->h->daddr);
	if (verdict == GO_ON)
		verdict = way_fits(p, way, 0);
	if (verdict != GO_ON)
		return verdict;
	cpu->reply_packets++;
	cpu->reply_bytes += frame_bytes(p);
	rewrite(p);
	return send(p, way);
}

/* A reply of a backend to a client whose flow dnat_owner() has found. */
__noinline int dnat_reply(struct xdp_md *ctx, __u32 backend_id)
{
	struct packet p;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	p.value = p.work->value;
	p.flow_index = p.work->flow_index;
	flow_touch(&p, false);
	if (p.h->fragment)
		fragment_remember(ctx, XDPLB_FRAGMENT_DNAT_REPLY,
				  XDPLB_FIELD_OF(BACKEND, backend_id));
	return dnat_send(&p, backend_id);
}

#endif
