/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet that an ICMP error quotes, in the second place of
 * work->headers: reading it, and rewriting it together with the error.
 */
#ifndef XDPLB_QUOTE_H
#define XDPLB_QUOTE_H

#include "forward.h"
#include "parse.h"

#define QUOTED 8 /* bytes behind the quoted IP header that every error has */

/* The quoted packet has so many bytes from this offset on, which the error's length covers. */
static __always_inline bool is_quoted(const struct packet *p, __u32 offset, __u32 size)
{
	return offset + size <= frame_bytes(p) && packet_at(p->ctx, offset, size);
}

/* Reads the quoted headers; false when they are cut short or not ours to read. */
static __always_inline bool quote_read(struct packet *p, struct headers *q)
{
	const __be16 *ports;

	q->l3 = p->h->l4 + sizeof(struct icmp_header);
	if ((p->h->v6 ? parse_ipv6(p->ctx, QUOTE) : parse_ip4(p, q, READ_ONCE(q->l3))) != GO_ON)
		return false;
	if (q->fragment == FRAGMENT_LATER || !is_quoted(p, q->l4, QUOTED) || !is_whole(p))
		return false;
	ports = packet_at(p->ctx, q->l4, QUOTED);
	if (!ports)
		return false;
	q->sport = ports[0];
	q->dport = ports[1];
	return true;
}

/* The quoted TCP's or UDP's checksum, NULL when it is not quoted. */
static __always_inline __u16 *quoted_check(struct packet *p, const struct headers *q)
{
	__u32 offset = q->l4 + check_offset(q->proto);

	return is_quoted(p, offset, sizeof(__u16)) ? packet_at(p->ctx, offset, sizeof(__u16)) :
						     NULL;
}

/* Gives the quoted packet's header new addresses; returns the change of all of it. */
static __always_inline __u64 quoted_ip(struct packet *p, const struct headers *q,
				       const struct endpoints *to, __u64 addresses)
{
	struct ipv6_header *ip6;
	struct iphdr *ip;
	__u16 before;

	if (p->h->v6) {
		ip6 = packet_at(p->ctx, q->l3, sizeof(*ip6));
		if (!ip6)
			return 0;
		__builtin_memcpy(ip6->saddr, &to->saddr, sizeof(to->saddr));
		__builtin_memcpy(ip6->daddr, &to->daddr, sizeof(to->daddr));
		return addresses;
	}
	ip = packet_at(p->ctx, q->l3, sizeof(*ip));
	if (!ip)
		return 0;
	before = ip->check;
	ip->check = csum_apply(before, addresses);
	ip->saddr = to->saddr.word[0];
	ip->daddr = to->daddr.word[0];
	return addresses + csum_change16(before, ip->check);
}

/* The quoted packet becomes work->to; returns the change of all of it. */
static __always_inline __u64 quoted_rewrite(struct packet *p, const struct headers *q)
{
	const struct endpoints *to = &p->work->to;
	__u64 addresses = csum_change_address(&q->saddr, &to->saddr) +
			  csum_change_address(&q->daddr, &to->daddr);
	__u64 ports = csum_change16(q->sport, to->sport) + csum_change16(q->dport, to->dport);
	__u64 change = quoted_ip(p, q, to, addresses) + ports;
	__be16 *port = packet_at(p->ctx, q->l4, QUOTED);
	__u16 *check = quoted_check(p, q), before;

	if (port) {
		port[0] = to->sport;
		port[1] = to->dport;
	}
	if (!check)
		return change;
	before = *check;
	*check = csum_apply_l4(q->proto, before, addresses + ports);
	return change + csum_change16(before, *check);
}

/* The error's own header says the addresses of work->outer; returns their change. */
static __always_inline __u64 error_ip(struct packet *p)
{
	struct ipv6_header *ip6;
	struct iphdr *ip;

	if (p->h->v6) {
		ip6 = packet_at(p->ctx, p->h->l3, sizeof(*ip6));
		return ip6 ? rewrite_ip6(p, ip6, &p->work->outer) : 0;
	}
	ip = packet_at(p->ctx, p->h->l3, sizeof(*ip));
	if (ip)
		rewrite_ip4(ip, &p->work->outer);
	return 0; /* ICMP does not count them */
}

/*
 * The quoted packet becomes work->to; `outer`: the error goes from and to the
 * addresses of work->outer.
 */
__noinline int error_rewrite(struct xdp_md *ctx, __u32 outer)
{
	struct icmp_header *icmp;
	struct packet p;
	__u64 change;

	if (!packet_get(ctx, &p))
		return 0;
	change = quoted_rewrite(&p, &p.work->headers[QUOTE]);
	if (outer)
		change += error_ip(&p);
	icmp = packet_at(ctx, p.h->l4, sizeof(*icmp));
	if (icmp)
		icmp->checksum = csum_apply(icmp->checksum, change);
	return 0;
}

#endif
