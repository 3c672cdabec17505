/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the steps of a packet's way write down for each other, in the CPU's own
 * memory. `xdplb-config explain` reads it there once the packet has ended its
 * way, of the object that came with it.
 */
#ifndef XDPLB_WORK_H
#define XDPLB_WORK_H

#include <stdbool.h>

#include "xdplb.h"

struct address {
	__be32 word[4]; /* network byte order; IPv4: the first, the rest zero */
};

struct endpoints {
	struct address saddr;
	struct address daddr;
	__be16 sport;
	__be16 dport;
};

enum fragment {
	FRAGMENT_NO,
	FRAGMENT_FIRST,
	FRAGMENT_LATER, /* it has no ports */
};

/* What parse.h read; offsets are from the first byte of the frame. */
struct headers {
	struct address saddr;
	struct address daddr;
	__be16 sport;
	__be16 dport;
	__be32 ident; /* of a fragment */
	__u32 total; /* length of the IP packet */
	__u16 l3;
	__u16 l4;
	__u8 v6;
	__u8 proto; /* TCP, UDP, ICMP or ICMPv6 */
	__u8 tcp_flags; /* 0 for UDP */
	__u8 ttl;
	__u8 fragment; /* enum fragment */
};

#define PACKET 0 /* indices into work->headers */
#define QUOTE 1 /* the packet that an ICMP error quotes */

/* What is still open about a flow that begins, or is adopted. */
struct beginning {
	__u64 name;
	__u64 slot; /* the name that its slot is found by */
	__u32 word; /* of the slot */
	bool adopting;
	bool opens;
};

struct work {
	struct headers headers[2];
	struct endpoints to; /* what the packet, or the quoted one, is rewritten to */
	struct endpoints outer; /* addresses of an ICMP error itself, or of what wraps a packet */
	struct xdplb_nat_record record; /* a copy of the one that was found last */
	struct xdplb_way way; /* as the kernel has just told it */
	struct beginning beginning;
	__u64 value; /* of the flow that was found last */
	__u32 flow_index;
	__u32 pool; /* that the last reply's source port belongs to */
	/*
	 * The verdict to count where another is returned: XDP_TX, it leaves by the interface
	 * it came in by; XDP_DROP, what is passed on is no longer it; 0.
	 */
	__u32 counted;
	__u32 crowded; /* its flow got the entry of one that never got past its first packet */
	__u32 opened; /* the backend of its flow, which is new; 0: it is not */
	__u32 dropped; /* enum xdplb_reason and one, 0: it is not, or that is told already */
};

#endif
