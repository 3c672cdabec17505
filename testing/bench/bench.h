/* SPDX-License-Identifier: GPL-2.0-only */
/* What the generator writes, shared by bench.bpf.c and bench.c. */
#ifndef XDPLB_BENCH_H
#define XDPLB_BENCH_H

#include <linux/types.h>

#define BENCH_HEADER 54 /* Ethernet, IPv4, TCP */

enum bench_vary {
	BENCH_CLIENT, /* flow n: source port and address */
	BENCH_REPLY, /* flow n: destination port and source address */
};

enum bench_target {
	BENCH_BARE, /* a program that returns XDP_TX */
	BENCH_XDPLB,
};

struct bench {
	__u8 header[BENCH_HEADER];
	__u16 first_port; /* host byte order */
	__u32 ports; /* flow n: port first_port + n % ports, address + n / ports */
	__u32 flows; /* gone through in a scattered order */
	__u32 vary; /* enum bench_vary */
	__u32 target; /* enum bench_target */
	__u32 next;
};

#endif
