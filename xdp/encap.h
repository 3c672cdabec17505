/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ipip and gue: the packet is wrapped in another, from this machine to the
 * backend, which unwraps it and holds the service's address. IP in IP: RFC 2003,
 * 2473, 4213; GUE: draft-ietf-intarea-gue, variant 1, in which the inner IP
 * packet follows UDP at once; ECN: RFC 6040, normal mode.
 *
 * Only xdplb_encap comes here, because the kernel counts the call that makes
 * room even where it can never run.
 */
#ifndef XDPLB_ENCAP_H
#define XDPLB_ENCAP_H

#include "inner_sum.h"
#include "send.h"
#include "to_backend.h"

#define WRAP_TTL 64
#define WRAP_IDENTS 0x1003 /* CPUs' identifications of fragments-to-be start so far apart */
#define WRAP_SOURCE4 0xac100000 /* 172.16.0.0/16 */
#define WRAP_SOURCE6 0x01000000 /* 100::/64, RFC 6666 */
#define GUE_SPORTS 0xc000 /* 49152 to 65535, RFC 6335 */

/* What the outer headers say, besides the addresses of work->outer. */
struct wrapping {
	struct inner_sum inner;
	__u32 hash; /* of the flow */
	struct vlan_tag tags[2]; /* of the frame */
	__u32 tag_count;
	__be16 tag_type; /* of the first */
	__u16 length; /* of the inner packet */
	__be16 gue_port; /* 0: ipip */
	__u16 ident;
	__u8 class;
	__u8 next; /* protocol of the inner packet */
	bool dont_fragment;
	bool v6;
};

/* The same for all packets of a flow, fragments with each other. */
static __always_inline __u32 wrap_hash(const struct packet *p)
{
	const __be32 *from = p->h->saddr.word;
	__u64 high = (__u64)from[0] << 32 | from[1], low = (__u64)from[2] << 32 | from[3];
	__u32 port = p->h->fragment ? 0 : p->h->sport;

	return xdplb_hash(p->config->seed, xdplb_hash(p->config->seed, high ^ port) ^ low) >> 32;
}

static __always_inline bool is_gue(const struct packet *p)
{
	return method_of(p->work->value) == XDPLB_GUE;
}

/* gue spreads by its source port. */
static __always_inline bool is_spread(const struct packet *p, const struct xdplb_backend *backend)
{
	return backend->flags & XDPLB_BACKEND_SPREAD && !is_gue(p);
}

/*
 * Routers that find a packet too big tell its source, and those of IPv6 cut
 * nothing up. So one large packet a second has this machine's own address.
 */
static __always_inline bool is_probe(const struct packet *p, const struct xdplb_backend *backend,
				     struct xdplb_backend_cpu *hop)
{
	if (p->h->total <= IPV6_MTU_MIN || hop->probed == p->cpu->now ||
	    !xdplb_is_ipv6(backend->addr))
		return false;
	hop->probed = p->cpu->now;
	return true;
}

/* From one of many, so that a backend's receive queues share the load, or from a fixed one. */
static __always_inline void wrap_addresses(struct packet *p, const struct xdplb_backend *backend,
					   struct xdplb_backend_cpu *hop)
{
	struct endpoints *outer = &p->work->outer;

	__builtin_memcpy(&outer->daddr, backend->addr, sizeof(outer->daddr));
	__builtin_memcpy(&outer->saddr, backend->source, sizeof(outer->saddr));
	if (!is_spread(p, backend) || is_probe(p, backend, hop))
		return;
	outer->saddr = (struct address){};
	if (!xdplb_is_ipv6(backend->addr)) {
		outer->saddr.word[0] = bpf_htonl(WRAP_SOURCE4 | (wrap_hash(p) & 0xffff));
		return;
	}
	outer->saddr.word[0] = bpf_htonl(WRAP_SOURCE6);
	outer->saddr.word[3] = wrap_hash(p);
}

/*
 * Makes sure that the packet can be sent to the backend of its flow work->value,
 * by that flow's method, and decides on the outer addresses.
 */
__noinline int wrap_prepare(struct xdp_md *ctx)
{
	struct xdplb_backend_cpu *hop;
	struct xdplb_backend *backend;
	struct packet p;
	int verdict;
	__u32 id;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	id = XDPLB_FIELD(p.work->value, BACKEND);
	backend = backend_of(id);
	hop = backend_cpu_of(id);
	if (!backend || !hop)
		return drop(&p, XDPLB_DROP_NO_BACKEND);
	wrap_addresses(&p, backend, hop);
	verdict = hop_to_backend(&p, id, hop, backend, &p.work->outer.saddr);
	if (verdict != GO_ON)
		return verdict;
	return way_fits(&p, &hop->way, wrap_bytes(xdplb_is_ipv6(backend->addr), is_gue(&p)));
}

