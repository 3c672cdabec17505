// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdplb: the way of a packet, told top down.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

#include "clock.h"
#include "encap.h"
#include "icmp.h"
#include "later_fragment.h"
#include "parse.h"
#include "slot_table.h"
#include "to_backend.h"
#include "to_client.h"

/* A flow of this client to p->service is remembered and goes on. */
static __always_inline bool flow_goes_on(struct packet *p, __u64 key)
{
	const struct xdplb_backend *backend;

	if (!flow_find(p, key))
		return false;
	backend = backend_of(XDPLB_FIELD(p->value, BACKEND));
	if (backend && !(backend->flags & XDPLB_BACKEND_DOWN) &&
	    !(p->h->tcp_flags & TCP_SYN && flow_is_left(p->value)))
		return true;
	flow_remove(p->flow_index, p->value);
	p->flow_moves = true;
	return false;
}

/* Gives the reserved flow to this backend and publishes it. */
static __always_inline int flow_open(struct packet *p, __u32 backend, __u8 method)
{
	if (method == XDPLB_NAT)
		return nat_open(p, backend);
	if (!backend)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	if (method == XDPLB_DNAT && dnat_taken(p->ctx, backend))
		return drop(p, XDPLB_DROP_NO_PORT);
	flow_publish(p, backend, 0, method);
	return GO_ON;
}

/* Chooses a backend for a new flow and remembers it. */
static __always_inline int flow_begins(struct packet *p, __u64 key)
{
	struct xdplb_set *set = set_of(p->service);
	int verdict;

	/* A backend that is down loses its flows in their middle. */
	if (p->h->proto == IPPROTO_TCP && !p->flow_moves &&
	    (p->h->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return pass(p, XDPLB_PASS_NO_FLOW);
	if (is_nobody(p->h))
		return drop(p, XDPLB_DROP_BAD_SOURCE);
	if (!set)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	if (is_last_hop(p) && set->forward != XDPLB_DSR)
		return drop(p, XDPLB_DROP_TTL);
	verdict = flow_reserve(p, key);
	if (verdict != GO_ON)
		return verdict;
	verdict = flow_open(p, slot_next(set), set->forward);
	if (verdict != GO_ON)
		flow_cancel(p);
	return verdict;
}

/* Not a packet of a known flow from a client: a reply, a new flow, or neither. */
static __always_inline int reply_or_new(struct packet *p, __u64 key)
{
	int verdict = reply(p);

	if (verdict != GO_ON)
		return verdict;
	return p->service ? flow_begins(p, key) : XDP_PASS;
}

/* A packet of TCP or UDP. */
static __always_inline int transport(struct packet *p)
{
	__u64 key = 0;
	int verdict;

	p->service = directory_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, p->h->dport, p->h->proto);
	if (p->service) {
		if (!headers_agree(p) || !p->h->sport)
			return drop(p, XDPLB_DROP_BAD_HEADER);
		key = flow_key(p->h->v6, &p->h->saddr, p->h->sport, p->service);
	}
	/* The packet that opens a flow does not prove it. */
	if (key && flow_goes_on(p, key))
		verdict = flow_touch(p, true) ? GO_ON : drop(p, XDPLB_DROP_RACE);
	else
		verdict = reply_or_new(p, key);
	return verdict == GO_ON ? to_backend(p) : verdict;
}

static __always_inline int balance(struct packet *p)
{
	int verdict = parse(p);

	if (verdict != GO_ON)
		return verdict;
	if (p->h->fragment == FRAGMENT_LATER)
		return later_fragment(p->ctx);
	if (p->h->proto == IPPROTO_ICMP || p->h->proto == IPPROTO_ICMPV6)
		verdict = icmp(p->ctx);
	else
		verdict = transport(p);
	if (verdict == XDP_PASS && p->h->fragment)
		fragments_pass(p);
	return verdict;
}

static __always_inline int way_through(struct xdp_md *ctx, bool can_wrap)
{
	struct packet p;
	int verdict;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	tick(&p);
	p.work->turned = false;
	verdict = balance(&p);
	if (verdict == WRAP)
		verdict = can_wrap ? wrap(ctx) : drop(&p, XDPLB_DROP_NO_ENCAP);
	p.cpu->verdict[(p.work->turned ? XDP_TX : verdict) & 7]++;
	return verdict;
}

SEC("xdp.frags")
int xdplb(struct xdp_md *ctx)
{
	return way_through(ctx, false);
}

/* The same, and the methods that make packets longer. */
SEC("xdp.frags")
int xdplb_encap(struct xdp_md *ctx)
{
	return way_through(ctx, true);
}

/* After filters (xdp-filter is 10); what passes goes to the next in the chain. */
struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(xdplb);

struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(xdplb_encap);

char _license[] SEC("license") = "GPL";
