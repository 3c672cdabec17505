/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which backend takes a new flow: user space has laid the answers out in
 * slots, here they are only counted through.
 */
#ifndef XDPLB_SLOT_TABLE_H
#define XDPLB_SLOT_TABLE_H

#include "packet.h"

/*
 * rr and wrr: one atomic counter for all CPUs, so that any run of as many
 * flows as there are slots takes each slot once. Returns a backend id, 0 when
 * the service has nobody who takes flows.
 */
static __always_inline __u32 slot_next(const struct xdplb_service *service)
{
	__u32 first = READ_ONCE(service->set), at;
	union xdplb_set_line *set = bpf_map_lookup_elem(&xdplb_sets, &first);
	const union xdplb_set_line *line;
	__u64 slot;

	if (!first || !set || !set->head.slots)
		return 0;
	slot = __sync_fetch_and_add(&set->head.next, 1) % set->head.slots;
	at = set->head.slot_line + slot / 16;
	line = bpf_map_lookup_elem(&xdplb_sets, &at);
	return line ? line->slot[slot % 16] : 0;
}

#endif
