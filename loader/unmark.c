// SPDX-License-Identifier: GPL-2.0-only
#include "unmark.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "flows.h"
#include "marks.h"
#include "sets.h"
#include "../xdp/hash.h"

/* What was found out about a service whose marks may go. */
struct finding {
	struct marks marks;
	bool all; /* every slot may be needed */
	bool *needed; /* by slot */
};

/* By service id; NULL: its marks are none, or still in use. */
struct search {
	const struct balancer *balancer;
	struct finding *finding[XDPLB_SERVICES];
};

/* Nothing is newly remembered in such a set, so what is found stays so. */
static bool is_settled(const struct xdplb_set *set, __u32 now)
{
	return set && set->pick == XDPLB_PICK_HASH && !(set->flags & XDPLB_SET_TRACK) &&
	       set->window_end && !marks_in_use(set->window_end, now);
}

static struct finding *finding_new(const struct balancer *balancer, __u32 service)
{
	struct finding *finding = calloc(1, sizeof(*finding));

	if (!finding)
		return NULL;
	finding->marks = set_marks(balancer, service);
	finding->needed = calloc(finding->marks.slots + 1, sizeof(*finding->needed));
	if (finding->needed)
		return finding;
	free(finding);
	return NULL;
}

/* Which services to look at; how many. */
static int search_begin(struct search *search)
{
	__u32 now = clock_seconds();
	int count = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		if (!is_settled(set_of(search->balancer, id), now))
			continue;
		search->finding[id] = finding_new(search->balancer, id);
		count += search->finding[id] != NULL;
	}
	return count;
}

/* Some flow is remembered of a service that is looked at. */
static bool any_flow(const struct search *search)
{
	const struct balancer *balancer = search->balancer;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (balancer->backends[id].flags &&
		    search->finding[balancer->backends[id].service] &&
		    XDPLB_ENTRIES(__atomic_load_n(&balancer->active[id].flows, __ATOMIC_RELAXED)))
			return true;
	return false;
}

/* A flow that goes elsewhere, or otherwise, than its slot says keeps the slot's marks. */
static void flow_found(const struct flow *flow, void *context)
{
	const struct search *search = context;
	__u32 service = search->balancer->backends[flow->backend].service, slot;
	struct finding *finding = search->finding[service];
	__u64 name = xdplb_flow_name(flow->key, service);

	if (!finding || flow->expired || flow_is_client(flow))
		return;
	if (finding->marks.hash_bits && name & XDPLB_IS_IPV6) {
		finding->all = true; /* its address is not known here */
		return;
	}
	if (finding->marks.hash_bits)
		name = xdplb_flow_name4(
			(__u32)name & htonl(xdplb_prefix_mask(finding->marks.hash_bits, 0)), 0);
	slot = xdplb_slot(search->balancer->config->seed, name, finding->marks.slots);
	if (XDPLB_SLOT_OWNER(finding->marks.slot[slot]) != flow->backend ||
	    flow_method(flow) != finding->marks.forward)
		finding->needed[slot] = true;
}

static void unmark(struct balancer *balancer, __u32 service, const struct finding *finding)
{
	struct xdplb_set *set = &balancer->sets[service_set(balancer, service)].head;

	if (!finding->all && !marks_clear(&finding->marks, finding->needed))
		__atomic_store_n(&set->window_end, 0, __ATOMIC_RELAXED);
}

/* Looks for flows in the way of the marks; false: it could not. */
static bool search_run(struct balancer *balancer, struct search *search)
{
	struct flow_table table;

	if (!any_flow(search))
		return true;
	if (balancer_map_flows(balancer))
		return false;
	table = flow_table_of(balancer);
	/* Twice: a flow may move to its other bucket, behind the first look's back. */
	flows_scan(&table, flow_found, search);
	flows_scan(&table, flow_found, search);
	return true;
}

void marks_settle(struct balancer *balancer)
{
	struct search *search = calloc(1, sizeof(*search));
	bool found;

	if (!search)
		return;
	search->balancer = balancer;
	found = search_begin(search) && search_run(balancer, search);
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		struct finding *finding = search->finding[id];

		if (!finding)
			continue;
		if (found)
			unmark(balancer, id, finding);
		free(finding->needed);
		free(finding);
	}
	free(search);
}
