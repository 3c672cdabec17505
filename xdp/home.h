/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where packets go of a flow that is not in the flow table: the owner of its
 * slot or, while that adopts, who had it before. The same for each of a flow's
 * packets until the next change.
 */
#ifndef XDPLB_HOME_H
#define XDPLB_HOME_H

#include "flow_table.h"
#include "listeners.h"
#include "slot_table.h"
#include "tracking.h"

#define SYN_ALONE(flags) (((flags) & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN)

/* What the value of a flow would be that goes to this backend (0: none) by this method. */
static __always_inline __u64 home_value(__u32 backend, __u32 method)
{
	if (!backend)
		return 0;
	return XDPLB_FIELD_OF(BACKEND, backend) | XDPLB_FIELD_OF(PORT, method) |
	       XDPLB_FIELD_OF(STATE, XDPLB_FLOW_ESTABLISHED);
}

/* XDPLB_BACKEND_*, of backend 0 none. */
static __always_inline __u32 flags_of(__u32 id)
{
	const struct xdplb_backend *backend = backend_of(id);

	return id && backend ? backend->flags : 0;
}

/* Its flows have not lost it. */
static __always_inline bool is_alive(__u32 id)
{
	return (flags_of(id) & (XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN)) == XDPLB_BACKEND_USED;
}

/* Who had the flow's slot before the change. */
static __always_inline __u32 previous_of(const struct packet *p, const struct xdplb_set *set,
					 __u32 word, const struct address *client, __u64 name)
{
	__u32 at;

	if (!set->old_slots)
		return XDPLB_SLOT_PREVIOUS(word);
	name = slot_name(p->h->v6, client, name, set->old_hash_bits);
	at = xdplb_slot(p->config->seed, name, set->old_slots);
	return XDPLB_SLOT_OWNER(slot_at(set->old_line, at));
}

static __always_inline __u64 home_in(const struct packet *p, const struct xdplb_set *set,
				     const struct address *client, __u64 name)
{
	__u32 word, previous;

	if (set->flags & XDPLB_SET_LISTEN) {
		name = slot_name(p->h->v6, client, name, set->hash_bits);
		return home_value(listener_named(set->service, name), set->forward);
	}
	word = slot_named(p, set, slot_name(p->h->v6, client, name, set->hash_bits));
	if (is_adopting(set, word, p->cpu->now)) {
		previous = previous_of(p, set, word, client, name);
		if (is_alive(previous))
			return home_value(previous, set->old_forward);
	}
	return home_value(XDPLB_SLOT_OWNER(word), set->forward);
}

/* The value of the flow of this client to the service, as if it were remembered; 0: nobody's. */
__noinline __u64 home(struct xdp_md *ctx, const struct address *client, __u32 port, __u32 service)
{
	const struct xdplb_set *set = set_of(service);
	struct packet p;

	if (!set || !client || !packet_get(ctx, &p))
		return 0;
	return home_in(&p, set, client, flow_name(p.config, p.h->v6, client, port));
}

/* The same of the flow `name`, which the packet is of. */
__noinline __u64 home_own(struct xdp_md *ctx, __u32 service, __u64 name)
{
	const struct xdplb_set *set = set_of(service);
	struct packet p;

	if (!set || !packet_get(ctx, &p))
		return 0;
	return home_in(&p, set, &p.h->saddr, name);
}

/*
 * The value of the flow of this client to the service, which an ICMP error is
 * about, in struct work. 1, or 0 for none.
 */
__noinline int flow_of(struct xdp_md *ctx, const struct address *client, __u32 port, __u32 service)
{
	const struct xdplb_set *set = set_of(service);
	struct packet p;

	if (!packet_get(ctx, &p))
		return 0;
	if (flow_lookup(ctx, client, port, service) && !is_expired(p.cpu->now, p.work->value))
		return 1;
	p.work->value = set && set->forward != XDPLB_NAT ? home(ctx, client, port, service) : 0;
	return p.work->value != 0;
}

#endif
