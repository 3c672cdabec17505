/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet with up to two VLAN tags, IPv4 with options, IPv6 with extension
 * headers, fragments, TCP, UDP, ICMP: finds the headers and makes sure that
 * they lie inside the packet. What it cannot read is passed on. Fields that
 * only matter once the packet is ours are judged in headers_agree(), so that
 * other traffic gets by cheaply and untouched.
 */
#ifndef XDPLB_PARSE_H
#define XDPLB_PARSE_H

#include <bpf/bpf_endian.h>

#include "service.h"

#define IP_MORE_FRAGMENTS 0x2000
#define IP_DONT_FRAGMENT 0x4000
#define IP_OFFSET 0x1fff
#define IPV6_OFFSET 0xfff8
#define IPV6_MORE_FRAGMENTS 1

#define L4_FIELDS 18 /* TCP's checksum ends there */
#define EXTENSIONS 8 /* extension headers that are looked at */
#define AH_WORDS 2 /* AH counts 32-bit words, and two less than there are */

/* RFC 8200, section 4. */
struct extension_header {
	__u8 next;
	__u8 length; /* in 8 bytes, the first 8 not counted */
	__be16 about; /* fragment: offset and flag; routing: type and segments left */
	__be32 ident; /* fragment */
};

/* The VLAN tags, if any; *type is what follows them. */
static __always_inline int parse_link(struct packet *p, __be16 *type)
{
	struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));
	__u32 offset = sizeof(*eth);

	if (!eth)
		return pass(p, XDPLB_PASS_UNREADABLE);
	/* A frame to many is nobody's to forward; who it says to come from matters. */
	if (eth->h_dest[0] & 1 && !has_kind(p, XDPLB_KIND_REGISTER))
		return XDP_PASS;
	*type = eth->h_proto;
	for (int i = 0; i < 2; i++) {
		const struct vlan_tag *tag;

		if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD))
			break;
		tag = packet_at(p->ctx, offset, sizeof(*tag));
		if (!tag)
			return pass(p, XDPLB_PASS_UNREADABLE);
		*type = tag->type;
		offset += sizeof(*tag);
	}
	p->h->l3 = offset;
	return GO_ON;
}

/* The frame is to a group of stations, or to all. */
static __always_inline bool is_to_many(const struct packet *p)
{
	const struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));

	return eth && eth->h_dest[0] & 1;
}

/* False: it is no IPv4 header. */
static __always_inline bool ip4_read(struct headers *h, const struct iphdr *ip, __u32 l3)
{
	if (ip->version != 4 || ip->ihl < 5)
		return false;
	h->v6 = false;
	h->saddr = (struct address){ { ip->saddr } };
	h->daddr = (struct address){ { ip->daddr } };
	h->proto = ip->protocol;
	h->ttl = ip->ttl;
	h->total = bpf_ntohs(ip->tot_len);
	h->l4 = l3 + ip->ihl * 4;
	h->fragment = FRAGMENT_NO;
	if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET)) {
		h->ident = ip->id;
		h->fragment = ip->frag_off & bpf_htons(IP_OFFSET) ? FRAGMENT_LATER : FRAGMENT_FIRST;
	}
	return true;
}

static __always_inline int parse_ip4(struct packet *p, struct headers *h, __u32 l3)
{
	const struct iphdr *ip = packet_at(p->ctx, l3, sizeof(*ip));

	return ip && ip4_read(h, ip, l3) ? GO_ON : pass(p, XDPLB_PASS_UNREADABLE);
}

/* A routing header that has not reached its last segment names another destination. */
static __always_inline bool is_routed(const struct extension_header *header)
{
	return bpf_ntohs(header->about) & 0xff;
}

/* Takes one extension header of type `next`: how long it is, 0 when it is none, -1: not ours. */
static __always_inline int parse_extension(struct headers *h, __u8 next,
					   const struct extension_header *header)
{
	switch (next) {
	case IPPROTO_ROUTING:
		if (is_routed(header))
			return -1;
		return 8 + header->length * 8;
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
		return 8 + header->length * 8;
	case IPPROTO_AH:
		return (AH_WORDS + header->length) * 4;
	case IPPROTO_FRAGMENT:
		h->ident = header->ident;
		if (header->about & bpf_htons(IPV6_OFFSET))
			h->fragment = FRAGMENT_LATER;
		else if (header->about & bpf_htons(IPV6_MORE_FRAGMENTS))
			h->fragment = FRAGMENT_FIRST;
		return 8;
	default:
		return 0;
	}
}

/* Skips the extension headers. Says XDP_PASS of what it cannot read. */
static __always_inline int parse_extensions(struct packet *p, struct headers *h, __u32 offset,
					    __u8 next)
{
	int length = 0;

	for (int i = 0; i <= EXTENSIONS; i++) {
		const struct extension_header *header = packet_at(p->ctx, offset, 8);

		/* Behind a later fragment's header lie no headers, whatever it says. */
		length = !header || h->fragment == FRAGMENT_LATER ?
				 0 :
				 parse_extension(h, next, header);
		if (length <= 0)
			break;
		next = header->next;
		offset += length;
		if (offset > OFFSETS - L4_FIELDS)
			return XDP_PASS;
	}
	h->proto = next;
	h->l4 = offset;
	return length ? XDP_PASS : GO_ON;
}

