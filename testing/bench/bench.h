/* SPDX-License-Identifier: GPL-2.0-only */
/* What the generator writes, shared by bench.bpf.c and the programs that use it. */
#ifndef XDPLB_BENCH_H
#define XDPLB_BENCH_H

#include <linux/types.h>

#define BENCH_FRAME 120 /* bytes of every frame: Ethernet, IPv6, UDP and a registration fit */
#define BENCH_FLOWS (1 << 22) /* flows in the map bench_flows */
#define BENCH_TAGS (1 << 12) /* tags in the map bench_tags */

enum bench_target {
	BENCH_BARE, /* a program that returns XDP_TX, or on the way out TC_ACT_UNSPEC */
	BENCH_FIRST, /* the programs that are measured, from here on */
	BENCH_TARGETS = 64,
};

/* What one flow's packets have of their own. All in network byte order. */
struct bench_flow {
	__be32 address; /* an IPv6 address' last 32 bits */
	__be16 port;
	__be16 other; /* the other end's port */
};

/* One for each CPU. */
struct bench {
	__u64 frame[BENCH_FRAME / 8];
	__u32 address_at; /* where in the frame the parts of struct bench_flow belong */
	__u32 port_at;
	__u32 other_at;
	__u32 tag_at; /* the flow's tag in bench_tags; 0: none */
	__u32 target; /* an index of bench_targets, or bench_outs */
	__u32 first; /* of the flows in bench_flows that are gone through, */
	__u32 count; /* and how many they are */
	__u32 next; /* counted from `first` */
	__u32 seed; /* of the flood's random addresses, with `next` */
	__u32 reserved;
};

#endif
