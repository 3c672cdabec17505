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

#define SWEEP_NS (4 * NSEC_PER_SEC) /* in which all of the flow table is swept */
#define SWEEP_BUCKETS 4096 /* at once */
#define MOVES_MS 128 /* flows that may be moved in a millisecond: a flood costs some 6% by them */
#define MOVES_MAX 1024

struct sweep {
	struct xdplb_cpu *cpu;
	__u32 first; /* bucket */
	__u32 mask;
	__u32 table; /* OLD_BUCKET or 0 */
};

/* The table in which flows are remembered. */
static __always_inline void sweep_table(const struct xdplb_config *config, struct sweep *sweep)
{
	sweep->mask = config->flow_mask;
	sweep->table = 0;
	if (!has_two_tables())
		return;
	sweep->mask = resize.mask;
	if (resize_stage() == XDPLB_RESIZE_NEW)
		return;
	sweep->mask = resize.old_mask;
	sweep->table = OLD_BUCKET;
}

static long sweep_bucket(__u32 n, struct sweep *sweep)
{
	__u32 index = ((sweep->first + n) & sweep->mask) | sweep->table;
	struct xdplb_flow_bucket *bucket = bucket_at(index);
	__u64 value;

	for (__u32 i = 0; bucket && i < XDPLB_WAYS; i++) {
		value = READ_ONCE(bucket->way[i].value);
		if (is_flow(value) && is_expired(sweep->cpu->now, value))
			flow_expire(sweep->cpu, index * XDPLB_WAYS + i, value);
	}
	return 0;
}

/* Sweeps as many buckets as the time since the last sweep asks for. */
__noinline int sweep(__u64 now)
{
	const struct xdplb_config *config = config_get();
	struct sweep sweep = { .cpu = cpu_get() };
	__u64 buckets;

	if (!config || !sweep.cpu)
		return 0;
	sweep.first = sweep.cpu->sweep;
	sweep_table(config, &sweep);
	buckets = (now - sweep.cpu->swept) * (sweep.mask + 1ULL) / SWEEP_NS;
	if (!buckets)
		return 0;
	if (buckets > SWEEP_BUCKETS)
		buckets = SWEEP_BUCKETS;
	bpf_loop(buckets, sweep_bucket, &sweep, 0);
	sweep.cpu->sweep += buckets;
	sweep.cpu->swept = now;
	return 0;
}

/* What is left of moves, after so many nanoseconds more: unused ones are kept for a burst. */
static __always_inline __u32 moves_allowed(__u32 left, __u64 elapsed)
{
	__u64 moves = left + elapsed * MOVES_MS / NSEC_PER_MSEC;

	return moves < MOVES_MAX ? moves : MOVES_MAX;
}

static __always_inline void tick(const struct packet *p)
{
	__u64 jiffies = bpf_jiffies64();
	__u64 ns;
	__u32 now;

	if (p->cpu->jiffies == jiffies)
		return;
	p->cpu->jiffies = jiffies;
	ns = bpf_ktime_get_coarse_ns();
	now = ns / NSEC_PER_SEC;
	if (now != p->cpu->now)
		p->cpu->answers_left = p->config->icmp_rate;
	p->cpu->now = now;
	p->cpu->now_ns = ns;
	p->cpu->moves_left = moves_allowed(p->cpu->moves_left, ns - p->cpu->swept);
	sweep(ns);
}

#endif
