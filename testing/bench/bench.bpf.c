// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generators. The first writes a fresh packet of one of many flows and goes on with
 * the program that is measured, by a tail call. A bare XDP_TX behind the same
 * generator is the baseline. Which flows there are, and in which order, is laid
 * out ahead in a map, which it reads from one end to the other.
 *
 * The kernel keeps a frame from one repeat to the next, so what ipip and gue
 * have put before it must go: the generator moves the frame's beginning back by
 * bpf_xdp_adjust_head(). It makes that call for every packet, whichever program
 * follows; where nothing has grown it moves by 0, which takes as long, since
 * the call is all its cost. So generator and baseline are the same for all that
 * is measured, and what is left after taking the baseline off is the program's
 * own: with ipip and gue its one call to make room is in it, the call that
 * undoes this is not. `generate_out` is the same on the way out (tc), where
 * nothing grows, and has a baseline of its own.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench.h"

#define NULL ((void *)0)
#define OFFSETS 127 /* where addresses and ports may lie */

/* Random addresses are of these, that nobody would drop: 11.0.0.0 to 126.255.255.255. */
#define RANDOM_FIRST 0x0b000000U
#define RANDOM_COUNT 0x74000000U

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_FLOWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bench_flow);
} bench_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_TAGS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} bench_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BENCH_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} bench_targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BENCH_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} bench_outs SEC(".maps");

struct frame {
	void *data;
	void *end;
};

/* The frame is BENCH_FRAME bytes long again. */
static __always_inline int frame_begin(struct xdp_md *ctx, struct frame *frame)
{
	if (bpf_xdp_adjust_head(ctx, (long)ctx->data_end - (long)ctx->data - BENCH_FRAME))
		return -1;
	frame->data = (void *)(long)ctx->data;
	frame->end = (void *)(long)ctx->data_end;
	return 0;
}

/* What is the same in all of them. */
static __always_inline int frame_write(const struct frame *frame, const struct bench *bench)
{
	__u64 *data = frame->data;

	if (frame->data + BENCH_FRAME > frame->end)
		return -1;
	for (int i = 0; i < BENCH_FRAME / 8; i++)
		data[i] = bench->frame[i];
	return 0;
}

/* A place in the frame, NULL: not so many bytes are left there. */
static __always_inline void *place(const struct frame *frame, __u32 at, __u32 bytes)
{
	void *data = frame->data + (at & OFFSETS);

	return data + bytes > frame->end ? NULL : data;
}

static __always_inline int client_write(const struct frame *frame, const struct bench *bench,
					__be32 address, __be16 port)
{
	__be32 *to_address = place(frame, bench->address_at, sizeof(address));
	__be16 *to_port = place(frame, bench->port_at, sizeof(port));

	if (!to_address || !to_port)
		return -1;
	*to_address = address;
	*to_port = port;
	return 0;
}

/* What only registrations have. */
static __always_inline int tag_write(const struct frame *frame, const struct bench *bench, __u32 n)
{
	__u64 *tag = bpf_map_lookup_elem(&bench_tags, &n);
	__u64 *to = place(frame, bench->tag_at, sizeof(*to));

	if (!tag || !to)
		return -1;
	*to = *tag;
	return 0;
}

/* A packet of the next flow. */
static __always_inline int flow_write(const struct frame *frame, struct bench *bench)
{
	const struct bench_flow *flow;
	__u32 n = bench->next;
	__be16 *other;

	if (frame_write(frame, bench))
		return -1;
	bench->next = n + 1 < bench->count ? n + 1 : 0;
	n += bench->first;
	flow = bpf_map_lookup_elem(&bench_flows, &n);
	if (!flow || client_write(frame, bench, flow->address, flow->port))
		return -1;
	other = place(frame, bench->other_at, sizeof(*other));
	if (!other)
		return -1;
	*other = flow->other;
	return bench->tag_at ? tag_write(frame, bench, n) : 0;
}

/* The n-th of random numbers; splitmix64. */
static __always_inline __u64 random_of(__u32 seed, __u32 n)
{
	__u64 x = ((__u64)seed << 32 | n) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

SEC("xdp.frags")
int generate(struct xdp_md *ctx)
{
	struct bench *bench;
	struct frame frame;
	__u32 only = 0;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || frame_begin(ctx, &frame) || flow_write(&frame, bench))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &bench_targets, bench->target);
	return XDP_ABORTED;
}

/* The same, but each packet is from a random address and port. */
SEC("xdp.frags")
int flood(struct xdp_md *ctx)
{
	struct bench *bench;
	struct frame frame;
	__u32 only = 0;
	__be32 address;
	__u64 x;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || frame_begin(ctx, &frame) || frame_write(&frame, bench))
		return XDP_ABORTED;
	x = random_of(bench->seed, bench->next++);
	address = bpf_htonl(RANDOM_FIRST + ((x >> 32) * RANDOM_COUNT >> 32));
	if (client_write(&frame, bench, address, x))
		return XDP_ABORTED;
	bpf_tail_call(ctx, &bench_targets, bench->target);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int bare(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

/* On the way out. */
SEC("tc")
int generate_out(struct __sk_buff *skb)
{
	struct frame frame = { (void *)(long)skb->data, (void *)(long)skb->data_end };
	struct bench *bench;
	__u32 only = 0;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || flow_write(&frame, bench))
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &bench_outs, bench->target);
	return TC_ACT_SHOT;
}

SEC("tc")
int bare_out(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
