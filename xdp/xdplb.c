// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdplb: the way of a packet, told top down.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

#include "carry.h"
#include "clock.h"
#include "encap.h"
#include "icmp.h"
#include "later_fragment.h"
#include "lookup.h"
#include "parse.h"
#include "registration.h"
#include "replies.h"
#include "short_way.h"
#include "to_backend.h"
#include "to_service.h"

/* A packet of TCP or UDP. */
static __always_inline int transport(struct packet *p)
{
	int verdict;

	p->service = directory_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, p->h->dport, p->h->proto);
	if (!p->service && may_register(p) &&
	    directory_find(p, XDPLB_KIND_REGISTER, &p->h->daddr, 0, 0))
		return registration(p->ctx);
	if (!p->service) {
		verdict = reply(p);
		return verdict == GO_ON ? XDP_PASS : verdict;
	}
	if (!headers_agree(p) || !p->h->sport)
		return drop(p, XDPLB_DROP_BAD_HEADER);
	verdict = to_service(p);
	return verdict == GO_ON ? to_backend(p) : verdict;
}

/* Every packet that is not plain. */
static __always_inline int long_way(struct packet *p)
{
	int verdict;

	p->h = &p->work->headers[PACKET];
	p->raced = false;
	p->work->opened = p->work->dropped = 0;
	verdict = parse(p);
	if (verdict != GO_ON)
		return verdict;
	if (may_mirror(p) && claims_registrar(p)) /* see lookup.h */
		return drop(p, XDPLB_DROP_REG_DENIED);
	if (is_to_many(p))
		return XDP_PASS;
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
	__u32 counted;
	bool watched;
	int verdict;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	tick(&p);
	watched = is_watched(&p);
	p.work->counted = 0;
	verdict = watched ? GO_ON : short_way(&p);
	if (verdict == GO_ON)
		verdict = long_way(&p);
	if (verdict == WRAP)
		verdict = can_wrap ? wrap(ctx) : drop(&p, XDPLB_DROP_NO_ENCAP);
	counted = p.work->counted ? p.work->counted : (__u32)verdict;
	if (watched)
		event_packet(ctx, counted);
	p.cpu->verdict[counted & 7]++;
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

/* On the way out: what listeners answer and say, see replies.h. */
SEC("tc")
int xdplb_replies(struct __sk_buff *skb)
{
	return reply_out(skb);
}

/* What elsewhere is to have a listener say reaches none. */
SEC("sk_lookup")
int xdplb_lookup(struct bpf_sk_lookup *lookup)
{
	return socket_lookup(lookup);
}

/* On no packet's way: it carries flows to a table of another size, see carry.h. */
SEC("xdp")
int xdplb_carry(struct xdp_md *ctx)
{
	return carry_all(ctx);
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