/* ---- the headers ----------------------------------------------------------------- */

/* What the inner header says for the outer; it has one hop less to live. */
static __always_inline bool wrap_inner(struct packet *p, struct wrapping *outer)
{
	struct ipv6_header *ip6;
	struct iphdr *ip;

	outer->length = p->h->total;
	if (p->h->v6) {
		ip6 = packet_at(p->ctx, p->h->l3, sizeof(*ip6));
		if (!ip6)
			return false;
		outer->next = IPPROTO_IPV6;
		outer->class = bpf_ntohl(ip6->version_class_label) >> 20;
		/* RFC 4213, section 3.2.2: less than that no IPv6 sender sends. */
		outer->dont_fragment = p->h->total > IPV6_MTU_MIN;
		ip6->hop_limit--;
		return true;
	}
	ip = packet_at(p->ctx, p->h->l3, sizeof(*ip));
	if (!ip)
		return false;
	outer->next = IPPROTO_IPIP;
	outer->class = ip->tos;
	outer->dont_fragment = ip->frag_off & bpf_htons(IP_DONT_FRAGMENT);
	ttl_less(ip, 0);
	return true;
}

/* The tags of the frame, or the one that the way out needs. */
static __always_inline bool wrap_tags(struct packet *p, struct wrapping *outer, __be16 vlan)
{
	const struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));
	struct vlan_tag *tags = outer->tags, *tag;
	__u32 count = (p->h->l3 - ETH_HLEN) / sizeof(*tag);

	if (!eth)
		return false;
	outer->tag_count = count;
	outer->tag_type = count ? eth->h_proto : bpf_htons(ETH_P_8021Q);
	for (__u32 i = 0; i < 2 && i < count; i++) {
		tag = packet_at(p->ctx, ETH_HLEN + i * sizeof(*tag), sizeof(*tag));
		if (!tag)
			return false;
		tags[i] = *tag;
	}
	if (!vlan) {
		if (has_own_tag(p))
			outer->tag_count = 0;
		return true;
	}
	outer->tag_count = 1;
	tags[0].tci = (count ? tags[0].tci & ~bpf_htons(VLAN_ID) : 0) | vlan;
	return true;
}

static __always_inline void put_gue(struct packet *p, struct udphdr *udp,
				    const struct wrapping *outer)
{
	__u16 length = outer->length + sizeof(*udp), check;
	__u64 sum;

	udp->source = bpf_htons(GUE_SPORTS | (outer->hash & ~GUE_SPORTS));
	udp->dest = outer->gue_port;
	udp->len = bpf_htons(length);
	udp->check = 0;
	if (!outer->inner.known)
		return;
	sum = outer->inner.sum + csum_address(&p->work->outer.saddr) +
	      csum_address(&p->work->outer.daddr) + bpf_htons(IPPROTO_UDP) + bpf_htons(length) +
	      udp->source + udp->dest + udp->len;
	check = csum_fold(sum);
	udp->check = check ? check : 0xffff;
}

static __always_inline bool put_ip4(struct packet *p, __u32 l3, const struct wrapping *outer)
{
	__u32 size = wrap_bytes(false, outer->gue_port);
	struct iphdr *ip = packet_at(p->ctx, l3, sizeof(*ip));
	struct udphdr *udp;

	if (!ip)
		return false;
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = outer->class,
		.tot_len = bpf_htons(size + outer->length),
		.id = outer->ident,
		.frag_off = outer->dont_fragment ? bpf_htons(IP_DONT_FRAGMENT) : 0,
		.ttl = WRAP_TTL,
		.protocol = outer->gue_port ? IPPROTO_UDP : outer->next,
		.saddr = p->work->outer.saddr.word[0],
		.daddr = p->work->outer.daddr.word[0],
	};
	ip->check = csum_words(ip, sizeof(*ip) / 4);
	if (!outer->gue_port)
		return true;
	udp = packet_at(p->ctx, l3 + sizeof(*ip), sizeof(*udp));
	if (udp)
		put_gue(p, udp, outer);
	return udp;
}

