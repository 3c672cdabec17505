/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, IPv4 with options, TCP, UDP, ICMP: finds the headers and makes
 * sure that they lie inside the packet. What it cannot read is passed on.
 * Fields that only matter once the packet is ours are judged in
 * headers_agree(), so that other traffic gets by cheaply and untouched.
 */
#ifndef XDPLB_PARSE_H
#define XDPLB_PARSE_H

#include <bpf/bpf_endian.h>

#include "packet.h"

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET 0x1fff

/* The fragment this is part of has no ports to read, or has more to follow. */
static __always_inline bool is_fragment(const struct iphdr *ip)
{
	return ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET);
}

static __always_inline int parse_ip(struct packet *p, void *end)
{
	struct iphdr *ip = (void *)(p->eth + 1);

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return pass(p, XDPLB_PASS_UNREADABLE);
	p->ip = ip;
	p->proto = ip->protocol;
	p->l4 = (void *)ip + ip->ihl * 4;
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return pass(p, XDPLB_PASS_FRAGMENT);
	return GO_ON;
}

static __always_inline int parse_l4(struct packet *p, void *end)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		if ((void *)(p->tcp + 1) > end)
			return pass(p, XDPLB_PASS_UNREADABLE);
		p->sport = p->tcp->source;
		p->dport = p->tcp->dest;
		p->tcp_flags = ((__u8 *)p->tcp)[13];
		return GO_ON;
	case IPPROTO_UDP:
		if ((void *)(p->udp + 1) > end)
			return pass(p, XDPLB_PASS_UNREADABLE);
		p->sport = p->udp->source;
		p->dport = p->udp->dest;
		return GO_ON;
	case IPPROTO_ICMP:
		if ((void *)(p->icmp + 1) > end)
			return pass(p, XDPLB_PASS_UNREADABLE);
		return GO_ON;
	default:
		return XDP_PASS;
	}
}

static __always_inline int parse(struct packet *p)
{
	void *end = (void *)(long)p->ctx->data_end;
	int verdict;

	p->eth = (void *)(long)p->ctx->data;
	if ((void *)(p->eth + 1) > end)
		return pass(p, XDPLB_PASS_UNREADABLE);
	/* A frame to everybody is nobody's to forward. */
	if (p->eth->h_proto != bpf_htons(ETH_P_IP) || p->eth->h_dest[0] & 1)
		return XDP_PASS;
	verdict = parse_ip(p, end);
	if (verdict != GO_ON)
		return verdict;
	return parse_l4(p, end);
}

/* The IP packet ends inside the frame, of which only the first part is linear. */
static __always_inline bool is_whole(const struct packet *p)
{
	__u32 before = (void *)p->ip - (void *)(long)p->ctx->data;
	__u32 linear = p->ctx->data_end - p->ctx->data;
	__u32 total = bpf_ntohs(p->ip->tot_len);

	return before + total <= linear || before + total <= bpf_xdp_get_buff_len(p->ctx);
}

/* The lengths in the headers fit each other and the packet. */
static __always_inline bool headers_agree(const struct packet *p)
{
	__u32 total = bpf_ntohs(p->ip->tot_len);
	__u32 ip_length = p->ip->ihl * 4;
	__u32 l4_length;

	if (p->proto == IPPROTO_TCP)
		l4_length = p->tcp->doff * 4;
	else if (p->proto == IPPROTO_UDP)
		l4_length = bpf_ntohs(p->udp->len);
	else
		l4_length = sizeof(struct icmphdr);
	if (l4_length < (p->proto == IPPROTO_TCP ? sizeof(struct tcphdr) : 8))
		return false;
	return total >= ip_length + l4_length && is_whole(p);
}

#endif
