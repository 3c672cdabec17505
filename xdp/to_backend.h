/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet of a known flow goes to its backend, by the method of the flow. */
#ifndef XDPLB_TO_BACKEND_H
#define XDPLB_TO_BACKEND_H

#include "dnat.h"
#include "local.h"
#include "nat.h"

/* How much longer a packet becomes that is wrapped in IPv6, or not, and UDP, or not. */
static __always_inline __u32 wrap_bytes(bool v6, bool gue)
{
	return (v6 ? sizeof(struct ipv6_header) : sizeof(struct iphdr)) +
	       (gue ? sizeof(struct udphdr) : 0);
}

/* Leaves the packet to wrap(), which only xdplb_encap has. */
static __always_inline int wrap_for(struct packet *p, __u64 value)
{
	p->work->value = value;
	return WRAP;
}

/* The packet becomes what work->to says, but for dsr, and goes out. */
static __always_inline int forward(struct packet *p, __u32 id, struct xdplb_backend *backend,
				   struct xdplb_backend_cpu *hop, __u32 method)
{
	const struct address *from = method == XDPLB_NAT ? &p->work->to.saddr : &p->h->saddr;
	int verdict = hop_to_backend(p, id, hop, backend, from);

	if (verdict == GO_ON)
		verdict = way_fits(p, &hop->way, 0);
	if (verdict != GO_ON)
		return verdict;
	hop->packets++;
	hop->bytes += frame_bytes(p);
	if (method != XDPLB_DSR)
		rewrite(p);
	return send(p, &hop->way);
}

/* Sends a packet of the flow p->value, or a later fragment of one, to its backend. */
static __always_inline int to_backend(struct packet *p)
{
	__u32 id = XDPLB_FIELD(p->value, BACKEND), method = method_of(p->value);
	struct xdplb_backend_cpu *hop = backend_cpu_of(id);
	struct xdplb_backend *backend = backend_of(id);

	if (!backend || !backend->flags || !hop)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	if (method == XDPLB_LOCAL)
		return deliver(p, backend, hop);
	if (is_last_hop(p) && method != XDPLB_DSR)
		return drop(p, XDPLB_DROP_TTL);
	if (p->h->fragment == FRAGMENT_FIRST)
		fragment_remember(p->ctx, XDPLB_FRAGMENT_TO_BACKEND, p->value);
	switch (method) {
	case XDPLB_NAT:
		if (!nat_towards(p->value, backend, &p->work->to))
			return drop(p, XDPLB_DROP_NO_BACKEND);
		break;
	case XDPLB_DNAT:
		client_learn(p);
		dnat_towards(p, backend);
		break;
	case XDPLB_DSR:
		break;
	default:
		return wrap_for(p, p->value);
	}
	return forward(p, id, backend, hop, method);
}

#endif
