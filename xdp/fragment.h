/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments: only the first of a packet has ports. What was done with it is
 * remembered, so that the others can follow.
 */
#ifndef XDPLB_FRAGMENT_H
#define XDPLB_FRAGMENT_H

#include "flow_table.h"

#define FRAGMENT_SECONDS 30 /* as long as hosts wait for the rest */

/* Which packet it is part of: RFC 791 counts the protocol in, RFC 8200 does not. */
static __always_inline __u64 fragment_key(const struct packet *p)
{
	const __be32 *from = p->h->saddr.word, *to = p->h->daddr.word;
	const __u64 *seed = p->config->seed;

	if (!p->h->v6)
		return xdplb_siphash(seed, (__u64)from[0] << 32 | to[0], p->h->proto, p->h->ident);
	return xdplb_siphash(seed, (__u64)from[1] << 32 | from[0], (__u64)from[3] << 32 | from[2],
			     p->h->ident) ^
	       xdplb_rotate(xdplb_siphash(seed, (__u64)to[1] << 32 | to[0],
					  (__u64)to[3] << 32 | to[2], p->h->ident),
			    1);
}

static __always_inline struct xdplb_fragment *fragment_at(__u64 key)
{
	__u32 at = key & (XDPLB_FRAGMENTS - 1);

	return bpf_map_lookup_elem(&xdplb_frags, &at);
}

/* The first fragment goes this way (enum xdplb_fragment_way); `about` has the fields for it. */
__noinline int fragment_remember(struct xdp_md *ctx, __u32 way, __u64 about)
{
	struct xdplb_fragment *entry;
	struct packet p;
	__u64 key;

	if (!packet_get(ctx, &p))
		return 0;
	key = fragment_key(&p);
	entry = fragment_at(key);
	if (!entry)
		return 0;
	about &= ~(XDPLB_FIELD_MASK(STATE) | XDPLB_FIELD_MASK(SEEN));
	about |= XDPLB_FIELD_OF(STATE, way) | XDPLB_FIELD_OF(SEEN, p.cpu->now);
	WRITE_ONCE(entry->value, about);
	WRITE_ONCE(entry->check, key ^ about);
	return 0;
}

/* What is remembered of the packet that this is a later fragment of; 0: nothing. */
__noinline __u64 fragment_recall(struct xdp_md *ctx)
{
	const struct xdplb_fragment *entry;
	struct packet p;
	__u64 key, value;

	if (!packet_get(ctx, &p))
		return 0;
	key = fragment_key(&p);
	entry = fragment_at(key);
	value = entry ? READ_ONCE(entry->value) : 0;
	if (!entry || (READ_ONCE(entry->check) ^ value) != key ||
	    flow_age(p.cpu->now, XDPLB_FIELD(value, SEEN)) > FRAGMENT_SECONDS)
		return 0;
	return value;
}

#endif
