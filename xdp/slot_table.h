/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which backend takes a new flow: user space has laid the answers out in
 * slots, here they are only counted through.
 */
#ifndef XDPLB_SLOT_TABLE_H
#define XDPLB_SLOT_TABLE_H

#include "service.h"

/* The set in force of a service, NULL when nobody in it takes flows. */
static __always_inline struct xdplb_set *set_of(__u32 service_id)
{
	const struct xdplb_service *service = service_of(service_id);
	__u32 first = service ? READ_ONCE(service->set) : 0;
	union xdplb_set_line *set = bpf_map_lookup_elem(&xdplb_sets, &first);

	return first && set && set->head.slots ? &set->head : NULL;
}

/*
 * rr and wrr: one atomic counter for all CPUs, so that any run of as many
 * flows as there are slots takes each slot once. Returns a backend id.
 */
static __always_inline __u32 slot_next(struct xdplb_set *set)
{
	__u64 slot = __sync_fetch_and_add(&set->next, 1) % set->slots;
	__u32 at = set->slot_line + slot / 16;
	const union xdplb_set_line *line;

	line = bpf_map_lookup_elem(&xdplb_sets, &at);
	return line ? line->slot[slot % 16] : 0;
}

#endif
