/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rewriting: the headers of a packet, and those of the packet that an ICMP
 * error quotes, with every checksum they are part of.
 */
#ifndef XDPLB_FORWARD_H
#define XDPLB_FORWARD_H

#include "csum.h"
#include "packet.h"

struct endpoints {
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
};

/* Sets the addresses and takes one off the time to live; returns the addresses' change. */
static __always_inline __u64 rewrite_ip(struct iphdr *ip, __be32 saddr, __be32 daddr)
{
	__u64 change = csum_change(ip->saddr, saddr) + csum_change(ip->daddr, daddr);
	__u16 *ttl = (__u16 *)&ip->ttl, before = *ttl;

	ip->ttl--;
	ip->check = csum_apply(ip->check, change + csum_change16(before, *ttl));
	ip->saddr = saddr;
	ip->daddr = daddr;
	return change;
}

/* Gives a TCP or UDP packet over IPv4 new addresses and ports. */
static __always_inline void rewrite(struct packet *p, const struct endpoints *to)
{
	__u64 change = rewrite_ip(p->ip, to->saddr, to->daddr) +
		       csum_change16(p->sport, to->sport) + csum_change16(p->dport, to->dport);

	if (p->proto == IPPROTO_TCP) {
		p->tcp->source = to->sport;
		p->tcp->dest = to->dport;
		p->tcp->check = csum_apply(p->tcp->check, change);
	} else {
		p->udp->source = to->sport;
		p->udp->dest = to->dport;
		p->udp->check = csum_apply_udp(p->udp->check, change);
	}
}

/* The packet that an ICMP error quotes: IP header and at least 8 bytes more. */
struct quote {
	struct iphdr *ip;
	__be16 *ports; /* source, destination */
	__u16 *check; /* of TCP or UDP, NULL when it is not quoted */
};

/* Gives the quoted packet new addresses and ports, and ICMP its new checksum. */
static __always_inline void rewrite_quote(struct icmphdr *icmp, const struct quote *quote,
					  const struct endpoints *to)
{
	__u64 addresses =
		csum_change(quote->ip->saddr, to->saddr) + csum_change(quote->ip->daddr, to->daddr);
	__u64 ports = csum_change16(quote->ports[0], to->sport) +
		      csum_change16(quote->ports[1], to->dport);
	__u16 check = csum_apply(quote->ip->check, addresses);
	__u64 change = addresses + ports + csum_change16(quote->ip->check, check);

	quote->ip->check = check;
	quote->ip->saddr = to->saddr;
	quote->ip->daddr = to->daddr;
	quote->ports[0] = to->sport;
	quote->ports[1] = to->dport;
	if (quote->check) {
		if (quote->ip->protocol == IPPROTO_TCP)
			check = csum_apply(*quote->check, addresses + ports);
		else
			check = csum_apply_udp(*quote->check, addresses + ports);
		change += csum_change16(*quote->check, check);
		*quote->check = check;
	}
	icmp->checksum = csum_apply(icmp->checksum, change);
}

#endif
