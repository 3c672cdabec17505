/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a listener of a service answers comes from the service's port: seen on the
 * way out, when this machine's stack has sent it, whose clients must not know
 * the listener's own. So do ICMP errors about a client's packet: what the client
 * sent went to the service's port. Registrations that are not the sender's to
 * make end here. Everything else leaves as it is.
 */
#ifndef XDPLB_REPLIES_H
#define XDPLB_REPLIES_H

#include <linux/pkt_cls.h>

#include "flow_room.h"
#include "home.h"
#include "parse.h"
#include "sender.h"

#define REPLY_HEADERS 128 /* bytes that are made to lie in one piece, where they do not */

struct reply {
	struct __sk_buff *skb;
	const struct xdplb_config *config;
	struct headers h;
	__u32 l3;
	__be16 type;
};

/* `size` bytes of the frame from `offset` on, NULL when they are not there. */
static __always_inline void *skb_at(struct __sk_buff *skb, __u32 offset, __u32 size)
{
	void *at;

	asm volatile("" : "+r"(offset)); /* keeps the mask, which the verifier needs */
	at = (void *)(long)skb->data + (offset & OFFSETS);
	if (at + size > (void *)(long)skb->data_end)
		return NULL;
	return at;
}

/* ---- reading it -------------------------------------------------------------------------- */

static __always_inline bool reply_link(struct reply *r)
{
	const struct ethhdr *eth = skb_at(r->skb, 0, sizeof(*eth));
	const struct vlan_tag *tag;

	if (!eth)
		return false;
	r->l3 = sizeof(*eth);
	r->type = eth->h_proto;
	for (int i = 0; i < 2; i++) {
		if (r->type != bpf_htons(ETH_P_8021Q) && r->type != bpf_htons(ETH_P_8021AD))
			break;
		tag = skb_at(r->skb, r->l3, sizeof(*tag));
		if (!tag)
			return false;
		r->type = tag->type;
		r->l3 += sizeof(*tag);
	}
	return true;
}

static __always_inline bool reply_ip6(struct reply *r, struct headers *h, __u32 l3)
{
	const struct ipv6_header *ip = skb_at(r->skb, l3, sizeof(*ip));
	const struct extension_header *header;
	int length;

	if (!ip)
		return false;
	ip6_read(h, ip, l3);
	for (int i = 0; i <= EXTENSIONS; i++) {
		header = skb_at(r->skb, h->l4, sizeof(*header));
		length = header ? parse_extension(h, h->proto, header) : 0;
		if (length <= 0)
			return !length;
		h->proto = header->next;
		h->l4 += length;
		if (h->fragment == FRAGMENT_LATER || h->l4 > OFFSETS - L4_FIELDS)
			return false;
	}
	return false;
}

/* The IP header at l3, and the two ports behind it or what lies there else. */
static __always_inline bool reply_ip(struct reply *r, struct headers *h, __u32 l3)
{
	const struct iphdr *ip;
	const __be16 *ports;

	if (r->type == bpf_htons(ETH_P_IP)) {
		ip = skb_at(r->skb, l3, sizeof(*ip));
		if (!ip || !ip4_read(h, ip, l3))
			return false;
	} else if (!reply_ip6(r, h, l3)) {
		return false;
	}
	ports = skb_at(r->skb, h->l4, 2 * sizeof(*ports));
	if (!ports || h->fragment == FRAGMENT_LATER)
		return false;
	h->sport = ports[0];
	h->dport = ports[1];
	return true;
}

/* ---- whose it is ------------------------------------------------------------------------- */

/*
 * The client has a flow to the service: it is remembered, and then its value and
 * index are in struct work; or, where there was no room for it, might have been.
 */
__noinline int client_is_known(const struct address *client, __u32 port, __u32 service, __u32 v6)
{
	struct packet p = { .config = config_get(), .cpu = cpu_get() };
	struct work *work;
	__u32 at[2];
	__u64 key;

	if (!p.config || !p.cpu || !client)
		return 0;
	work = (struct work *)p.cpu->work;
	work->value = 0;
	key = xdplb_flow_key(flow_name(p.config, v6, client, port), service);
	if (flow_search(&p, key)) {
		work->value = p.value;
		work->flow_index = p.flow_index;
		return !is_expired(p.cpu->now, p.value) && method_of(p.value) == XDPLB_LOCAL;
	}
	room_buckets(p.config, key, at);
	return bucket_room(at[0]) < 0 && bucket_room(at[1]) < 0;
}

/*
 * The id of the listener with this address and port that may speak to the client,
 * 0: there is none. Its flow is in struct work, its value 0 where nobody remembers it.
 */
static __always_inline __u32 listener_speaks(struct packet *p, __u8 proto,
					     const struct address *addr, __be16 port,
					     const struct address *client, __be16 client_port)
{
	const __u64 *users = port_users(bpf_ntohs(port));
	__u64 word = users ? READ_ONCE(*users) : 0;

	if (!word)
		return 0;
	tick(p);
	for (int i = 0; i < XDPLB_PORT_USERS; i++, word >>= 16) {
		__u32 id = word & 0xffff;
		const struct xdplb_backend *backend = backend_of(id);

		if (!id || !backend || backend->port != port || backend->proto != proto ||
		    !same_address((const struct address *)backend->addr, addr))
			continue;
		if (client_is_known(client, client_port, backend->service, p->h->v6))
			return id;
	}
	return 0;
}

