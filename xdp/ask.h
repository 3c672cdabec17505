/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A backend whose next hop the kernel does not know, as it forgets all those of
 * an interface that was down, whoever had it keep them: nobody here sends there but
 * this program, so nobody would ask for it. A packet that finds none becomes an
 * echo request of the backend's to this machine. The kernel answers that, and
 * for the answer it has to ask.
 */
#ifndef XDPLB_ASK_H
#define XDPLB_ASK_H

#include "answer.h"

struct echo4 {
	struct iphdr ip;
	struct icmp_header icmp;
};

struct echo6 {
	struct ipv6_header ip;
	struct icmp_header icmp;
};

/* Ethernet's type stands before the packet, whatever tags come before that. */
static __always_inline void *ask_at(struct packet *p, __be16 proto, __u32 size)
{
	__u32 l3 = p->work->headers[PACKET].l3;
	__be16 *type = packet_at(p->ctx, l3 - sizeof(proto), sizeof(proto));
	void *at = packet_at(p->ctx, l3, size);

	if (type && at)
		*type = proto;
	return type ? at : NULL;
}

static __always_inline bool ask4(struct packet *p, struct xdplb_backend *backend)
{
	struct echo4 *ask = ask_at(p, bpf_htons(ETH_P_IP), sizeof(*ask));

	if (!ask)
		return false;
	*ask = (struct echo4){
		.ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = bpf_htons(sizeof(*ask)),
			.ttl = ANSWER_TTL,
			.protocol = IPPROTO_ICMP,
			.saddr = backend->addr[0],
			.daddr = backend->here[0],
		},
		.icmp = { .type = ICMP_ECHO_REQUEST },
	};
	ask->ip.check = csum_words(&ask->ip, sizeof(ask->ip) / 4);
	ask->icmp.checksum = csum_words(&ask->icmp, sizeof(ask->icmp) / 4);
	return true;
}

static __always_inline bool ask6(struct packet *p, struct xdplb_backend *backend)
{
	struct echo6 *ask = ask_at(p, bpf_htons(ETH_P_IPV6), sizeof(*ask));

	if (!ask)
		return false;
	*ask = (struct echo6){
		.ip = {
			.version_class_label = bpf_htonl(0x60000000),
			.length = bpf_htons(sizeof(ask->icmp)),
			.next = IPPROTO_ICMPV6,
			.hop_limit = ANSWER_TTL,
		},
		.icmp = { .type = ICMPV6_ECHO_REQUEST },
	};
	__builtin_memcpy(ask->ip.saddr, backend->addr, sizeof(backend->addr));
	__builtin_memcpy(ask->ip.daddr, backend->here, sizeof(backend->here));
	ask->icmp.checksum = csum_fold(
		csum_address(address_of(backend->addr)) + csum_address(address_of(backend->here)) +
		bpf_htons(sizeof(ask->icmp)) + bpf_htons(IPPROTO_ICMPV6) + *(__u32 *)&ask->icmp);
	return true;
}

/*
 * The packet of work->headers, which is lost, has the kernel ask for the way to the
 * backend. XDP_PASS: it does so, XDP_DROP: it cannot.
 */
static __always_inline int neighbour_ask(struct packet *p, struct xdplb_backend *backend)
{
	if (p->work->headers[PACKET].fragment || !backend->here[0])
		return XDP_DROP;
	if (!(xdplb_is_ipv6(backend->addr) ? ask6(p, backend) : ask4(p, backend)))
		return XDP_DROP;
	p->work->counted = XDP_DROP;
	return XDP_PASS;
}

#endif
