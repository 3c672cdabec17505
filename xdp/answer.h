/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program answers itself: that a packet does not fit the way it has to
 * take (RFC 1191, RFC 8201), and echo requests to a service's address. Both go
 * back to the station that the packet came from.
 */
#ifndef XDPLB_ANSWER_H
#define XDPLB_ANSWER_H

#include <bpf/bpf_endian.h>

#include "csum.h"
#include "interface.h"

#define ANSWER_TTL 64
#define QUOTED_BYTES 128 /* of the packet that does not fit */
#define IPV6_MTU_MIN 1280

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_TOO_BIG 2
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

struct quoting {
	struct icmp_header icmp;
	__u32 quote[QUOTED_BYTES / 4];
};

struct too_big4 {
	struct iphdr ip;
	struct quoting message;
};

struct too_big6 {
	struct ipv6_header ip;
	struct quoting message;
};

/* Moves the beginning of the packet up to where it is quoted, its end first. */
static __always_inline void quote_move(__u32 *quote, const __u32 *packet)
{
#pragma clang loop unroll(full)
	for (int i = QUOTED_BYTES / 4 - 1; i >= 0; i--)
		WRITE_ONCE(quote[i], READ_ONCE(packet[i]));
}

/* The message's header and checksum, in which `pseudo` is summed already. */
static __always_inline void quoting_finish(struct quoting *message, __u8 type, __u8 code, __u32 mtu,
					   __u64 pseudo)
{
	const __u32 *words = (const __u32 *)message;

	message->icmp = (struct icmp_header){ .type = type, .code = code };
	message->icmp.rest[1] = bpf_htons(mtu);
	for (__u32 i = 0; i < sizeof(*message) / 4; i++)
		pseudo += READ_ONCE(words[i]); /* not kept since the move: the stack is short */
	message->icmp.checksum = csum_fold(pseudo);
}

static __always_inline bool too_big4(struct packet *p, __u32 mtu)
{
	struct too_big4 *answer = packet_at(p->ctx, p->h->l3, sizeof(*answer));

	if (!answer)
		return false;
	quote_move(answer->message.quote, (const __u32 *)answer);
	quoting_finish(&answer->message, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu, 0);
	answer->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(*answer)),
		.ttl = ANSWER_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = p->h->daddr.word[0],
		.daddr = p->h->saddr.word[0],
	};
	answer->ip.check = csum_words(&answer->ip, sizeof(answer->ip) / 4);
	return true;
}

static __always_inline bool too_big6(struct packet *p, __u32 mtu)
{
	struct too_big6 *answer = packet_at(p->ctx, p->h->l3, sizeof(*answer));
	__u64 pseudo;

	if (!answer)
		return false;
	quote_move(answer->message.quote, (const __u32 *)answer);
	pseudo = csum_address(&p->h->saddr) + csum_address(&p->h->daddr) +
		 bpf_htons(sizeof(answer->message)) + bpf_htons(IPPROTO_ICMPV6);
	quoting_finish(&answer->message, ICMPV6_TOO_BIG, 0, mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu,
		       pseudo);
	answer->ip.version_class_label = bpf_htonl(0x60000000);
	answer->ip.length = bpf_htons(sizeof(answer->message));
	answer->ip.next = IPPROTO_ICMPV6;
	answer->ip.hop_limit = ANSWER_TTL;
	__builtin_memcpy(answer->ip.saddr, &p->h->daddr, sizeof(p->h->daddr));
	__builtin_memcpy(answer->ip.daddr, &p->h->saddr, sizeof(p->h->saddr));
	return true;
}

/*
 * Tells the sender of a packet that at most `mtu` bytes fit. The frame keeps its
 * length: what lies behind the message is padding. A packet that is longer than
 * what the interface it came in by takes was put together by GRO, and its
 * segments may fit: GO_ON.
 */
__noinline int too_big(struct xdp_md *ctx, __u32 mtu)
{
	const struct xdplb_interface *interface;
	struct packet p;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	interface = interface_of(p.config, ctx->ingress_ifindex);
	if (interface->mtu && p.h->total > interface->mtu)
		return GO_ON;
	if (p.h->fragment == FRAGMENT_LATER || !p.cpu->answers_left || !p.config->icmp_rate ||
	    (p.h->proto != IPPROTO_TCP && p.h->proto != IPPROTO_UDP))
		return drop(&p, XDPLB_DROP_TOO_BIG);
	if (!(p.h->v6 ? too_big6(&p, mtu) : too_big4(&p, mtu)))
		return drop(&p, XDPLB_DROP_TOO_BIG);
	p.cpu->answers_left--;
	p.cpu->reason[XDPLB_ANSWER_TOO_BIG]++;
	return send_back(&p);
}

/* Swaps the addresses, which no checksum notices; time to live anew. */
static __always_inline bool echo_turn4(struct packet *p)
{
	struct iphdr *ip = packet_at(p->ctx, p->h->l3, sizeof(*ip));
	__u16 *ttl, before;

	if (!ip)
		return false;
	ttl = (__u16 *)&ip->ttl;
	before = *ttl;
	ip->ttl = ANSWER_TTL;
	ip->check = csum_apply(ip->check, csum_change16(before, *ttl));
	ip->saddr = p->h->daddr.word[0];
	ip->daddr = p->h->saddr.word[0];
	return true;
}

static __always_inline bool echo_turn6(struct packet *p)
{
	struct ipv6_header *ip = packet_at(p->ctx, p->h->l3, sizeof(*ip));

	if (!ip)
		return false;
	ip->hop_limit = ANSWER_TTL;
	__builtin_memcpy(ip->saddr, &p->h->daddr, sizeof(p->h->daddr));
	__builtin_memcpy(ip->daddr, &p->h->saddr, sizeof(p->h->saddr));
	return true;
}

/* Answers an echo request, whose ICMP header has been found to be one. */
__noinline int echo(struct xdp_md *ctx)
{
	struct icmp_header *icmp;
	struct packet p;
	__u16 before;

	if (!packet_get(ctx, &p) || !(p.h->v6 ? echo_turn6(&p) : echo_turn4(&p)))
		return XDP_PASS;
	icmp = packet_at(ctx, p.h->l4, sizeof(*icmp));
	if (!icmp)
		return XDP_PASS;
	before = *(__u16 *)icmp;
	icmp->type = p.h->v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
	icmp->checksum = csum_apply(icmp->checksum, csum_change16(before, *(__u16 *)icmp));
	p.cpu->reason[XDPLB_ANSWER_ECHO]++;
	return send_back(&p);
}

#endif