/* The fixed header; what follows it may be an extension header. */
static __always_inline void ip6_read(struct headers *h, const struct ipv6_header *ip, __u32 l3)
{
	h->v6 = true;
	__builtin_memcpy(&h->saddr, ip->saddr, sizeof(h->saddr));
	__builtin_memcpy(&h->daddr, ip->daddr, sizeof(h->daddr));
	h->proto = ip->next;
	h->ttl = ip->hop_limit;
	h->total = bpf_ntohs(ip->length) + sizeof(*ip);
	h->l4 = l3 + sizeof(*ip);
	h->fragment = FRAGMENT_NO;
}

static __always_inline int parse_ip6(struct packet *p, struct headers *h, __u32 l3)
{
	const struct ipv6_header *ip = packet_at(p->ctx, l3, sizeof(*ip));

	if (!ip || (ip->version_class_label & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return pass(p, XDPLB_PASS_UNREADABLE);
	ip6_read(h, ip, l3);
	if (parse_extensions(p, h, l3 + sizeof(*ip), ip->next) != GO_ON)
		return pass(p, XDPLB_PASS_UNREADABLE);
	return GO_ON;
}

/* The IPv6 packet, or the one that is quoted (`which`), whose header begins at l3. */
__noinline int parse_ipv6(struct xdp_md *ctx, __u32 which)
{
	struct headers *h;
	struct packet p;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	h = &p.work->headers[which & 1];
	return parse_ip6(&p, h, READ_ONCE(h->l3));
}

static __always_inline bool is_transport(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* Ports, or ICMP's type; XDP_PASS for every other protocol. */
static __always_inline int parse_l4(struct packet *p, struct headers *h)
{
	const struct tcphdr *tcp;
	const __be16 *ports;

	h->tcp_flags = 0;
	switch (h->proto) {
	case IPPROTO_TCP:
		tcp = packet_at(p->ctx, h->l4, sizeof(*tcp));
		if (!tcp)
			return pass(p, XDPLB_PASS_UNREADABLE);
		h->tcp_flags = ((const __u8 *)tcp)[13];
		break;
	case IPPROTO_UDP:
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (h->v6 == (h->proto == IPPROTO_ICMPV6))
			break;
		return XDP_PASS;
	default:
		return XDP_PASS;
	}
	ports = packet_at(p->ctx, h->l4, sizeof(struct udphdr));
	if (!ports)
		return pass(p, XDPLB_PASS_UNREADABLE);
	h->sport = ports[0];
	h->dport = ports[1];
	return GO_ON;
}

/*
 * What says to come from where registrations go to, and hides in headers that are
 * not read whether it is a datagram: no listener is to answer it, see lookup.h.
 */
static __always_inline bool is_hidden_mirror(const struct packet *p)
{
	return READ_ONCE(p->h->v6) && claims_registrar(p);
}

static __always_inline int parse_packet6(struct packet *p)
{
	int verdict;

	p->h->v6 = false;
	verdict = parse_ipv6(p->ctx, PACKET);
	if (verdict == XDP_PASS && is_hidden_mirror(p))
		return drop(p, XDPLB_DROP_REG_DENIED);
	return verdict;
}

/* Reads the packet into p->h. */
static __always_inline int parse(struct packet *p)
{
	__be16 type = 0;
	int verdict = parse_link(p, &type);

	if (verdict != GO_ON)
		return verdict;
	/* Read back, so that the verifier does not follow each number of tags apart. */
	if (type == bpf_htons(ETH_P_IP))
		verdict = parse_ip4(p, p->h, READ_ONCE(p->h->l3));
	else if (type == bpf_htons(ETH_P_IPV6))
		verdict = parse_packet6(p);
	else
		return XDP_PASS;
	if (verdict != GO_ON)
		return verdict;
	if (READ_ONCE(p->h->fragment) != FRAGMENT_LATER)
		return parse_l4(p, p->h);
	p->h->sport = p->h->dport = 0;
	return GO_ON;
}

/* The IP packet ends inside the frame, of which only the first part is linear. */
static __always_inline bool is_whole(const struct packet *p)
{
	__u32 linear = p->ctx->data_end - p->ctx->data;
	__u32 end = frame_bytes(p);

	return end <= linear || end <= bpf_xdp_get_buff_len(p->ctx);
}

/* Nobody can answer to this source (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5 to 2.7). */
static __always_inline bool is_nobody(const struct headers *h)
{
	const __be32 *word = h->saddr.word;
	__u8 first = bpf_ntohl(word[0]) >> 24;

	if (same_address(&h->saddr, &h->daddr))
		return true;
	if (!h->v6)
		return first == 0 || first == 127 || first >= 224;
	if (!xdplb_is_ipv6(word)) /* a subnet's anycast address: no source either */
		return true;
	return first == 0xff || (!(word[0] | word[1] | word[2]) && bpf_ntohl(word[3]) == 1);
}

/* The lengths in the headers fit each other and the packet. */
static __always_inline bool headers_agree(const struct packet *p)
{
	__u32 before = p->h->l4 - p->h->l3, length = 8;
	const struct tcphdr *tcp;
	const struct udphdr *udp;

	if (p->h->proto == IPPROTO_TCP) {
		tcp = packet_at(p->ctx, p->h->l4, sizeof(*tcp));
		if (!tcp || tcp->doff < 5)
			return false;
		length = tcp->doff * 4;
	} else if (p->h->proto == IPPROTO_UDP) {
		udp = packet_at(p->ctx, p->h->l4, sizeof(*udp));
		length = udp ? bpf_ntohs(udp->len) : 0;
		if (length < sizeof(*udp))
			return false;
		if (p->h->fragment)
			length = sizeof(*udp); /* of the whole datagram, the rest is to come */
	}
	return p->h->total >= before + length && is_whole(p);
}

#endif
