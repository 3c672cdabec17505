/* SPDX-License-Identifier: GPL-2.0-only */
/* The slots that user space has laid out for a service, of backends' ids. */
#ifndef XDPLB_SLOT_TABLE_H
#define XDPLB_SLOT_TABLE_H

#include "flow_key.h"
#include "service.h"

/* The set in force of a service, NULL: none. */
static __always_inline struct xdplb_set *set_of(__u32 service_id)
{
	__u32 first = set_line(service_of(service_id));
	union xdplb_set_line *set = bpf_map_lookup_elem(&xdplb_sets, &first);

	return first && set ? &set->head : NULL;
}

/* The word of slot `n` of those that begin in this line. */
static __always_inline __u32 slot_at(__u32 line, __u32 n)
{
	const union xdplb_set_line *slots;

	line += n / XDPLB_SLOTS_A_LINE;
	slots = bpf_map_lookup_elem(&xdplb_sets, &line);
	return slots ? slots->slot[n % XDPLB_SLOTS_A_LINE] : 0;
}

/* The word of the slot that a name has, 0: there are none. */
static __always_inline __u32 slot_named(const struct packet *p, const struct xdplb_set *set,
					__u64 name)
{
	if (!set->slots)
		return 0;
	return slot_at(set->slot_line, xdplb_slot(p->config->seed, name, set->slots));
}

/* The name that finds the slot of this client's flow `name`, of whose address `bits` are hashed. */
static __always_inline __u64 slot_name(bool v6, const struct address *client, __u64 name,
				       __u32 bits)
{
	return bits ? client_name(v6, client, bits) : name;
}

#endif
