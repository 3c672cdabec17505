// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_backends(const struct expected *expected)
{
	return expected->counted == COUNTED_PACKET || expected->counted == COUNTED_REPLY;
}

void counts_read(const struct expected *expected, struct counts *counts)
{
	if (!expected->maps)
		return;
	maps_counts(expected->maps, &counts->cpu);
	if (expected->opens)
		counts->entries = maps_entries(expected->maps);
	if (expected->opens || is_backends(expected))
		maps_backends_counts(expected->maps, &counts->backends);
	if (expected->builds)
		counts->selections = maps_selections(expected->maps);
}

/* What packets were counted for, and how many. */
static void reasons_print(const struct expected *expected, const struct xdplb_cpu *before,
			  const struct xdplb_cpu *after)
{
	for (int i = 0; i < XDPLB_REASONS; i++)
		if (after->reason[i] != before->reason[i])
			fprintf(stderr, "%s: %llu packets of %llu counted for reason %d\n",
				expected->name, after->reason[i] - before->reason[i],
				expected->packets, i);
}

/* Packets that were dropped because of the other CPU. */
static __u64 races(const struct xdplb_cpu *before, const struct xdplb_cpu *after)
{
	return after->reason[XDPLB_DROP_RACE] - before->reason[XDPLB_DROP_RACE];
}

static void verdicts_check(const struct expected *expected, const struct xdplb_cpu *before,
			   const struct xdplb_cpu *after)
{
	for (__u32 i = 0; i < 8; i++) {
		__u64 more = after->verdict[i] - before->verdict[i], lost = races(before, after);
		__u64 right = i == expected->verdict ? expected->packets - lost : 0;

		right += i == XDP_DROP ? lost : 0;

		/* A few may be passed besides: the neighbours' own. */
		if (more == right || (i == XDP_PASS && more > right && more < right + 100))
			continue;
		reasons_print(expected, before, after);
		die("%s: %llu packets of %llu with verdict %u, expected %llu", expected->name, more,
		    expected->packets, i, right);
	}
}

/* Each packet opened a flow that was remembered, be it in the place of an older one. */
static void opened_check(const struct expected *expected, const struct counts *before,
			 const struct counts *after)
{
	__u64 packets = expected->packets - races(&before->cpu, &after->cpu);
	__u64 opened = after->backends.new_flows - before->backends.new_flows;
	__u64 remembered = after->entries - before->entries;

	for (int i = XDPLB_FLOW_EVICTED; i <= XDPLB_FLOW_EXPIRED; i++)
		remembered += after->cpu.reason[i] - before->cpu.reason[i];
	if (opened != packets || remembered != packets)
		die("%s: %llu packets opened %llu flows, and %llu were remembered", expected->name,
		    packets, opened, remembered);
}

/* Each packet was counted as a backend's, or as its reply. */
static void backends_check(const struct expected *expected, const struct counts *before,
			   const struct counts *after)
{
	__u64 more = after->backends.packets - before->backends.packets;

	if (expected->counted == COUNTED_REPLY)
		more = after->backends.reply_packets - before->backends.reply_packets;
	if (more != expected->packets - races(&before->cpu, &after->cpu))
		die("%s: %llu packets of %llu counted for backends", expected->name, more,
		    expected->packets);
}

static void selections_check(const struct expected *expected, const struct counts *before,
			     const struct counts *after)
{
	__u64 more = after->selections - before->selections;

	if (more != expected->packets)
		die("%s: %llu selections made by %llu packets", expected->name, more,
		    expected->packets);
}

/* How many packets may be counted for a reason that is no fault. */
static __u64 tolerated(const struct expected *expected, int reason)
{
	if (expected->counted == COUNTED_REASON && reason == (int)expected->reason)
		return expected->packets;
	switch (reason) {
	case XDPLB_FLOW_EXPIRED:
		return ~0ULL;
	case XDPLB_FLOW_EVICTED: /* new flows take the place of some that sent nothing but SYN */
		return expected->opens ? expected->packets / 100 : 0;
	case XDPLB_DROP_RACE:
		return expected->both ? expected->packets / 1000 : 0;
	default:
		return 0;
	}
}

static void reasons_check(const struct expected *expected, const struct xdplb_cpu *before,
			  const struct xdplb_cpu *after)
{
	__u64 more;

	for (int i = 0; i < XDPLB_REASONS; i++) {
		more = after->reason[i] - before->reason[i];
		if (more <= tolerated(expected, i))
			continue;
		reasons_print(expected, before, after);
		exit(1);
	}
	more = after->reason[expected->reason] - before->reason[expected->reason];
	if (expected->counted == COUNTED_REASON && more != expected->packets)
		die("%s: %llu packets of %llu counted for reason %d", expected->name, more,
		    expected->packets, expected->reason);
}

void counts_check(const struct expected *expected, const struct counts *before)
{
	struct counts after;

	if (!expected->maps)
		return;
	counts_read(expected, &after);
	if (!expected->out)
		verdicts_check(expected, &before->cpu, &after.cpu);
	reasons_check(expected, &before->cpu, &after.cpu);
	if (expected->opens)
		opened_check(expected, before, &after);
	if (is_backends(expected))
		backends_check(expected, before, &after);
	if (expected->builds)
		selections_check(expected, before, &after);
}

void outcome_check(const struct expected *expected, const struct outcome *outcome)
{
	if (outcome->verdict != expected->verdict || outcome->size != expected->size)
		die("%s: verdict %u and %u bytes, not %u and %u", expected->name, outcome->verdict,
		    outcome->size, expected->verdict, expected->size);
}
