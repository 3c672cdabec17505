/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rewriting: the addresses and ports of a packet become work->to, with every
 * checksum they are part of, and it has one hop less to live.
 */
#ifndef XDPLB_FORWARD_H
#define XDPLB_FORWARD_H

#include "csum.h"
#include "packet.h"

/* Takes one off the time to live of an IPv4 packet; `change` is that of the rest. */
static __always_inline void ttl_less(struct iphdr *ip, __u64 change)
{
	__u16 *ttl = (__u16 *)&ip->ttl, before = *ttl;

	ip->ttl--;
	ip->check = csum_apply(ip->check, change + csum_change16(before, *ttl));
}

/* The same, and new addresses; returns their change. */
static __always_inline __u64 rewrite_ip4(struct iphdr *ip, const struct endpoints *to)
{
	__be32 saddr = to->saddr.word[0], daddr = to->daddr.word[0];
	__u64 change = csum_change(ip->saddr, saddr) + csum_change(ip->daddr, daddr);

	ttl_less(ip, change);
	ip->saddr = saddr;
	ip->daddr = daddr;
	return change;
}

static __always_inline __u64 rewrite_ip6(struct packet *p, struct ipv6_header *ip,
					 const struct endpoints *to)
{
	ip->hop_limit--;
	__builtin_memcpy(ip->saddr, &to->saddr, sizeof(to->saddr));
	__builtin_memcpy(ip->daddr, &to->daddr, sizeof(to->daddr));
	return csum_change_address(&p->h->saddr, &to->saddr) +
	       csum_change_address(&p->h->daddr, &to->daddr);
}

/* Where TCP's and UDP's checksum lies. */
static __always_inline __u32 check_offset(__u8 proto)
{
	return proto == IPPROTO_TCP ? 16 : 6;
}

/* New ports, and TCP's or UDP's checksum; `change` is that of the addresses. */
static __always_inline void rewrite_ports(const struct headers *h, const struct endpoints *to,
					  __be16 *ports, __u16 *check, __u64 change)
{
	change += csum_change16(h->sport, to->sport) + csum_change16(h->dport, to->dport);
	ports[0] = to->sport;
	ports[1] = to->dport;
	*check = csum_apply_l4(h->proto, *check, change);
}

static __always_inline void rewrite_l4(struct packet *p, const struct endpoints *to, __u64 change)
{
	__u16 *check = packet_at(p->ctx, p->h->l4 + check_offset(p->h->proto), sizeof(*check));
	__be16 *ports = packet_at(p->ctx, p->h->l4, 2 * sizeof(*ports));

	if (ports && check)
		rewrite_ports(p->h, to, ports, check, change);
}

__noinline int rewrite6(struct xdp_md *ctx)
{
	struct ipv6_header *ip;
	struct packet p;
	__u64 change;

	if (!packet_get(ctx, &p))
		return 0;
	ip = packet_at(ctx, p.h->l3, sizeof(*ip));
	if (!ip)
		return 0;
	change = rewrite_ip6(&p, ip, &p.work->to);
	if (p.h->fragment != FRAGMENT_LATER)
		rewrite_l4(&p, &p.work->to, change);
	return 0;
}

static __always_inline void rewrite(struct packet *p)
{
	struct iphdr *ip;
	__u64 change;

	if (p->h->v6) {
		rewrite6(p->ctx);
		return;
	}
	ip = packet_at(p->ctx, p->h->l3, sizeof(*ip));
	if (!ip)
		return;
	change = rewrite_ip4(ip, &p->work->to);
	if (p->h->fragment != FRAGMENT_LATER)
		rewrite_l4(p, &p->work->to, change);
}

#endif
