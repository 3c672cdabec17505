// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has a check of xdplbd take the way that clients' packets take. Its socket is
 * connected to the backend's own address, and its packets have a mark. On their
 * way out they get the service's address in its place, and are wrapped where the
 * method wraps; so the kernel's own route leads there, and the service's address
 * may be this machine's. What the backend answers comes from the service's
 * address, and on its way in gets the backend's again.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include "csum.h"
#include "probe.h"

#define HEADERS_MOST (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr))
#define WRAP_TTL 64
#define GUE_SPORTS 0xc000

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, XDPLB_PROBES);
	__type(key, __u32);
	__type(value, struct xdplb_probe);
} xdplb_probes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XDPLB_PROBE_ANSWERS);
	__type(key, struct xdplb_answer_key);
	__type(value, struct xdplb_answer);
} xdplb_answers SEC(".maps");

/* A packet of TCP or UDP, as far as it matters. */
struct segment {
	struct address saddr, daddr;
	__be16 sport, dport;
	__u16 length; /* of the IP packet */
	__u8 proto;
	bool v6;
	bool summed; /* UDP: it has a checksum */
};

/* ---- reading -----------------------------------------------------------------------------------
 */

static __always_inline bool read4(const struct iphdr *ip, void *end, struct segment *s)
{
	if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
		return false;
	s->saddr.word[0] = ip->saddr;
	s->daddr.word[0] = ip->daddr;
	s->proto = ip->protocol;
	s->length = bpf_ntohs(ip->tot_len);
	return true;
}

static __always_inline bool read6(const struct ipv6hdr *ip, void *end, struct segment *s)
{
	if ((void *)(ip + 1) > end)
		return false;
	__builtin_memcpy(&s->saddr, &ip->saddr, sizeof(s->saddr));
	__builtin_memcpy(&s->daddr, &ip->daddr, sizeof(s->daddr));
	s->proto = ip->nexthdr;
	s->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	s->v6 = true;
	return true;
}

static __always_inline __u32 l4_of(const struct segment *s)
{
	return ETH_HLEN + (s->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

/* Reads a plain one; all others are none of ours. */
static __always_inline bool segment_read(struct __sk_buff *skb, struct segment *s)
{
	void *data, *end;
	struct udphdr *ports;

	bpf_skb_pull_data(skb, skb->len < HEADERS_MOST ? skb->len : HEADERS_MOST);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (skb->protocol == bpf_htons(ETH_P_IP)   ? !read4(data + ETH_HLEN, end, s) :
	    skb->protocol == bpf_htons(ETH_P_IPV6) ? !read6(data + ETH_HLEN, end, s) :
						     true)
		return false;
	if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP)
		return false;
	ports = data +
		(s->v6 ? ETH_HLEN + sizeof(struct ipv6hdr) : ETH_HLEN + sizeof(struct iphdr));
	if ((void *)(ports + 1) > end)
		return false;
	s->sport = ports->source;
	s->dport = ports->dest;
	s->summed = s->proto == IPPROTO_TCP || ports->check;
	return true;
}

/* ---- another address ---------------------------------------------------------------------------
 */

/* Writes `to` where `from` is, at this offset of the IP header, and keeps the checksums right. */
static __always_inline void address_write(struct __sk_buff *skb, const struct segment *s,
					  __u32 offset4, __u32 offset6, struct address *from,
					  struct address *to)
{
	__u32 size = s->v6 ? 16 : 4;
	__s64 change = bpf_csum_diff((__be32 *)from, size, (__be32 *)to, size, 0);
	__u64 flags = BPF_F_PSEUDO_HDR | (s->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0);
	__u32 check = s->proto == IPPROTO_TCP ? offsetof(struct tcphdr, check) :
						offsetof(struct udphdr, check);

	bpf_l4_csum_replace(skb, l4_of(s) + check, 0, change, flags);
	if (!s->v6)
		bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), 0, change, 0);
	if (s->v6)
		bpf_skb_store_bytes(skb, ETH_HLEN + offset6, to, 16, 0);
	else
		bpf_skb_store_bytes(skb, ETH_HLEN + offset4, to, 4, 0);
}

