/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP and ICMPv6 errors (RFC 792, RFC 4443, RFC 5508) about a packet that came
 * through here: they reach the side that sent it, speaking of the packet as
 * that side knows it. Echo requests to a service's address are answered.
 * Everything else is passed on.
 */
#ifndef XDPLB_ICMP_H
#define XDPLB_ICMP_H

#include "answer.h"
#include "home.h"
#include "quote.h"
#include "send.h"
#include "to_backend.h"

#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PARAMETER_PROBLEM 4

#define PATH_MTU_MIN 552 /* as the kernel's net.ipv4.route.min_pmtu */

static __always_inline bool is_error(const struct packet *p, __u8 type)
{
	if (p->h->v6)
		return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline bool is_echo_request(const struct packet *p, __u8 type)
{
	return type == (p->h->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST);
}

/* Who the error is about speaks the other way round. */
static __always_inline void endpoints_turn(struct endpoints *to)
{
	struct address addr = to->saddr;
	__be16 port = to->sport;

	to->saddr = to->daddr;
	to->sport = to->dport;
	to->daddr = addr;
	to->dport = port;
}

/* Rewrites the error and sends it. */
static __always_inline int error_send(struct packet *p, const struct xdplb_way *way)
{
	int verdict = way_fits(p, way, 0);

	if (verdict != GO_ON)
		return verdict;
	error_rewrite(p->ctx, true);
	return send(p, way);
}

/* About a packet of nat to a backend: tells the client. */
static __always_inline int nat_error(struct packet *p)
{
	int verdict;

	if (!nat_back(p, &p->work->to))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = hop_to_client(p, &p->work->to.saddr);
	if (verdict != GO_ON)
		return verdict;
	p->work->outer = p->work->to;
	endpoints_turn(&p->work->to);
	return error_send(p, &p->work->record.way);
}

/* About a packet of dnat to the backend: tells the client, whose address it has. */
static __always_inline int dnat_error(struct packet *p, const struct headers *q, __u32 backend_id)
{
	int verdict;

	if (!dnat_back(p, backend_id))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = client_hop(p, &p->h->saddr, &p->h->daddr);
	if (verdict != GO_ON)
		return verdict;
	p->work->to.daddr = q->saddr;
	p->work->to.dport = q->sport;
	endpoints_turn(&p->work->to);
	p->work->outer.saddr = p->h->saddr;
	p->work->outer.daddr = p->h->daddr;
	return error_send(p, &p->work->record.way);
}

/* What the quote of a reply to a client becomes for its backend, and the error's own addresses. */
static __always_inline bool error_towards(struct packet *p, const struct headers *q, __u32 method,
					  struct xdplb_backend *backend)
{
	struct endpoints *to = &p->work->to;

	if (method == XDPLB_NAT) {
		if (!nat_towards(p->value, backend, to))
			return false;
		p->work->outer = *to;
		endpoints_turn(to);
		return true;
	}
	__builtin_memcpy(&to->saddr, backend->addr, sizeof(to->saddr));
	to->sport = backend->port;
	to->daddr = q->daddr;
	to->dport = q->dport;
	p->work->outer.saddr = p->h->saddr;
	p->work->outer.daddr = to->saddr;
	return true;
}

/* Tells the listener, which sent it from its own port. */
static __always_inline int local_error(struct packet *p, const struct headers *q,
				       const struct xdplb_backend *backend)
{
	p->work->to = (struct endpoints){
		.saddr = q->saddr, .daddr = q->daddr, .sport = backend->port, .dport = q->dport
	};
	error_rewrite(p->ctx, false);
	return XDP_PASS;
}

/* About a packet of the service to a client, of the flow p->value: tells the backend. */
static __always_inline int error_to_backend(struct packet *p, const struct headers *q)
{
	__u32 id = XDPLB_FIELD(p->value, BACKEND), method = method_of(p->value);
	struct xdplb_backend_cpu *hop = backend_cpu_of(id);
	struct xdplb_backend *backend = backend_of(id);
	int verdict;

	if (!backend || !hop)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	if (method == XDPLB_LOCAL)
		return local_error(p, q, backend);
	if (is_last_hop(p) && method != XDPLB_DSR)
		return drop(p, XDPLB_DROP_TTL);
	if (method == XDPLB_IPIP || method == XDPLB_GUE)
		return wrap_for(p, p->value);
	if (method == XDPLB_DSR) {
		verdict = hop_to_backend(p, id, hop, backend, &p->h->saddr);
		if (verdict == GO_ON)
			verdict = way_fits(p, &hop->way, 0);
		return verdict == GO_ON ? send(p, &hop->way) : verdict;
	}
	if (!error_towards(p, q, method, backend))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = hop_to_backend(p, id, hop, backend, &p->work->outer.saddr);
	return verdict == GO_ON ? error_send(p, &hop->way) : verdict;
}

/* It says that a packet did not fit, and how much does: that, else 0. */
static __always_inline __u32 error_mtu(const struct packet *p, const struct icmp_header *icmp)
{
	if (p->h->v6 ? icmp->type != ICMPV6_TOO_BIG || icmp->rest[0] :
		       icmp->type != ICMP_UNREACHABLE || icmp->code != ICMP_FRAGMENTATION_NEEDED)
		return 0;
	return bpf_ntohs(icmp->rest[1]);
}

/*
 * The path to a backend takes no more, and never less than wraps the smallest
 * packet that the service's clients must be able to send. What was said before
 * holds as long as it is fresh: nobody is believed that more fits.
 */
static __always_inline void path_narrows(const struct packet *p, struct xdplb_backend *backend,
					 __u32 mtu)
{
	const struct xdplb_service *service = service_of(backend->service);
	__u32 least = wrap_bytes(p->h->v6, true); /* flows may use either method */

	if (!service)
		return;
	least += xdplb_is_ipv6(service->addr) ? IPV6_MTU_MIN : PATH_MTU_MIN;
	if (mtu < least)
		mtu = least;
	if (mtu > path_mtu(p, backend))
		return;
	WRITE_ONCE(backend->path_mtu_seen, p->cpu->now);
	WRITE_ONCE(backend->path_mtu, mtu);
}

/*
 * About a packet that we wrapped: the path to these backends, from `id` on,
 * takes no more than `mtu`.
 */
__noinline int tunnel_narrows(struct xdp_md *ctx, __u32 id, __u32 mtu)
{
	const struct headers *q;
	struct packet p;

	if (!packet_get(ctx, &p))
		return 0;
	q = &p.work->headers[QUOTE];
	for (int i = 0; i < XDPLB_SHARED; i++) {
		struct xdplb_backend *backend = backend_of(id);

		if (!id || !backend)
			return 0;
		if (same_address(address_of(backend->source), &q->saddr))
			path_narrows(&p, backend, mtu);
		id = backend->next_tunnel;
	}
	return 0;
}

static __always_inline void tunnel_error(struct packet *p, const struct headers *q)
{
	const struct icmp_header *icmp = packet_at(p->ctx, p->h->l4, sizeof(*icmp));
	__u32 mtu = icmp ? error_mtu(p, icmp) : 0, id;

	if (!mtu || (q->proto != IPPROTO_IPIP && q->proto != IPPROTO_IPV6 &&
		     (q->proto != IPPROTO_UDP || q->dport != p->config->gue_port)))
		return;
	id = directory_find(p, XDPLB_KIND_TUNNEL, &q->daddr, 0, 0);
	if (id)
		tunnel_narrows(p->ctx, id, mtu);
}

/* About a packet of ours from a client to a backend? Then it tells the client. */
static __always_inline int error_forward(struct packet *p, const struct headers *q)
{
	struct xdplb_nat_record *record;
	__u32 id;

	id = directory_find(p, XDPLB_KIND_BACKEND, &q->daddr, q->dport, q->proto);
	switch (record_find(p, id, &q->saddr, q->sport, &record)) {
	case RECORD_BUSY:
		return drop(p, XDPLB_DROP_RACE);
	case RECORD_FOUND:
		return is_last_hop(p) ? drop(p, XDPLB_DROP_TTL) : nat_error(p);
	case RECORD_NONE:
		break;
	}
	id = directory_find(p, XDPLB_KIND_DNAT, &q->daddr, q->dport, q->proto);
	if (id)
		id = dnat_find(p->ctx, id, &q->saddr, q->sport);
	if (!id)
		return GO_ON;
	return is_last_hop(p) ? drop(p, XDPLB_DROP_TTL) : dnat_error(p, q, id);
}

static __always_inline int error(struct packet *p)
{
	struct headers *q = &p->work->headers[QUOTE];
	int verdict;

	if (!quote_read(p, q) || !same_address(&p->h->daddr, &q->saddr))
		return XDP_PASS;
	if (q->proto != IPPROTO_TCP && q->proto != IPPROTO_UDP) {
		tunnel_error(p, q);
		return XDP_PASS;
	}
	verdict = error_forward(p, q);
	if (verdict != GO_ON)
		return verdict;
	p->service = directory_find(p, XDPLB_KIND_SERVICE, &q->saddr, q->sport, q->proto);
	if (p->service && flow_of(p->ctx, &q->daddr, q->dport, p->service)) {
		p->value = p->work->value;
		return error_to_backend(p, q);
	}
	tunnel_error(p, q);
	return XDP_PASS;
}

__noinline int icmp(struct xdp_md *ctx)
{
	const struct icmp_header *icmp;
	struct packet p;
	__u8 type;

	if (!packet_get(ctx, &p) || p.h->fragment)
		return XDP_PASS;
	icmp = packet_at(ctx, p.h->l4, sizeof(*icmp));
	if (!icmp)
		return XDP_PASS;
	type = icmp->type;
	if (is_error(&p, type))
		return error(&p);
	if (is_echo_request(&p, type) && p.config->echo && is_whole(&p) && !is_nobody(p.h) &&
	    directory_find(&p, XDPLB_KIND_ADDRESS, &p.h->daddr, 0, 0))
		return echo(ctx);
	return XDP_PASS;
}

#endif
