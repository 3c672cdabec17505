/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet goes out, with the tag and the MACs of its way. */
#ifndef XDPLB_SEND_H
#define XDPLB_SEND_H

#include "interface.h"

/*
 * Gives a packet with one VLAN tag the id of the way out; its priority stays.
 * A packet without a tag has no room for one, and none of two can go.
 */
static __always_inline int vlan_change(struct packet *p, __be16 vlan)
{
	struct vlan_tag *tag;

	tag = packet_at(p->ctx, ETH_HLEN, sizeof(*tag));
	if (!tag || p->h->l3 != ETH_HLEN + sizeof(*tag))
		return drop(p, XDPLB_DROP_VLAN);
	tag->tci = (tag->tci & ~bpf_htons(VLAN_ID)) | vlan;
	return GO_ON;
}

/* The MACs of the way, which lie behind each other there as in a frame. */
static __always_inline void macs_copy(struct ethhdr *eth, const struct xdplb_way *way)
{
	for (int i = 0; i < 2 * ETH_ALEN / 4; i++)
		((__u32 *)eth)[i] = ((const __u32 *)way->dmac)[i];
}

/* Puts the MACs on and sends the packet out, its tags as they are. */
static __always_inline int send_tagged(struct packet *p, const struct xdplb_way *way)
{
	struct ethhdr *eth = packet_at(p->ctx, 0, sizeof(*eth));

	if (!eth)
		return XDP_DROP;
	macs_copy(eth, way);
	return leave(p, way->out);
}

/* The same, with the tag that this way needs. */
static __always_inline int send(struct packet *p, const struct xdplb_way *way)
{
	if (way->vlan && vlan_change(p, way->vlan) != GO_ON)
		return XDP_DROP;
	if (!way->vlan && has_own_tag(p))
		return drop(p, XDPLB_DROP_VLAN);
	return send_tagged(p, way);
}

#endif