static __always_inline bool put_ip6(struct packet *p, __u32 l3, const struct wrapping *outer)
{
	__u32 size = wrap_bytes(true, outer->gue_port) - sizeof(struct ipv6_header);
	struct ipv6_header *ip = packet_at(p->ctx, l3, sizeof(*ip));
	struct udphdr *udp;

	if (!ip)
		return false;
	ip->version_class_label =
		bpf_htonl(0x60000000 | outer->class << 20 | (outer->hash & 0xfffff));
	ip->length = bpf_htons(size + outer->length);
	ip->next = outer->gue_port ? IPPROTO_UDP : outer->next;
	ip->hop_limit = WRAP_TTL;
	__builtin_memcpy(ip->saddr, &p->work->outer.saddr, sizeof(ip->saddr));
	__builtin_memcpy(ip->daddr, &p->work->outer.daddr, sizeof(ip->daddr));
	if (!outer->gue_port)
		return true;
	udp = packet_at(p->ctx, l3 + sizeof(*ip), sizeof(*udp));
	if (udp)
		put_gue(p, udp, outer);
	return udp;
}

static __always_inline bool put_link(struct packet *p, const struct wrapping *outer)
{
	const struct vlan_tag *tags = outer->tags;
	__be16 type = outer->v6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));

	if (!eth)
		return false;
	eth->h_proto = outer->tag_count ? outer->tag_type : type;
	for (__u32 i = 0; i < 2 && i < outer->tag_count; i++) {
		struct vlan_tag *tag = packet_at(p->ctx, ETH_HLEN + i * sizeof(*tag), sizeof(*tag));

		if (!tag)
			return false;
		tag->tci = tags[i].tci;
		tag->type = i + 1 < outer->tag_count ? tags[i].type : type;
	}
	return true;
}

/* Makes room before the inner packet and fills it; the MACs are send()'s. */
static __always_inline bool wrap_put(struct packet *p, const struct wrapping *outer)
{
	__u32 l3 = ETH_HLEN + outer->tag_count * sizeof(struct vlan_tag);
	__u32 size = wrap_bytes(outer->v6, outer->gue_port);

	if (bpf_xdp_adjust_head(p->ctx, (int)p->h->l3 - (int)(l3 + size)))
		return false;
	return put_link(p, outer) && (outer->v6 ? put_ip6(p, l3, outer) : put_ip4(p, l3, outer));
}

/* ---- all together ----------------------------------------------------------------- */

/* The packet fits this way. */
static __always_inline int wrap_send(struct packet *p, struct wrapping *outer,
				     const struct xdplb_backend *backend,
				     const struct xdplb_way *way)
{
	if (!wrap_tags(p, outer, way->vlan) || !wrap_inner(p, outer))
		return drop(p, XDPLB_DROP_BAD_HEADER);
	if (outer->gue_port)
		outer->inner = sum_inner(p, outer->v6);
	if (is_spread(p, backend))
		outer->dont_fragment = false; /* no error would come back */
	if (!outer->dont_fragment)
		outer->ident = p->cpu->ident++ + bpf_get_smp_processor_id() * WRAP_IDENTS;
	if (!wrap_put(p, outer))
		return drop(p, XDPLB_DROP_TOO_BIG);
	return send_tagged(p, way);
}

/* Wraps the packet, for which wrap_prepare() said GO_ON, and sends it. */
__noinline int wrap_finish(struct xdp_md *ctx)
{
	struct wrapping outer = {};
	struct xdplb_backend_cpu *hop;
	struct xdplb_backend *backend;
	struct packet p;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	backend = backend_of(XDPLB_FIELD(p.work->value, BACKEND));
	hop = backend_cpu_of(XDPLB_FIELD(p.work->value, BACKEND));
	if (!backend || !hop)
		return drop(&p, XDPLB_DROP_NO_BACKEND);
	outer.v6 = xdplb_is_ipv6(backend->addr);
	outer.gue_port = is_gue(&p) ? p.config->gue_port : 0;
	outer.hash = wrap_hash(&p);
	hop->packets++;
	hop->bytes += frame_bytes(&p);
	return wrap_send(&p, &outer, backend, &hop->way);
}

/* Two steps, because their stacks together are more than older kernels allow. */
static __always_inline int wrap(struct xdp_md *ctx)
{
	int verdict = wrap_prepare(ctx);

	return verdict == GO_ON ? wrap_finish(ctx) : verdict;
}

#endif
