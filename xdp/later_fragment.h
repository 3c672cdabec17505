/* SPDX-License-Identifier: GPL-2.0-only */
/* A fragment that is not the first of its packet goes where that went. */
#ifndef XDPLB_LATER_FRAGMENT_H
#define XDPLB_LATER_FRAGMENT_H

#include "dnat.h"
#include "to_backend.h"

/* Of a reply with nat, whose record still says where to. */
static __always_inline int nat_fragment(struct packet *p, __u64 value)
{
	struct xdplb_nat_record *record =
		record_at(XDPLB_FIELD(value, BACKEND), XDPLB_FIELD(value, PORT));

	if (!record || !record_read(p, record) || !p->work->record.backend ||
	    !nat_back(p, &p->work->to))
		return drop(p, XDPLB_DROP_FRAGMENT);
	return nat_send(p);
}

/* TCP, UDP, or an extension header that either may follow in the first fragment. */
static __always_inline bool may_be_ours(const struct headers *h)
{
	switch (h->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return true;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
		return h->v6;
	default:
		return false;
	}
}

/* One whose first has not been seen: of a service, or of anything else. */
static __always_inline int fragment_unknown(struct packet *p)
{
	__u32 service = directory_find(p, XDPLB_KIND_ADDRESS, &p->h->daddr, 0, 0);
	const struct xdplb_set *set = set_of(service);

	/* With local it need not follow: the stack joins it to the first by itself. */
	if (!service || !may_be_ours(p->h) || (set && set->forward == XDPLB_LOCAL))
		return pass(p, XDPLB_PASS_FRAGMENT);
	return drop(p, XDPLB_DROP_FRAGMENT);
}

/* The first has passed, so later ones shall too, also where they would be dropped. */
static __always_inline void fragments_pass(const struct packet *p)
{
	if (directory_find(p, XDPLB_KIND_ADDRESS, &p->h->daddr, 0, 0))
		fragment_remember(p->ctx, XDPLB_FRAGMENT_PASS, 0);
}

__noinline int later_fragment(struct xdp_md *ctx)
{
	struct packet p;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	p.value = fragment_recall(ctx);
	if (!p.value)
		return fragment_unknown(&p);
	if (state_of(p.value) == XDPLB_FRAGMENT_PASS)
		return pass(&p, XDPLB_PASS_FRAGMENT);
	if (p.h->l3 + p.h->total < p.h->l4 || !is_whole(&p))
		return drop(&p, XDPLB_DROP_BAD_HEADER);
	if (state_of(p.value) == XDPLB_FRAGMENT_TO_BACKEND)
		return to_backend(&p);
	if (is_last_hop(&p))
		return drop(&p, XDPLB_DROP_TTL);
	if (state_of(p.value) == XDPLB_FRAGMENT_NAT_REPLY)
		return nat_fragment(&p, p.value);
	return dnat_send(&p, XDPLB_FIELD(p.value, BACKEND));
}

#endif
