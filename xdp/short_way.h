/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way of the packets that are most: TCP and UDP without VLAN tags, IP
 * options, extension headers or fragments, not ours or of a flow about which all
 * is known and nothing changes. What the long way writes down, here stays in
 * registers, and nothing is called. It decides as the long way would: whatever
 * is not plain gets GO_ON, with nothing changed, and goes that from its start.
 */
#ifndef XDPLB_SHORT_WAY_H
#define XDPLB_SHORT_WAY_H

#include "parse.h"
#include "send.h"
#include "to_backend.h"
#include "to_service.h"

/* The headers of a plain packet, which lie behind each other. */
struct plain {
	struct ethhdr *eth;
	struct iphdr *ip; /* or the other */
	struct ipv6_header *ip6;
	struct tcphdr *tcp; /* or UDP's, and as many bytes behind as TCP's has */
	struct udphdr *udp;
	bool v6; /* known to the compiler, who makes the way twice */
};

/* Finds the headers behind IP's, which is `size` long. */
static __always_inline bool plain_find_l4(struct xdp_md *ctx, struct plain *at, __u32 size)
{
	at->tcp = (void *)at->ip + size;
	at->udp = (void *)at->tcp;
	return (void *)(at->tcp + 1) <= (void *)(long)ctx->data_end;
}

static __always_inline bool plain_get4(struct xdp_md *ctx, struct plain *at)
{
	at->v6 = false;
	return plain_find_l4(ctx, at, sizeof(*at->ip)) && *(__u8 *)at->ip == 0x45 &&
	       !(at->ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET)) &&
	       is_transport(at->ip->protocol);
}

static __always_inline bool plain_get6(struct xdp_md *ctx, struct plain *at)
{
	at->v6 = true;
	return plain_find_l4(ctx, at, sizeof(*at->ip6)) && *(__u8 *)at->ip6 >> 4 == 6 &&
	       is_transport(at->ip6->next);
}

/* As parse.h would read them. */
static __always_inline void plain_read(const struct plain *at, struct headers *h)
{
	__builtin_memset(h, 0, sizeof(*h));
	h->v6 = at->v6;
	h->l3 = ETH_HLEN;
	if (at->v6) {
		__builtin_memcpy(&h->saddr, at->ip6->saddr, sizeof(h->saddr));
		__builtin_memcpy(&h->daddr, at->ip6->daddr, sizeof(h->daddr));
		h->total = bpf_ntohs(at->ip6->length) + sizeof(*at->ip6);
		h->l4 = ETH_HLEN + sizeof(*at->ip6);
		h->proto = at->ip6->next;
		h->ttl = at->ip6->hop_limit;
	} else {
		h->saddr.word[0] = at->ip->saddr;
		h->daddr.word[0] = at->ip->daddr;
		h->total = bpf_ntohs(at->ip->tot_len);
		h->l4 = ETH_HLEN + sizeof(*at->ip);
		h->proto = at->ip->protocol;
		h->ttl = at->ip->ttl;
	}
	h->sport = at->tcp->source;
	h->dport = at->tcp->dest;
	h->tcp_flags = h->proto == IPPROTO_TCP ? ((const __u8 *)at->tcp)[13] : 0;
}

/* The lengths in the headers fit each other and the part of the frame that is linear. */
static __always_inline bool plain_agrees(const struct packet *p, const struct plain *at)
{
	__u32 length = at->tcp->doff * 4, least = sizeof(*at->tcp);

	if (p->h->proto == IPPROTO_UDP) {
		length = bpf_ntohs(at->udp->len);
		least = sizeof(struct udphdr);
	}
	return length >= least && p->h->l3 + p->h->total >= p->h->l4 + length &&
	       frame_bytes(p) <= p->ctx->data_end - p->ctx->data && p->h->sport;
}

/* Nothing has to be asked, answered or changed to send the packet this way. */
static __always_inline bool is_plain_way(const struct packet *p, const struct xdplb_way *way)
{
	return !way->vlan && (p->h->total <= way->mtu || !way->mtu);
}

static __always_inline int plain_send(struct packet *p, const struct plain *at,
				      const struct xdplb_way *way)
{
	macs_copy(at->eth, way);
	return leave(p, way->out);
}

static __always_inline void plain_rewrite_ports(struct packet *p, const struct plain *at,
						const struct endpoints *to, __u64 change)
{
	if (p->h->proto == IPPROTO_TCP)
		rewrite_ports(p->h, to, &at->tcp->source, &at->tcp->check, change);
	else
		rewrite_ports(p->h, to, &at->tcp->source, &at->udp->check, change);
}

/* The packet becomes what `to` says. */
static __always_inline void plain_rewrite(struct packet *p, const struct plain *at,
					  const struct endpoints *to)
{
	__u64 change = at->v6 ? rewrite_ip6(p, at->ip6, to) : rewrite_ip4(at->ip, to);

	plain_rewrite_ports(p, at, to, change);
}