/* The port of a listener's service, 0: it has none any more. */
static __always_inline __be16 service_port(__u32 listener)
{
	const struct xdplb_backend *backend = backend_of(listener);
	const struct xdplb_service *service = backend ? service_of(backend->service) : NULL;

	return service ? service->port : 0;
}

/* ---- changing it --------------------------------------------------------------------------- */

/* A reply of this listener leaves as one of its service. */
static __always_inline void reply_rewrite(struct reply *r, __u32 listener)
{
	struct xdplb_backend_cpu *cpu = backend_cpu_of(listener);
	__u64 mangled = r->h.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be16 port = service_port(listener);

	if (!cpu || !port)
		return;
	cpu->reply_packets++;
	cpu->reply_bytes += r->l3 + r->h.total;
	if (port == r->h.sport)
		return;
	bpf_l4_csum_replace(r->skb, r->h.l4 + check_offset(r->h.proto), r->h.sport, port,
			    sizeof(port) | mangled);
	bpf_skb_store_bytes(r->skb, r->h.l4, &port, sizeof(port), 0);
}

/* An error about a packet to this listener speaks of one to its service. */
static __always_inline void quote_rewrite(struct reply *r, const struct headers *q, __u32 listener)
{
	__u32 icmp_check = r->h.l4 + offsetof(struct icmp_header, checksum);
	__u32 at = q->l4 + check_offset(q->proto);
	const __u16 *check = skb_at(r->skb, at, sizeof(*check));
	__be16 port = service_port(listener);
	__u16 before = check ? *check : 0, after;

	if (!port || port == q->dport)
		return;
	after = csum_apply_l4(q->proto, before, csum_change16(q->dport, port));
	bpf_l4_csum_replace(r->skb, icmp_check, q->dport, port, sizeof(port));
	if (check) {
		bpf_l4_csum_replace(r->skb, icmp_check, before, after, sizeof(after));
		bpf_skb_store_bytes(r->skb, at, &after, sizeof(after), 0);
	}
	bpf_skb_store_bytes(r->skb, q->l4 + offsetof(struct udphdr, dest), &port, sizeof(port), 0);
}

/* An ICMP error is made here; its type is where a reply has the first half of its port. */
static __always_inline void reply_error(struct reply *r, struct packet *p)
{
	struct headers q = {};
	__u32 listener;

	if (!is_error(p, *(const __u8 *)&r->h.sport) ||
	    !reply_ip(r, &q, r->h.l4 + sizeof(struct icmp_header)) || !is_transport(q.proto))
		return;
	listener = listener_speaks(p, q.proto, &q.daddr, q.dport, &q.saddr, q.sport);
	if (listener)
		quote_rewrite(r, &q, listener);
}

static __always_inline void reply_transport(struct reply *r, struct packet *p)
{
	const struct tcphdr *tcp;
	__u32 listener;

	if (r->h.proto == IPPROTO_TCP) {
		tcp = skb_at(r->skb, r->h.l4, sizeof(*tcp));
		if (!tcp)
			return;
		r->h.tcp_flags = ((const __u8 *)tcp)[13];
	}
	listener = listener_speaks(p, r->h.proto, &r->h.saddr, r->h.sport, &r->h.daddr, r->h.dport);
	if (!listener)
		return;
	p->value = p->work->value;
	p->flow_index = p->work->flow_index;
	if (p->value)
		flow_touch(p, false);
	reply_rewrite(r, listener);
}

/* Makes the headers lie in one piece. */
static __always_inline void reply_gather(struct __sk_buff *skb)
{
	__u32 linear = skb->data_end - skb->data, wanted = REPLY_HEADERS;

	if (wanted > skb->len)
		wanted = skb->len;
	if (linear < wanted)
		bpf_skb_pull_data(skb, wanted);
}

/* A frame that leaves this machine, or goes round by lo. TC_ACT_*. */
static __always_inline int reply_out(struct __sk_buff *skb)
{
	struct packet p = { .config = config_get(), .cpu = cpu_get() };
	struct reply r = { .skb = skb };
	bool registers;

	if (!p.config || !p.cpu || !has_kind(&p, XDPLB_KIND_LOCAL))
		return TC_ACT_UNSPEC;
	reply_gather(skb);
	if (!reply_link(&r) || !reply_ip(&r, &r.h, r.l3))
		return TC_ACT_UNSPEC;
	p.h = &r.h;
	p.work = (struct work *)p.cpu->work;
	registers = is_registration(&p);
	if (skb->ifindex == LOOPBACK_IFINDEX && !sender_may(skb, &p, registers))
		return TC_ACT_SHOT;
	if (registers)
		return TC_ACT_UNSPEC;
	if (is_transport(r.h.proto))
		reply_transport(&r, &p);
	else if (r.h.proto == (r.h.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		reply_error(&r, &p);
	return TC_ACT_UNSPEC;
}

#endif
