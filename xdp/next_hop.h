/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next hop: interface and MACs, asked of the kernel's routing and
 * neighbour tables once a second; per CPU and backend on the way to it, per
 * flow on the way back to the client.
 */
#ifndef XDPLB_NEXT_HOP_H
#define XDPLB_NEXT_HOP_H

#include "flow_table.h"

#define AF_INET 2
#define LOOPBACK_IFINDEX 1

/*
 * As a route of a packet that came in here; where the interface does not
 * forward, as one of a packet that this machine sends (the loopback interface's
 * forwarding is set by xdplb-config, it changes nothing else). Returns a
 * BPF_FIB_LKUP_RET_*.
 */
static __always_inline long route(struct packet *p, __be32 from, __be32 to,
				  struct bpf_fib_lookup *fib)
{
	long result;

	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = AF_INET;
	fib->l4_protocol = p->proto;
	fib->ipv4_src = from;
	fib->ipv4_dst = to;
	fib->ifindex = p->ctx->ingress_ifindex;
	result = bpf_fib_lookup(p->ctx, fib, sizeof(*fib), 0);
	if (result != BPF_FIB_LKUP_RET_FWD_DISABLED)
		return result;
	fib->ifindex = LOOPBACK_IFINDEX;
	return bpf_fib_lookup(p->ctx, fib, sizeof(*fib), 0);
}

/* The place of an interface in the list user space made; XDPLB_INTERFACES: none. */
__noinline int interface_find(__u32 ifindex)
{
	const struct xdplb_config *config = config_get();

	if (!config)
		return XDPLB_INTERFACES;
	for (int at = 0; at < XDPLB_INTERFACES; at++)
		if ((config->interface[at].out & XDPLB_OUT_IFINDEX) == ifindex)
			return at;
	return XDPLB_INTERFACES;
}

/* What user space said of it; its `out` is 0 when that was nothing. */
static __always_inline const struct xdplb_interface *interface_of(const struct packet *p,
								  __u32 ifindex)
{
	__u32 at = interface_find(ifindex);

	asm volatile("" : "+r"(at)); /* keeps the mask, which the verifier needs */
	return &p->config->interface[at & XDPLB_INTERFACES];
}

/* The way out by this interface. */
static __always_inline __u32 out_by(const struct packet *p, __u32 ifindex)
{
	__u32 out = interface_of(p, ifindex)->out;

	return out ? out : ifindex;
}

static __always_inline int no_way(struct packet *p, long result)
{
	return drop(p, result == BPF_FIB_LKUP_RET_NO_NEIGH ? XDPLB_DROP_NO_NEIGHBOUR :
							     XDPLB_DROP_NO_ROUTE);
}

/* Makes sure that `hop` knows the way to the backend. */
static __always_inline int hop_to_backend(struct packet *p, struct xdplb_backend_cpu *hop,
					  __be32 from, __be32 to)
{
	struct bpf_fib_lookup fib;
	long result;

	if (hop->looked_up == p->cpu->now)
		return GO_ON;
	result = route(p, from, to, &fib);
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED && hop->looked_up)
		return GO_ON; /* the kernel has stopped telling: what it said last holds */
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return no_way(p, result);
	hop->out = out_by(p, fib.ifindex);
	mac_copy(hop->dmac, fib.dmac);
	mac_copy(hop->smac, fib.smac);
	hop->looked_up = p->cpu->now;
	return GO_ON;
}

/*
 * The same to the client, `record` being a copy. Where the kernel has no
 * neighbour entry, the way the client's packets came holds, if it leads out of
 * the same interface: who delivered them is a neighbour. So it does where the
 * kernel tells nothing.
 */
static __always_inline int hop_to_client(struct packet *p, struct xdplb_nat_record *record,
					 __be32 from)
{
	struct bpf_fib_lookup fib;
	long result;

	if (record->seen == (__u16)p->cpu->now)
		return GO_ON;
	result = route(p, from, record->client[0], &fib);
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return GO_ON;
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH && fib.ifindex == (record->out & XDPLB_OUT_IFINDEX))
		return GO_ON;
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return no_way(p, result);
	record->out = out_by(p, fib.ifindex);
	mac_copy(record->dmac, fib.dmac);
	mac_copy(record->smac, fib.smac);
	return GO_ON;
}

/* Puts the MACs on and sends the packet out. */
static __always_inline int send(struct packet *p, __u32 out, const void *dmac, const void *smac)
{
	__u32 ifindex = out & XDPLB_OUT_IFINDEX;

	mac_copy(p->eth->h_dest, dmac);
	mac_copy(p->eth->h_source, smac);
	p->turned = ifindex == p->ctx->ingress_ifindex;
	if (p->turned && !(out & XDPLB_OUT_REDIRECT))
		return XDP_TX;
	return bpf_redirect(ifindex, 0);
}

#endif