/* The next hop to a backend when it is fresh and plain, else NULL. */
static __always_inline struct xdplb_backend_cpu *plain_hop(const struct packet *p, __u32 backend)
{
	struct xdplb_backend_cpu *hop = backend_cpu_of(backend);

	if (!hop || hop->looked_up != p->cpu->now || !is_plain_way(p, &hop->way))
		return NULL;
	return hop;
}

static __always_inline int plain_forward(struct packet *p, const struct plain *at,
					 struct xdplb_backend_cpu *hop)
{
	hop->packets++;
	hop->bytes += frame_bytes(p);
	return plain_send(p, at, &hop->way);
}

/* Hands a packet to a listener, who is up: its backend changes with that. */
static __always_inline int plain_deliver(struct packet *p, const struct plain *at, __u32 id)
{
	const struct xdplb_backend *backend = backend_of(id);
	struct xdplb_backend_cpu *cpu = backend_cpu_of(id);
	struct endpoints to = { .sport = p->h->sport };

	if (!id || !backend || !cpu ||
	    (backend->flags & (XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN)) != XDPLB_BACKEND_USED)
		return GO_ON;
	cpu->packets++;
	cpu->bytes += frame_bytes(p);
	to.dport = backend->port;
	plain_rewrite_ports(p, at, &to, 0);
	return XDP_PASS;
}

/* Sends a packet of the remembered flow p->value to its backend. */
static __always_inline int plain_to_backend(struct packet *p, const struct plain *at)
{
	__u32 id = XDPLB_FIELD(p->value, BACKEND), method = method_of(p->value);
	const struct xdplb_backend *backend = backend_of(id);
	struct xdplb_backend_cpu *hop = plain_hop(p, id);
	struct endpoints to;

	if (!hop || !backend || (method != XDPLB_DSR && method != XDPLB_NAT) ||
	    (backend->flags & (XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN)) != XDPLB_BACKEND_USED)
		return GO_ON;
	if (method == XDPLB_NAT) {
		if (is_last_hop(p) || !nat_towards(p->value, backend, &to))
			return GO_ON;
		plain_rewrite(p, at, &to);
	}
	return plain_forward(p, at, hop);
}

/* Sends a packet to the owner of its slot, who is alive: a slot changes with that. */
static __always_inline int plain_to_owner(struct packet *p, const struct plain *at, __u32 id)
{
	struct xdplb_backend_cpu *hop = plain_hop(p, id);

	if (!id || !hop)
		return GO_ON;
	hop->new_flows += SYN_ALONE(p->h->tcp_flags);
	return plain_forward(p, at, hop);
}

/*
 * The flow under this key is remembered, in the midst of its life, and has been seen
 * this second. To look in two tables takes a call, and more of the stack than is left.
 */
