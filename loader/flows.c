// SPDX-License-Identifier: GPL-2.0-only
#include "flows.h"

#include <string.h>
#include <time.h>

#include "../xdp/flow_state.h"

/*
 * Those in use, and not more than there are: a load may be changing what the mask
 * says, or was killed.
 */
static __u32 buckets_of(const struct balancer *balancer)
{
	__u32 used = balancer->config->flow_mask + 1,
	      all = flow_buckets(balancer->entries[MAP_FLOWS]);

	return has_two_tables(balancer) || used > all ? all : used;
}

struct flow_table flow_table_of(const struct balancer *balancer)
{
	return (struct flow_table){
		.bucket = balancer->flows,
		.buckets = buckets_of(balancer),
		.old = balancer->old_flows,
		.old_buckets = balancer->old_flows ? balancer->entries[MAP_OLD] : 0,
		.backend = balancer->backends,
		.now = clock_seconds(),
	};
}

static bool is_expired(const struct flow_table *table, const struct flow *flow)
{
	__u16 timeout = table->backend[flow->backend].timeout[flow->state];

	return !timeout || flow->idle > timeout;
}

/*
 * Reads an entry. The program clears the key before it frees the entry, and
 * writes the next flow's key before its value: so a value that was read while
 * the key stayed the same belongs to it.
 */
static bool flow_read(const struct flow_table *table, const struct xdplb_flow *entry,
		      struct flow *flow)
{
	__u64 value;

	flow->key = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
	value = __atomic_load_n(&entry->value, __ATOMIC_ACQUIRE);
	flow->state = XDPLB_FIELD(value, STATE);
	flow->backend = XDPLB_FIELD(value, BACKEND);
	if (flow->state <= XDPLB_FLOW_BUSY || flow->state >= XDPLB_FLOW_STATES || !flow->key ||
	    flow->backend >= XDPLB_BACKENDS ||
	    __atomic_load_n(&entry->key, __ATOMIC_RELAXED) != flow->key)
		return false;
	flow->value = value;
	flow->idle = flow_age(table->now, XDPLB_FIELD(value, SEEN));
	flow->expired = is_expired(table, flow);
	return true;
}

static void buckets_scan(const struct flow_table *table, const struct xdplb_flow_bucket *bucket,
			 __u32 buckets, flow_function *each, void *context)
{
	struct flow flow;

	for (__u32 i = 0; i < buckets; i++)
		for (int way = 0; way < XDPLB_WAYS; way++)
			if (flow_read(table, &bucket[i].way[way], &flow))
				each(&flow, context);
}

void flows_scan(const struct flow_table *table, flow_function *each, void *context)
{
	buckets_scan(table, table->bucket, table->buckets, each, context);
	buckets_scan(table, table->old, table->old_buckets, each, context);
}

__u32 clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

__u8 flow_method(const struct flow *flow)
{
	return method_of(flow->value);
}

bool flow_is_client(const struct flow *flow)
{
	return flow->state == XDPLB_FLOW_CLIENT_NEW || flow->state == XDPLB_FLOW_CLIENT;
}

static void count_one(const struct flow *flow, void *context)
{
	struct flow_counts *counts = context;

	counts->entries += !flow->expired;
	if (!flow_is_active(flow->state))
		return;
	if (flow->expired)
		counts->gone[flow->backend]++;
	else
		counts->active[flow->backend]++;
}

void flows_count(const struct flow_table *table, struct flow_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	flows_scan(table, count_one, counts);
}
