/* SPDX-License-Identifier: GPL-2.0-only */
/* What the generator writes, shared by bench.bpf.c and the program that measures. */
#ifndef XDPLB_BENCH_H
#define XDPLB_BENCH_H

#include <linux/types.h>

#define BENCH_FRAME 80 /* bytes of every frame: Ethernet, one VLAN tag, IPv6, TCP fit */
#define BENCH_STEP 7919 /* from flow to flow: a prime, so that all get their turn */

enum bench_target {
	BENCH_BARE, /* a program that returns XDP_TX */
	BENCH_PLAIN, /* xdplb */
	BENCH_ENCAP, /* xdplb_encap */
	BENCH_TARGETS,
};

struct bench {
	__u64 frame[BENCH_FRAME / 8];
	/* Flow n: port first_port + n % ports, address first_address + n / ports. */
	__u32 first_address; /* an address' last 32 bits; both in host byte order */
	__u32 first_port;
	__u32 address_at; /* where in the frame */
	__u32 port_at;
	__u32 ports;
	__u32 flows; /* gone through in a scattered order */
	__u32 target; /* enum bench_target */
	__u32 next;
};

#endif
