/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces of this machine. */
#ifndef XDPLB_LINK_H
#define XDPLB_LINK_H

#include <linux/types.h>
#include <stdbool.h>

struct link {
	__u32 ifindex;
	__u32 lower; /* ifindex of the one it stands on, 0: none here */
	__u32 master; /* ifindex of the bridge or bond that it is part of, 0: none */
	__u32 peer; /* of a veth: ifindex of its other end, where that is */
	int peer_space; /* the kernel's number of the network namespace, -1: this one */
	__u32 mtu;
	__u16 vlan; /* id of a VLAN device, 0: it is none */
	bool veth;
	bool xdp; /* has a program */
	__u32 program; /* its id */
	__u8 mac[6];
};

/*
 * All interfaces here; *links is to be freed. Returns how many, or a negative
 * errno and nothing said.
 */
int links_read(struct link **links);

#endif
