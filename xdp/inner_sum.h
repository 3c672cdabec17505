/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sum of a packet that is to be wrapped, for GUE's UDP checksum: mostly
 * known from what the packet's own checksum says.
 */
#ifndef XDPLB_INNER_SUM_H
#define XDPLB_INNER_SUM_H

#include "csum.h"
#include "parse.h"

struct inner_sum {
	__u64 sum;
	bool known;
};

struct summing {
	struct xdp_md *ctx;
	__u64 sum;
	__u32 offset;
	__u32 left;
};

static long sum_some(__u32 index, void *context)
{
	struct summing *s = context;
	__u32 words[16] = {}, size = s->left < sizeof(words) ? s->left : sizeof(words);

	(void)index;
	if (!size--)
		return 1;
	asm volatile("" : "+r"(size)); /* keeps the mask, which the verifier needs */
	size = (size & (sizeof(words) - 1)) + 1;
	if (bpf_xdp_load_bytes(s->ctx, s->offset, words, size))
		return 1;
	for (int i = 0; i < 16; i++)
		s->sum += words[i];
	s->offset += size;
	s->left -= size;
	return 0;
}

/* The sum of so many bytes of the frame, wherever they lie. */
static __always_inline __u64 csum_frame(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	struct summing s = { .ctx = ctx, .offset = offset, .left = length };

	bpf_loop(65536 / 64, sum_some, &s, 0);
	return s.sum;
}

/* TCP, UDP or ICMP with what its checksum counts in sums to nothing; so alone to minus that. */
static __always_inline __u64 sum_of_segment(const struct packet *p)
{
	const struct headers *h = p->h;
	__u64 pseudo = csum_address(&h->saddr) + csum_address(&h->daddr) + bpf_htons(h->proto) +
		       bpf_htons(h->total - (h->l4 - h->l3));

	return h->proto == IPPROTO_ICMP ? 0 : csum_fold(pseudo);
}

/* There is a checksum, over this packet and no more. */
static __always_inline bool segment_has_sum(struct packet *p)
{
	const struct udphdr *udp;

	if (p->h->fragment)
		return false;
	if (p->h->proto != IPPROTO_UDP)
		return true;
	udp = packet_at(p->ctx, p->h->l4, sizeof(*udp));
	return udp && udp->check && p->h->l4 - p->h->l3 + bpf_ntohs(udp->len) == p->h->total;
}

/*
 * The sum of the inner packet, without a look at its payload where its own
 * checksum tells (as Linux's local checksum offload). The header of IPv4, with
 * its checksum, sums to nothing. Behind extension headers all is summed. Where
 * no checksum tells, an outer IPv4 does without (RFC 768), and for IPv6 all is
 * summed.
 */
static __always_inline struct inner_sum sum_inner(struct packet *p, bool outer_v6)
{
	struct inner_sum inner = { 0, segment_has_sum(p) };
	const __u32 *ip6;

	if (inner.known && !p->h->v6) {
		inner.sum = sum_of_segment(p);
		return inner;
	}
	ip6 = packet_at(p->ctx, p->h->l3, sizeof(struct ipv6_header));
	if (inner.known && ip6 && p->h->l4 == p->h->l3 + sizeof(struct ipv6_header)) {
		inner.sum = sum_of_segment(p);
		for (__u32 i = 0; i < sizeof(struct ipv6_header) / 4; i++)
			inner.sum += ip6[i];
		return inner;
	}
	inner.known |= outer_v6;
	if (inner.known)
		inner.sum = csum_frame(p->ctx, p->h->l3, p->h->total);
	return inner;
}

#endif