/* ---- wrapping ----------------------------------------------------------------------------------
 */

/* A wrapping, as it goes before the inner packet. */
struct outer4 {
	struct iphdr ip;
	struct udphdr udp;
};

struct outer6 {
	struct ipv6hdr ip;
	struct udphdr udp;
};

_Static_assert(sizeof(struct outer4) == 28 && sizeof(struct outer6) == 48, "no gaps");

/*
 * The checksum of UDP around a segment that is whole with its pseudo header, once its own checksum
 * is filled in: what it adds is what the pseudo header takes away.
 */
static __always_inline __u16 gue_check(const struct segment *s, const struct xdplb_probe *probe,
				       const struct udphdr *udp, __u64 inner_header)
{
	__u16 segment = s->length - (s->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u64 pseudo = csum_address(&s->saddr) + csum_address((const void *)probe->service) +
		       bpf_htons(s->proto) + bpf_htons(segment);
	__u64 sum = inner_header + csum_fold(pseudo) + csum_address((const void *)probe->source) +
		    csum_address((const void *)probe->backend) + bpf_htons(IPPROTO_UDP) + udp->len +
		    udp->source + udp->dest + udp->len;
	__u16 check;

	if (!s->summed)
		return 0;
	check = csum_fold(sum);
	return check ? check : 0xffff;
}

static __always_inline void gue_fill(const struct segment *s, const struct xdplb_probe *probe,
				     struct udphdr *udp, __u64 inner_header)
{
	udp->source = bpf_htons(GUE_SPORTS | (bpf_ntohs(s->sport) & ~GUE_SPORTS));
	udp->dest = probe->gue_port;
	udp->len = bpf_htons(s->length + sizeof(*udp));
	udp->check = gue_check(s, probe, udp, inner_header);
}

static __always_inline int wrap4(struct __sk_buff *skb, const struct segment *s,
				 const struct xdplb_probe *probe)
{
	bool gue = probe->method == XDPLB_GUE;
	__u32 size = sizeof(struct iphdr) + (gue ? sizeof(struct udphdr) : 0);
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | (gue ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : 0);
	struct outer4 outer = { .ip = { .version = 4,
					.ihl = 5,
					.tot_len = bpf_htons(s->length + size),
					.frag_off = bpf_htons(0x4000),
					.ttl = WRAP_TTL,
					.protocol = gue ? IPPROTO_UDP : IPPROTO_IPIP,
					.saddr = probe->source[0],
					.daddr = probe->backend[0] } };

	outer.ip.check = csum_words(&outer.ip, sizeof(outer.ip) / 4);
	if (bpf_skb_adjust_room(skb, size, BPF_ADJ_ROOM_MAC, flags))
		return TC_ACT_SHOT;
	if (!gue)
		return bpf_skb_store_bytes(skb, ETH_HLEN, &outer.ip, sizeof(outer.ip), 0) ?
			       TC_ACT_SHOT :
			       TC_ACT_UNSPEC;
	gue_fill(s, probe, &outer.udp, 0); /* the inner header sums to nothing */
	return bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0) ? TC_ACT_SHOT :
									      TC_ACT_UNSPEC;
}

/* The sum of the inner header, which has no checksum of its own. */
static __always_inline __u64 header6_sum(struct __sk_buff *skb)
{
	__u32 words[sizeof(struct ipv6hdr) / 4] = {};
	__u64 sum = 0;

	bpf_skb_load_bytes(skb, ETH_HLEN, words, sizeof(words));
	for (__u32 i = 0; i < sizeof(words) / 4; i++)
		sum += words[i];
	return sum;
}

