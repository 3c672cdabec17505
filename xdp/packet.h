/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet on its way: what each step found out, for the steps after it.
 * A step returns an XDP action, which ends the way, or GO_ON.
 */
#ifndef XDPLB_PACKET_H
#define XDPLB_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include "maps.h"

#define GO_ON (-1)

/* One field, read or written once and whole, whoever else touches it. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

/*
 * RFC 792. The kernel's own header for it draws in the C library's, which has
 * none for BPF.
 */
struct icmphdr {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 rest;
};

#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

struct packet {
	struct xdp_md *ctx;
	struct xdplb_config *config;
	struct xdplb_cpu *cpu;

	struct ethhdr *eth;
	struct iphdr *ip;
	union {
		void *l4;
		struct tcphdr *tcp;
		struct udphdr *udp;
		struct icmphdr *icmp;
	};
	__u8 proto; /* the IP header's, read once: the verifier trusts no second look */
	__be16 sport;
	__be16 dport;
	__u8 tcp_flags; /* 0 for UDP */

	__u32 service; /* id, 0: not for a service */
	struct xdplb_flow *flow; /* its entry, */
	__u64 value; /* what was read there, */
	__u32 flow_index; /* and where it lies: 4 * bucket + way */
	bool flow_moves; /* it had a flow, which has just ended: no SYN is needed */
	bool turned; /* it leaves by the interface it came in by */
};

static __always_inline struct xdplb_config *config_get(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&xdplb_config, &only);
}

static __always_inline struct xdplb_cpu *cpu_get(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&xdplb_cpu, &only);
}

/* Copies a MAC between even addresses. */
static __always_inline void mac_copy(void *to, const void *from)
{
	for (int i = 0; i < ETH_ALEN / 2; i++)
		((__u16 *)to)[i] = ((const __u16 *)from)[i];
}

/* Ends the way of a packet, for a reason that is counted. */
static __always_inline int drop(struct packet *p, enum xdplb_reason reason)
{
	p->cpu->reason[reason]++;
	return XDP_DROP;
}

static __always_inline int pass(struct packet *p, enum xdplb_reason reason)
{
	p->cpu->reason[reason]++;
	return XDP_PASS;
}

#endif
