/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space said of the interfaces, and how a packet leaves by one. */
#ifndef XDPLB_INTERFACE_H
#define XDPLB_INTERFACE_H

#include <bpf/bpf_endian.h>

#include "packet.h"

/* Of a VLAN tag: the rest is priority and drop eligibility. */
#define VLAN_ID 0x0fff

/* The place of an interface in the list user space made; XDPLB_INTERFACES: none. */
__noinline int interface_find(__u32 ifindex)
{
	const struct xdplb_config *config = config_get();

	if (!config)
		return XDPLB_INTERFACES;
	for (int at = 0; at < XDPLB_INTERFACES; at++)
		if (config->interface[at].ifindex == ifindex)
			return at;
	return XDPLB_INTERFACES;
}

/* What user space said of it; its `out` is 0 when that was nothing. */
static __always_inline const struct xdplb_interface *interface_of(const struct xdplb_config *config,
								  __u32 ifindex)
{
	__u32 at = interface_find(ifindex);

	asm volatile("" : "+r"(at)); /* keeps the mask, which the verifier needs */
	return &config->interface[at & XDPLB_INTERFACES];
}

/* The id in the one tag of a packet, 0 when it has none or two. */
static __always_inline __be16 vlan_of(const struct packet *p)
{
	const struct vlan_tag *tag;

	if (p->h->l3 != ETH_HLEN + sizeof(*tag))
		return 0;
	tag = packet_at(p->ctx, ETH_HLEN, sizeof(*tag));
	return tag ? tag->tci & bpf_htons(VLAN_ID) : 0;
}

/* This machine has a VLAN of this id on the interface. */
__noinline int vlan_known(__u32 ifindex, __u32 vlan)
{
	const struct xdplb_config *config = config_get();

	for (int at = 0; config && at < XDPLB_INTERFACES; at++) {
		const struct xdplb_interface *interface = &config->interface[at];

		if (!interface->ifindex)
			return 0;
		if (interface->vlan == vlan && (interface->out & XDPLB_OUT_IFINDEX) == ifindex)
			return 1;
	}
	return 0;
}

/*
 * The packet came by one of this machine's VLANs, so its tag says nothing to a
 * network without. Tags that the machine knows nothing of are kept.
 */
static __always_inline bool has_own_tag(const struct packet *p)
{
	__be16 vlan = vlan_of(p);

	return vlan && vlan_known(p->ctx->ingress_ifindex, vlan);
}

/* Sends the packet out, ready as it is; `out` as in struct xdplb_way. */
static __always_inline int leave(struct packet *p, __u32 out)
{
	__u32 ifindex = out & XDPLB_OUT_IFINDEX;

	p->work->counted = ifindex == p->ctx->ingress_ifindex ? XDP_TX : 0;
	if (p->work->counted && !(out & XDPLB_OUT_REDIRECT))
		return XDP_TX;
	return bpf_redirect(ifindex, 0);
}

/* Sends the packet back to the station it came from. */
static __always_inline int send_back(struct packet *p)
{
	const struct xdplb_interface *interface = interface_of(p->config, p->ctx->ingress_ifindex);
	struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));
	__u8 mac[ETH_ALEN];

	if (!eth)
		return XDP_DROP;
	/* The frame may have been sent to another station and have come here too. */
	mac_copy(mac, interface->out ? interface->mac : eth->h_dest);
	mac_copy(eth->h_dest, eth->h_source);
	mac_copy(eth->h_source, mac);
	return leave(p, interface->out ? interface->out : p->ctx->ingress_ifindex);
}

#endif
