/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet on its way: what each step found out, for the steps after it.
 * A step returns an XDP action, which ends the way, or GO_ON.
 *
 * What the headers say is kept in the CPU's own memory, and what it says there
 * the verifier does not know: so a function that is neither inline nor static,
 * which it looks at once, can go on with any packet, and the paths through all
 * kinds of packets add up where they would multiply.
 */
#ifndef XDPLB_PACKET_H
#define XDPLB_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include "csum.h"
#include "hash.h"
#include "maps.h"
#include "work.h"

#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL
#define LOOPBACK_IFINDEX 1 /* in every network namespace */
#define AF_INET 2
#define AF_INET6 10

#define GO_ON (-1)
#define WRAP (-2) /* the packet is of the flow work->value, by ipip or gue */

/* One field, read or written once and whole, whoever else touches it. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

/* IPv4 as in struct iphdr; RFC 8200 for IPv6. */
struct ipv6_header {
	__be32 version_class_label;
	__be16 length; /* of what follows */
	__u8 next;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

/*
 * RFC 792, RFC 4443. The kernel's own headers for them draw in the C library's,
 * which has none for BPF.
 */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 rest[2]; /* the second is an MTU where there is one (IPv4) */
};

struct vlan_tag {
	__be16 tci;
	__be16 type; /* of what follows */
};

_Static_assert(sizeof(struct work) <= sizeof(((struct xdplb_cpu *)0)->work), "it fits");

struct packet {
	struct xdp_md *ctx;
	struct xdplb_config *config;
	struct xdplb_cpu *cpu;
	struct work *work;
	struct headers *h; /* its own */

	__u32 service; /* id, 0: not for a service */
	struct xdplb_flow *flow; /* its entry, */
	__u64 value; /* what was read there, */
	__u32 flow_index; /* and where it lies: 4 * bucket + way */
	bool raced; /* another CPU was writing it */
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

/* The packet that is being worked on; false before user space came first. */
static __always_inline bool packet_get(struct xdp_md *ctx, struct packet *p)
{
	struct xdplb_config *config = config_get();
	struct xdplb_cpu *cpu = cpu_get();

	if (!config || !cpu)
		return false;
	/* Used by all: of an argument that is not, clang 19 lets callers pass anything. */
	asm volatile("" : : "r"(ctx));
	__builtin_memset(p, 0, sizeof(*p));
	p->ctx = ctx;
	p->config = config;
	p->cpu = cpu;
	p->work = (struct work *)cpu->work;
	p->h = &p->work->headers[PACKET];
	return config->abi != 0;
}

#define OFFSETS                                                                           \
	0x1ff /* where fields may begin; parse.h lets no header begin where one would not \
	       */

/* `size` bytes of the frame from `offset` on, NULL when they are not there. */
static __always_inline void *packet_at(struct xdp_md *ctx, __u32 offset, __u32 size)
{
	void *at;

	asm volatile("" : "+r"(offset)); /* keeps the mask, which the verifier needs */
	at = (void *)(long)ctx->data + (offset & OFFSETS);
	if (at + size > (void *)(long)ctx->data_end)
		return NULL;
	return at;
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
	p->work->dropped = reason + 1;
	return XDP_DROP;
}

static __always_inline int pass(struct packet *p, enum xdplb_reason reason)
{
	p->cpu->reason[reason]++;
	return XDP_PASS;
}

/* One who forwards it must take one off, and nothing would be left. */
static __always_inline bool is_last_hop(const struct packet *p)
{
	return p->h->ttl <= 1;
}

/* Ethernet header to the end of the IP packet, without padding. */
static __always_inline __u32 frame_bytes(const struct packet *p)
{
	return p->h->l3 + p->h->total;
}

#endif
