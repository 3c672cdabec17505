// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator: writes a fresh packet of one of many flows and goes on with
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
 * undoes this is not.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench.h"

#define NULL ((void *)0)
#define OFFSETS 63 /* where addresses and ports may lie */

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
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BENCH_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} bench_targets SEC(".maps");

/* The frame is BENCH_FRAME bytes long again, of which `bench` has the first state. */
static __always_inline int frame_write(struct xdp_md *ctx, const struct bench *bench)
{
	__u64 *data;

	if (bpf_xdp_adjust_head(ctx, (long)ctx->data_end - (long)ctx->data - BENCH_FRAME))
		return -1;
	data = (void *)(long)ctx->data;
	if ((void *)data + BENCH_FRAME > (void *)(long)ctx->data_end)
		return -1;
	for (int i = 0; i < BENCH_FRAME / 8; i++)
		data[i] = bench->frame[i];
	return 0;
}

/* A place in the frame, NULL: not so many bytes are left there. */
static __always_inline void *place(struct xdp_md *ctx, __u32 at, __u32 bytes)
{
	void *data = (void *)(long)ctx->data + (at & OFFSETS);

	return data + bytes > (void *)(long)ctx->data_end ? NULL : data;
}

static __always_inline int client_write(struct xdp_md *ctx, const struct bench *bench,
					__be32 address, __be16 port)
{
	__be32 *to_address = place(ctx, bench->address_at, sizeof(address));
	__be16 *to_port = place(ctx, bench->port_at, sizeof(port));

	if (!to_address || !to_port)
		return -1;
	*to_address = address;
	*to_port = port;
	return 0;
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
	const struct bench_flow *flow;
	struct bench *bench;
	__u32 only = 0, n;
	__be16 *other;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || frame_write(ctx, bench))
		return XDP_ABORTED;
	n = bench->next;
	bench->next = n + 1 < bench->count ? n + 1 : 0;
	n += bench->first;
	flow = bpf_map_lookup_elem(&bench_flows, &n);
	if (!flow || client_write(ctx, bench, flow->address, flow->port))
		return XDP_ABORTED;
	other = place(ctx, bench->other_at, sizeof(*other));
	if (!other)
		return XDP_ABORTED;
	*other = flow->other;
	bpf_tail_call(ctx, &bench_targets, bench->target);
	return XDP_ABORTED;
}

/* The same, but each packet is from a random address and port. */
SEC("xdp.frags")
int flood(struct xdp_md *ctx)
{
	struct bench *bench;
	__u32 only = 0;
	__u64 x;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || frame_write(ctx, bench))
		return XDP_ABORTED;
	x = random_of(bench->seed, bench->next++);
	if (client_write(ctx, bench, bpf_htonl(RANDOM_FIRST + ((x >> 32) * RANDOM_COUNT >> 32)), x))
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

char _license[] SEC("license") = "GPL";
