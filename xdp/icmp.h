/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors (RFC 792, RFC 5508) about a packet that went through nat: they
 * reach the side that sent it, speaking of the packet as that side knows it.
 * Everything else in ICMP is passed on.
 */
#ifndef XDPLB_ICMP_H
#define XDPLB_ICMP_H

#include "nat.h"
#include "parse.h"

#define QUOTED 8 /* bytes behind the quoted IP header that every error has */
#define TCP_CHECK 16 /* where TCP's and UDP's checksums lie */
#define UDP_CHECK 6

static __always_inline bool is_error(const struct icmphdr *icmp)
{
	return icmp->type == ICMP_DEST_UNREACH || icmp->type == ICMP_TIME_EXCEEDED ||
	       icmp->type == ICMP_PARAMETERPROB || icmp->type == ICMP_SOURCE_QUENCH;
}

/* Finds the quoted headers; false when they are cut short or not ours to read. */
static __always_inline bool quote_read(const struct packet *p, struct quote *quote)
{
	void *end = (void *)(long)p->ctx->data_end, *l4, *check;
	struct iphdr *ip = (void *)(p->icmp + 1);
	__u32 total = bpf_ntohs(p->ip->tot_len);

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return false;
	l4 = (void *)ip + ip->ihl * 4;
	if (l4 + QUOTED > end || ip->frag_off & bpf_htons(IP_OFFSET))
		return false;
	if ((__u32)(l4 + QUOTED - (void *)p->ip) > total || !is_whole(p))
		return false;
	quote->ip = ip;
	quote->ports = l4;
	quote->check = NULL;
	if (ip->protocol == IPPROTO_UDP) {
		quote->check = l4 + UDP_CHECK;
		return true;
	}
	check = l4 + TCP_CHECK;
	if (check + 2 <= end && (__u32)(check + 2 - (void *)p->ip) <= total)
		quote->check = check;
	return ip->protocol == IPPROTO_TCP;
}

/* About a packet of ours to a backend: tells the client. */
static __always_inline int error_to_client(struct packet *p, const struct quote *quote,
					   struct xdplb_nat_record *record)
{
	struct endpoints reply, sent;
	int verdict;

	if (!nat_back(record, &reply))
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = hop_to_client(p, record, reply.saddr);
	if (verdict != GO_ON)
		return verdict;
	sent = (struct endpoints){ reply.daddr, reply.saddr, reply.dport, reply.sport };
	rewrite_quote(p->icmp, quote, &sent);
	rewrite_ip(p->ip, reply.saddr, reply.daddr);
	return send(p, record->out, record->dmac, record->smac);
}

/* About a reply of ours to a client: tells the backend. */
static __always_inline int error_to_backend(struct packet *p, const struct quote *quote)
{
	struct xdplb_backend_cpu *hop;
	struct endpoints to, sent;
	int verdict = nat_towards(p, &to, &hop);

	if (verdict != GO_ON)
		return verdict;
	sent = (struct endpoints){ to.daddr, to.saddr, to.dport, to.sport };
	rewrite_quote(p->icmp, quote, &sent);
	rewrite_ip(p->ip, to.saddr, to.daddr);
	return send(p, hop->out, hop->dmac, hop->smac);
}

static __always_inline int icmp(struct packet *p)
{
	struct xdplb_nat_record *record, copy;
	struct quote quote;
	const struct iphdr *ip;

	if (!is_error(p->icmp) || is_fragment(p->ip) || !quote_read(p, &quote))
		return XDP_PASS;
	ip = quote.ip;
	if (p->ip->daddr != ip->saddr)
		return XDP_PASS;
	switch (record_find(ip->daddr, quote.ports[1], ip->saddr, quote.ports[0], ip->protocol,
			    &record, &copy)) {
	case RECORD_BUSY:
		return drop(p, XDPLB_DROP_RACE);
	case RECORD_FOUND:
		if (p->ip->ttl <= 1)
			return drop(p, XDPLB_DROP_TTL);
		return error_to_client(p, &quote, &copy);
	case RECORD_NONE:
		break;
	}
	p->service = directory_find(XDPLB_KIND_SERVICE, ip->saddr, quote.ports[0], ip->protocol);
	if (!p->service || !flow_find(p, ip->daddr, quote.ports[1]))
		return XDP_PASS;
	if (p->ip->ttl <= 1)
		return drop(p, XDPLB_DROP_TTL);
	return error_to_backend(p, &quote);
}

#endif