static __always_inline bool is_plain_flow(struct packet *p, __u64 key)
{
	return !has_two_tables() && only_search(p, key) &&
	       XDPLB_FIELD(p->value, SEEN) == (__u16)p->cpu->now &&
	       flow_is_steady(state_of(p->value)) &&
	       !(p->h->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

static __always_inline __u32 plain_find(const struct packet *p, enum xdplb_kind kind,
					const struct address *addr, __be16 port)
{
	if (!has_kind(p, kind))
		return 0;
	if (p->h->v6)
		return directory_search6(kind, addr, port, p->h->proto);
	return directory_search(xdplb_directory_key4(kind, addr->word[0], port, p->h->proto));
}

/* It may be a reply, and comes from where replies do. */
static __always_inline bool is_plain_reply(const struct packet *p)
{
	return may_be_reply(p) && (plain_find(p, XDPLB_KIND_BACKEND, &p->h->saddr, p->h->sport) ||
				   plain_find(p, XDPLB_KIND_DNAT, &p->h->saddr, p->h->sport));
}

/* Whom a datagram goes to that is handed out by itself; 0: what that needs is called. */
static __always_inline __u32 plain_turn(struct xdplb_set *set)
{
	struct choice choice = { .set = set, .count = set->slots };

	if (set->slow_start)
		return 0;
	if (set->flags & XDPLB_SET_LISTEN) {
		choice.from = selection_of(set->service);
		if (!choice.from)
			return 0;
		choice.count = choice.from->count;
	}
	return choice.count ? choice_at(&choice, turn_next(&choice)) : 0;
}

/* Nothing has happened to the service's listeners that is not known yet. */
static __always_inline bool is_plain_table(const struct packet *p, const struct xdplb_set *set)
{
	const struct xdplb_service *service = service_of(p->service);
	const struct xdplb_table *table = table_of(p->service);

	return !(set->flags & XDPLB_SET_LISTEN) ||
	       (table && service && !selection_is_old(table, set_line(service), p->cpu->now_ns));
}

static __always_inline int plain_to_listener(struct packet *p, const struct plain *at,
					     struct xdplb_set *set, __u64 name)
{
	if (set->flags & XDPLB_SET_AFFINITY || !is_plain_table(p, set) ||
	    !is_plain_flow(p, xdplb_flow_key(name, p->service)) ||
	    method_of(p->value) != XDPLB_LOCAL)
		return GO_ON;
	return plain_deliver(p, at,
			     set->flags & XDPLB_SET_EACH ? plain_turn(set) :
							   XDPLB_FIELD(p->value, BACKEND));
}

static __always_inline bool is_plain_method(__u8 forward)
{
	return forward == XDPLB_DSR || forward == XDPLB_NAT || forward == XDPLB_LOCAL;
}

static __always_inline int plain_to_service(struct packet *p, const struct plain *at)
{
	__u64 name = flow_name(p->config, at->v6, &p->h->saddr, p->h->sport);
	struct xdplb_set *set = set_of(p->service);
	__u32 word = 0;

	if (!set || !is_plain_method(set->forward) || !plain_agrees(p, at))
		return GO_ON;
	if (set->forward == XDPLB_LOCAL)
		return plain_to_listener(p, at, set, name);
	if (!(set->flags & XDPLB_SET_TRACK)) {
		if (at->v6 && set->hash_bits)
			return GO_ON; /* what that needs is called */
		word = slot_named(p, set, slot_name(false, &p->h->saddr, name, set->hash_bits));
	}
	if (is_looked_up(set, word))
		return is_plain_flow(p, xdplb_flow_key(name, p->service)) ?
			       plain_to_backend(p, at) :
			       GO_ON;
	if (set->forward != XDPLB_DSR || is_plain_reply(p) || is_nobody(p->h))
		return GO_ON;
	return plain_to_owner(p, at, XDPLB_SLOT_OWNER(word));
}

/* A reply with nat, of the backend whose first pool is `id`. */
static __always_inline int plain_reply(struct packet *p, const struct plain *at, __u32 id)
{
	const struct xdplb_nat_record *copy = &p->work->record;
	struct address *source = &p->work->headers[PACKET].daddr;
	struct xdplb_nat_record *record;
	struct xdplb_backend_cpu *cpu;
	struct endpoints to;

	*source = p->h->daddr; /* in memory, which p->h must not be for this */
	if (record_find(p, id, source, p->h->dport, &record) != RECORD_FOUND ||
	    copy->seen != (__u16)p->cpu->now || p->h->tcp_flags & (TCP_FIN | TCP_RST) ||
	    is_last_hop(p) || !plain_agrees(p, at) || !is_plain_way(p, &copy->way))
		return GO_ON;
	cpu = backend_cpu_of(copy->backend);
	if (!cpu || !nat_back(p, &to))
		return GO_ON;
	cpu->reply_packets++;
	cpu->reply_bytes += frame_bytes(p);
	plain_rewrite(p, at, &to);
	return plain_send(p, at, &copy->way);
}

static __always_inline int plain_way(struct packet *p, const struct plain *at)
{
	struct headers headers;
	__u32 pool;

	plain_read(at, &headers);
	p->h = &headers;
	if (may_mirror(p))
		return GO_ON;
	p->service = plain_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, p->h->dport);
	if (p->service)
		return plain_to_service(p, at);
	if (may_register(p))
		return GO_ON;
	pool = plain_find(p, XDPLB_KIND_BACKEND, &p->h->saddr, p->h->sport);
	if (pool)
		return plain_reply(p, at, pool);
	if (plain_find(p, XDPLB_KIND_DNAT, &p->h->saddr, p->h->sport))
		return GO_ON;
	return XDP_PASS;
}

/* Of IPv6: called, because its addresses do not fit the registers. */
__noinline int short_way6(struct xdp_md *ctx)
{
	struct plain at = { .eth = (void *)(long)ctx->data };
	struct packet p;

	at.ip6 = (void *)(at.eth + 1);
	at.ip = (void *)at.ip6;
	return packet_get(ctx, &p) && plain_get6(ctx, &at) ? plain_way(&p, &at) : GO_ON;
}

static __always_inline int short_way(struct packet *p)
{
	struct plain at = { .eth = (void *)(long)p->ctx->data };
	__be16 type;

	at.ip = (void *)(at.eth + 1);
	at.ip6 = (void *)at.ip;
	if ((void *)at.ip > (void *)(long)p->ctx->data_end || at.eth->h_dest[0] & 1)
		return GO_ON;
	type = ((__be16 *)at.eth)[6];
	if (type == bpf_htons(ETH_P_IP))
		return plain_get4(p->ctx, &at) ? plain_way(p, &at) : GO_ON;
	return type == bpf_htons(ETH_P_IPV6) ? short_way6(p->ctx) : GO_ON;
}

#endif
