/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens once a tick: the clock is read (reading it for each packet
 * would cost more than all the rest), and a few buckets of the flow table are
 * swept of expired flows, so that the traffic itself keeps the table clean.
 * Once a second, answers are allowed anew.
 */
#ifndef XDPLB_CLOCK_H
#define XDPLB_CLOCK_H

#include "flow_table.h"

#define NSEC_PER_SEC 1000000000ULL
#define SWEEP_BUCKETS 16

__noinline int sweep(__u32 first)
{
	const struct xdplb_config *config = config_get();
	const struct xdplb_cpu *cpu = cpu_get();

	if (!config || !cpu)
		return 0;
	for (__u32 i = 0; i < SWEEP_BUCKETS * XDPLB_WAYS; i++) {
		__u32 index = (first & config->flow_mask) * XDPLB_WAYS + i;
		const struct xdplb_flow *flow = flow_at(index);
		__u64 value = flow ? READ_ONCE(flow->value) : 0;

		if (is_flow(value) && is_expired(config, cpu->now, value))
			flow_remove(index, value);
	}
	return 0;
}

static __always_inline void tick(const struct packet *p)
{
	__u64 jiffies = bpf_jiffies64();
	__u32 now;

	if (p->cpu->jiffies == jiffies)
		return;
	p->cpu->jiffies = jiffies;
	now = bpf_ktime_get_coarse_ns() / NSEC_PER_SEC;
	if (now != p->cpu->now)
		p->cpu->answers_left = p->config->icmp_rate;
	p->cpu->now = now;
	sweep(p->cpu->sweep);
	p->cpu->sweep += SWEEP_BUCKETS;
}

#endif
