/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Affinity: a client's new flows go where its last ones went. An entry of the
 * flow table says where, under the name that its flows share; it lives as
 * long as they do, and its own timeout longer.
 */
#ifndef XDPLB_AFFINITY_H
#define XDPLB_AFFINITY_H

#include "flow_room.h"
#include "slot_table.h"

/* Finds the entry of the clients with these first `bits` of the address. */
static __always_inline bool client_find(struct packet *p, __u32 service, __u32 bits, __u64 *key)
{
	*key = xdplb_flow_key(client_name(p->h->v6, &p->h->saddr, bits), service);
	return flow_find(p, *key);
}

/* The backend that this packet's client has, if it takes new flows; 0: none. */
__noinline int client_backend(struct xdp_md *ctx, __u32 service, __u32 bits)
{
	const struct xdplb_backend *backend;
	struct packet p;
	__u64 key;

	if (!packet_get(ctx, &p) || !client_find(&p, service, bits, &key))
		return 0;
	backend = backend_of(XDPLB_FIELD(p.value, BACKEND));
	if (backend && backend->flags & XDPLB_BACKEND_OPEN)
		return XDPLB_FIELD(p.value, BACKEND);
	flow_remove(p.flow_index, p.value);
	return 0;
}

/*
 * This packet's client has a flow to a backend: as TCP's flags say, a new one
 * (TCP_SYN) or one that goes on (0).
 */
__noinline int client_follows(struct xdp_md *ctx, __u32 service, __u32 backend, __u32 flags)
{
	const struct xdplb_set *set = set_of(service);
	struct packet p;
	__u64 key;

	if (!set || !packet_get(ctx, &p))
		return 0;
	if (client_find(&p, service, set->hash_bits, &key))
		return flow_move(p.flow_index, p.value, flags | FROM_CLIENT);
	if (flow_reserve(&p, key) == ROOM_TAKEN)
		flow_publish(&p, XDPLB_FLOW_CLIENT_NEW, backend, 0, 0);
	return 0;
}

#endif