static __always_inline int wrap6(struct __sk_buff *skb, const struct segment *s,
				 const struct xdplb_probe *probe)
{
	bool gue = probe->method == XDPLB_GUE;
	__u32 size = sizeof(struct ipv6hdr) + (gue ? sizeof(struct udphdr) : 0);
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | (gue ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : 0);
	__u64 header = header6_sum(skb);
	struct outer6 outer = { .ip = { .version = 6,
					.nexthdr = gue ? IPPROTO_UDP : IPPROTO_IPV6,
					.hop_limit = WRAP_TTL } };

	outer.ip.payload_len = bpf_htons(s->length + size - sizeof(struct ipv6hdr));
	__builtin_memcpy(&outer.ip.saddr, probe->source, sizeof(outer.ip.saddr));
	__builtin_memcpy(&outer.ip.daddr, probe->backend, sizeof(outer.ip.daddr));
	if (bpf_skb_adjust_room(skb, size, BPF_ADJ_ROOM_MAC, flags))
		return TC_ACT_SHOT;
	if (!gue)
		return bpf_skb_store_bytes(skb, ETH_HLEN, &outer.ip, sizeof(outer.ip), 0) ?
			       TC_ACT_SHOT :
			       TC_ACT_UNSPEC;
	gue_fill(s, probe, &outer.udp, header);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer), 0) ? TC_ACT_SHOT :
									      TC_ACT_UNSPEC;
}

/* ---- out and in --------------------------------------------------------------------------------
 */

static __always_inline void answer_expect(const struct segment *s, const struct xdplb_probe *probe)
{
	struct xdplb_answer_key key = { .service_port = s->dport,
					.port = s->sport,
					.proto = s->proto };
	struct xdplb_answer answer;

	__builtin_memcpy(key.service, probe->service, sizeof(key.service));
	__builtin_memcpy(key.here, &s->saddr, sizeof(key.here));
	__builtin_memcpy(answer.backend, probe->backend, sizeof(answer.backend));
	bpf_map_update_elem(&xdplb_answers, &key, &answer, 0);
}

/* At egress: what has a probe's mark goes to the service's address, by its method. */
SEC("tc")
int xdplb_probe_out(struct __sk_buff *skb)
{
	__u32 index = skb->mark & XDPLB_PROBE_INDEX;
	struct xdplb_probe *probe;
	struct segment s = {};

	if ((skb->mark & ~XDPLB_PROBE_INDEX) != XDPLB_PROBE_MARK)
		return TC_ACT_UNSPEC;
	probe = bpf_map_lookup_elem(&xdplb_probes, &index);
	if (!probe || !probe->method || !segment_read(skb, &s) ||
	    !same_address(&s.daddr, address_of(probe->backend)))
		return TC_ACT_UNSPEC;
	answer_expect(&s, probe);
	address_write(skb, &s, offsetof(struct iphdr, daddr), offsetof(struct ipv6hdr, daddr),
		      &s.daddr, (struct address *)probe->service);
	if (probe->method == XDPLB_DSR)
		return TC_ACT_UNSPEC;
	return s.v6 ? wrap6(skb, &s, probe) : wrap4(skb, &s, probe);
}

/* At ingress: what answers that comes from the backend. */
SEC("tc")
int xdplb_probe_in(struct __sk_buff *skb)
{
	struct xdplb_answer *answer;
	struct xdplb_answer_key key;
	struct segment s = {};

	if (!segment_read(skb, &s))
		return TC_ACT_UNSPEC;
	key = (struct xdplb_answer_key){ .service_port = s.sport,
					 .port = s.dport,
					 .proto = s.proto };
	__builtin_memcpy(key.service, &s.saddr, sizeof(key.service));
	__builtin_memcpy(key.here, &s.daddr, sizeof(key.here));
	answer = bpf_map_lookup_elem(&xdplb_answers, &key);
	if (answer)
		address_write(skb, &s, offsetof(struct iphdr, saddr),
			      offsetof(struct ipv6hdr, saddr), &s.saddr,
			      (struct address *)answer->backend);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
