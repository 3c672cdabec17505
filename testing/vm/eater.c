// SPDX-License-Identifier: GPL-2.0-only
/* Comes before others in a chain and hands nothing on: it has no chain-call action XDP_PASS. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

struct {
	__uint(priority, 15);
	__uint(XDP_PASS, 0);
} XDP_RUN_CONFIG(eater);

SEC("xdp")
int eater(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
