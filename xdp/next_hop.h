/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next hop: interface, MACs and MTU, asked of the kernel's routing and
 * neighbour tables once a second; per CPU and backend on the way to it, per
 * flow on the way back to the client with nat, per client with dnat.
 */
#ifndef XDPLB_NEXT_HOP_H
#define XDPLB_NEXT_HOP_H

#include "ask.h"
#include "flow_table.h"

static __always_inline void fib_addresses(struct bpf_fib_lookup *fib, const struct address *from,
					  const struct address *to)
{
	if (fib->family == AF_INET6) {
		__builtin_memcpy(fib->ipv6_src, from, sizeof(*from));
		__builtin_memcpy(fib->ipv6_dst, to, sizeof(*to));
	} else {
		fib->ipv4_src = from->word[0];
		fib->ipv4_dst = to->word[0];
	}
}

/* Keeps what the kernel said of the interface, with what user space knows of it. */
static __always_inline void way_set(const struct xdplb_config *config,
				    const struct bpf_fib_lookup *fib, struct xdplb_way *way)
{
	const struct xdplb_interface *interface = interface_of(config, fib->ifindex);

	way->out = interface->out ? interface->out : fib->ifindex;
	way->vlan = interface->vlan;
	way->mtu = fib->mtu_result;
}

/*
 * Asks for the way, as of a packet that came in here; where the interface does
 * not forward, as of one that this machine sends (the loopback interface's
 * forwarding is set by xdplb-config, it changes nothing else). Returns a
 * BPF_FIB_LKUP_RET_*; without a neighbour the way has everything but MACs.
 */
__noinline int way_ask(struct xdp_md *ctx, const struct address *from, const struct address *to,
		       struct xdplb_way *way)
{
	const struct xdplb_config *config = config_get();
	struct bpf_fib_lookup fib = {};
	long result;

	if (!from || !to || !way || !config)
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	fib.family = xdplb_is_ipv6(to->word) ? AF_INET6 : AF_INET;
	fib.ifindex = ctx->ingress_ifindex;
	fib.tot_len = 1; /* the kernel tells the MTU only who says a length */
	fib_addresses(&fib, from, to);
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED) {
		fib.ifindex = LOOPBACK_IFINDEX;
		fib.tot_len = 1;
		result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	}
	if (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH)
		way_set(config, &fib, way);
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		mac_copy(way->dmac, fib.dmac);
		mac_copy(way->smac, fib.smac);
	}
	return result;
}

/* The way the client's own packet shows: back to who delivered it. */
static __always_inline void way_learn(const struct packet *p, struct xdplb_way *way)
{
	const struct xdplb_interface *interface = interface_of(p->config, p->ctx->ingress_ifindex);
	const struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));

	if (!eth)
		return;
	way->out = p->ctx->ingress_ifindex;
	way->mtu = interface->mtu;
	way->vlan = vlan_of(p);
	mac_copy(way->dmac, eth->h_source);
	mac_copy(way->smac, eth->h_dest);
	if (interface->out) {
		/* A frame may have been sent to another station and have come here too. */
		way->out = interface->out;
		mac_copy(way->smac, interface->mac);
	}
}

/* Drops a packet whose way is not known. */
static __always_inline int no_way(struct packet *p, int result)
{
	return drop(p, result == BPF_FIB_LKUP_RET_NO_NEIGH ? XDPLB_DROP_NO_NEIGHBOUR :
							     XDPLB_DROP_NO_ROUTE);
}

#define PATH_MTU_SECONDS 600 /* as the kernel's net.ipv4.route.mtu_expires */

/* What routers beyond the first have said that fits (see icmp.h), the most when they are silent. */
static __always_inline __u32 path_mtu(const struct packet *p, const struct xdplb_backend *backend)
{
	__u32 mtu = READ_ONCE(backend->path_mtu);

	return mtu && p->cpu->now - backend->path_mtu_seen < PATH_MTU_SECONDS ? mtu : 0xffff;
}

/* ... to the backend with this id: one packet a second and CPU asks for the neighbour. */
__noinline int no_way_to_backend(struct xdp_md *ctx, __u32 id, int result)
{
	struct xdplb_backend_cpu *hop = backend_cpu_of(id);
	struct xdplb_backend *backend = backend_of(id);
	struct packet p;
	int verdict;

	if (!backend || !hop || !packet_get(ctx, &p))
		return XDP_DROP;
	verdict = no_way(&p, result);
	if (result != BPF_FIB_LKUP_RET_NO_NEIGH || hop->asked == p.cpu->now)
		return verdict;
	hop->asked = p.cpu->now;
	return neighbour_ask(&p, backend);
}

#define CPUS_ASKED 256

/*
 * This CPU knows the way to the backend, if only since another did. No callback of
 * bpf_loop: this is deep in calls already, and the stack is short.
 */
__noinline int hop_is_known(__u32 id)
{
	const struct xdplb_config *config = config_get();
	struct xdplb_backend_cpu *hop = backend_cpu_of(id);

	if (!config || !hop)
		return false;
	if (hop->looked_up)
		return true;
	for (__u32 cpu = 0; cpu < CPUS_ASKED && cpu < config->cpus; cpu++) {
		const struct xdplb_backend_cpu *other =
			bpf_map_lookup_percpu_elem(&xdplb_back_cpu, &id, cpu);

		if (!other || !other->looked_up)
			continue;
		hop->way = other->way;
		hop->looked_up = other->looked_up;
		return true;
	}
	return false;
}

/* Makes sure that `hop` knows the way to the backend with this id. */
static __always_inline int hop_to_backend(struct packet *p, __u32 id, struct xdplb_backend_cpu *hop,
					  struct xdplb_backend *backend, const struct address *from)
{
	struct xdplb_way *way = &p->work->way;
	int result;

	if (hop->looked_up == p->cpu->now)
		return GO_ON;
	result = way_ask(p->ctx, from, address_of(backend->addr), way);
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED && hop_is_known(id))
		return GO_ON; /* the kernel has stopped telling: what it said last holds */
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return no_way_to_backend(p->ctx, id, result);
	if (way->mtu > path_mtu(p, backend))
		way->mtu = path_mtu(p, backend);
	hop->way = *way;
	hop->looked_up = p->cpu->now;
	return GO_ON;
}

/*
 * The same to the client of work->record. Where the kernel has no neighbour
 * entry, the way the client's packets came holds, if it leads out of the same
 * interface: who delivered them is a neighbour. So it does where the kernel
 * tells nothing.
 */
static __always_inline int hop_to_client(struct packet *p, const struct address *from)
{
	struct xdplb_nat_record *record = &p->work->record;
	struct xdplb_way *way = &p->work->way;
	int result;

	if (record->seen == (__u16)p->cpu->now)
		return GO_ON;
	result = way_ask(p->ctx, from, address_of(record->client), way);
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED && record->way.out)
		return GO_ON;
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH && way->out == record->way.out)
		return GO_ON;
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return no_way(p, result);
	if (!way->vlan && way->out == record->way.out)
		way->vlan = record->way.vlan;
	record->way = *way;
	return GO_ON;
}

/* The packet fits this way, with so many bytes more; else it is answered or dropped. */
static __always_inline int way_fits(struct packet *p, const struct xdplb_way *way, __u32 more)
{
	if (p->h->total + more > way->mtu && way->mtu)
		return too_big(p->ctx, way->mtu - more);
	return GO_ON;
}

#endif
