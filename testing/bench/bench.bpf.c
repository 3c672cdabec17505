// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator: writes a fresh packet of one of many flows and goes on with
 * the program that is measured, by a tail call. A bare XDP_TX behind the same
 * generator is the baseline.
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

#define OFFSETS 63 /* where addresses and ports may lie */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench_config SEC(".maps");

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

static __always_inline int flow_write(struct xdp_md *ctx, const struct bench *bench, __u32 n)
{
	void *port = (void *)(long)ctx->data + (bench->port_at & OFFSETS);
	void *address = (void *)(long)ctx->data + (bench->address_at & OFFSETS);
	void *end = (void *)(long)ctx->data_end;

	if (port + sizeof(__be16) > end || address + sizeof(__be32) > end)
		return -1;
	*(__be16 *)port = bpf_htons(bench->first_port + n % bench->ports);
	*(__be32 *)address = bpf_htonl(bench->first_address + n / bench->ports);
	return 0;
}

SEC("xdp.frags")
int generate(struct xdp_md *ctx)
{
	struct bench *bench;
	__u32 only = 0, n;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || frame_write(ctx, bench))
		return XDP_ABORTED;
	n = bench->next + BENCH_STEP;
	bench->next = n = n >= bench->flows ? n % bench->flows : n;
	if (flow_write(ctx, bench, n))
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
