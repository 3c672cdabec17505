// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generator: writes a fresh packet of one of many flows and goes on with
 * the program that is measured, by a tail call. A bare XDP_TX behind the same
 * generator is the baseline.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} bench_targets SEC(".maps");

SEC("xdp.frags")
int generate(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	struct bench *bench;
	__u32 only = 0, n;
	__be16 port;

	bench = bpf_map_lookup_elem(&bench_config, &only);
	if (!bench || data + BENCH_HEADER > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(data, bench->header, BENCH_HEADER);
	n = bench->next + 7919; /* a prime, so that all flows get their turn */
	bench->next = n = n >= bench->flows ? n % bench->flows : n;
	port = bpf_htons(bench->first_port + n % bench->ports);
	*(__be16 *)(data + (bench->vary == BENCH_CLIENT ? 34 : 36)) = port;
	*(__be32 *)(data + 26) = bpf_htonl(bpf_ntohl(*(__be32 *)(data + 26)) + n / bench->ports);
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
