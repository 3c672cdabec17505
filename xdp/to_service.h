/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet from a client to a service: whose is its flow, or whose shall it be? */
#ifndef XDPLB_TO_SERVICE_H
#define XDPLB_TO_SERVICE_H

#include "affinity.h"
#include "choose.h"
#include "home.h"
#include "listeners.h"
#include "to_client.h"

/*
 * The flow p->value is remembered and goes on. One whose backend is down is
 * forgotten in its middle: *moved.
 */
static __always_inline bool flow_goes_on(struct packet *p, __u64 key, bool *moved)
{
	const struct xdplb_backend *backend;

	if (!flow_find(p, key))
		return false;
	backend = backend_of(XDPLB_FIELD(p->value, BACKEND));
	if (backend && !(backend->flags & XDPLB_BACKEND_DOWN) &&
	    !(p->h->tcp_flags & TCP_SYN && flow_is_left(p->value)))
		return true;
	*moved = !flow_remove(p->flow_index, p->value);
	p->raced = !*moved;
	return false;
}

/* The backend of a new flow: by affinity, else the owner of its slot, else by the scheduler. */
static __always_inline __u32 backend_for(const struct packet *p, const struct xdplb_set *set,
					 __u64 name, __u32 word, bool adopting)
{
	__u32 id = 0, previous;

	if (set->flags & XDPLB_SET_AFFINITY)
		id = client_backend(p->ctx, set->service, set->hash_bits);
	if (id)
		return id;
	if (set->flags & XDPLB_SET_TRACK)
		return backend_choose(p, set, p->work->beginning.slot);
	id = XDPLB_SLOT_OWNER(word);
	if (!adopting || is_ready(p, id, name))
		return id;
	/* During its slow start the owner leaves some to who had the slot before. */
	previous = previous_of(p, set, word, &p->h->saddr, name);
	return flags_of(previous) & XDPLB_BACKEND_OPEN ? previous : id;
}

/* Gives the reserved flow to this backend and publishes it. */
static __always_inline int flow_open(struct packet *p, __u32 backend, __u32 method)
{
	__u32 state = flow_state_first(p->h->proto == IPPROTO_TCP, p->h->tcp_flags);

	if (!backend)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	if (method == XDPLB_NAT)
		return nat_open(p, state, backend);
	if (method == XDPLB_DNAT && dnat_taken(p->ctx, backend))
		return drop(p, XDPLB_DROP_NO_PORT);
	flow_publish(p, state, backend, 0, method);
	return GO_ON;
}

/* Counts a flow that is remembered by another packet than its first. */
static __always_inline void count_old_flow(const struct packet *p, const struct beginning *flow)
{
	if (!flow->opens)
		p->cpu->reason[flow->adopting ? XDPLB_FLOW_TAKEN_OVER : XDPLB_FLOW_STRAY]++;
}

/*
 * Who had to end an unproven flow may end so too before its second packet. That
 * will go home, so the flow begins there; nat and affinity have no such choice.
 */
static __always_inline bool is_sent_home(const struct packet *p, const struct xdplb_set *set)
{
	return p->work->crowded && set->forward != XDPLB_NAT &&
	       !(set->flags & (XDPLB_SET_AFFINITY | XDPLB_SET_EACH));
}

/* Remembers the flow, for which an entry is reserved. */
static __always_inline int flow_remember(struct packet *p, const struct xdplb_set *set)
{
	const struct beginning *flow = &p->work->beginning;
	__u32 id, method = set->forward;
	__u64 old;
	int verdict;

	if (flow->opens && !is_sent_home(p, set)) {
		id = backend_for(p, set, flow->name, flow->word, flow->adopting);
	} else {
		old = home_own(p->ctx, set->service, flow->name);
		id = XDPLB_FIELD(old, BACKEND);
		method = method_of(old);
		count_old_flow(p, flow);
	}
	verdict = flow_open(p, id, method);
	if (verdict != GO_ON) {
		flow_cancel(p);
		return verdict;
	}
	p->work->opened = id;
	if (flow->opens)
		count_new_flow(id);
	return GO_ON;
}

/* A flow begins whose packets will go home: only its SYN says so. */
static __always_inline void home_opens(const struct packet *p)
{
	if (!SYN_ALONE(p->h->tcp_flags))
		return;
	p->work->opened = XDPLB_FIELD(p->value, BACKEND);
	count_new_flow(p->work->opened);
}

/* Nobody could answer it, and it would leave this machine. */
static __always_inline bool is_hopeless(const struct packet *p, const struct xdplb_set *set)
{
	return set->forward != XDPLB_LOCAL && is_nobody(p->h);
}

/* Sends a packet of a flow that is not remembered home. */
static __always_inline int go_home(struct packet *p, const struct xdplb_set *set)
{
	if (is_hopeless(p, set))
		return drop(p, XDPLB_DROP_BAD_SOURCE);
	if (set->flags & XDPLB_SET_EACH)
		p->value = home_value(backend_choose(p, set, p->work->beginning.slot), XDPLB_LOCAL);
	else
		p->value = home_own(p->ctx, set->service, p->work->beginning.name);
	if (!p->value)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	home_opens(p);
	return GO_ON;
}

/* A flow that is not to be remembered: of a slot that decides, or one nobody has seen begin. */
static __always_inline int flow_is_unknown(struct packet *p, const struct xdplb_set *set)
{
	if (set->flags & XDPLB_SET_TRACK) {
		if (set->forward == XDPLB_NAT)
			return pass(p, XDPLB_PASS_NO_FLOW);
		p->cpu->reason[XDPLB_FLOW_STRAY]++;
	}
	return go_home(p, set);
}

static __always_inline int flow_enter(struct packet *p, const struct xdplb_set *set)
{
	if (is_hopeless(p, set))
		return drop(p, XDPLB_DROP_BAD_SOURCE);
	if (is_last_hop(p) && set->forward != XDPLB_DSR && set->forward != XDPLB_LOCAL)
		return drop(p, XDPLB_DROP_TTL);
	switch (flow_reserve(p, xdplb_flow_key(p->work->beginning.name, set->service))) {
	case ROOM_TAKEN:
		return flow_remember(p, set);
	case ROOM_RACE:
		return drop(p, XDPLB_DROP_RACE);
	default:
		if (set->forward == XDPLB_NAT)
			return drop(p, XDPLB_DROP_TABLE_FULL);
		p->cpu->reason[XDPLB_FLOW_NO_ROOM]++;
		return go_home(p, set);
	}
}

/*
 * A packet of a flow that is not in the table. GO_ON: its value is in struct
 * work.
 */
__noinline int flow_begins(struct xdp_md *ctx, __u32 service, __u64 name, __u32 moved)
{
	struct xdplb_set *set = set_of(service);
	struct beginning *flow;
	struct packet p;
	int verdict;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	if (!set)
		return drop(&p, XDPLB_DROP_NO_BACKEND);
	flow = &p.work->beginning;
	flow->name = name;
	flow->slot = slot_name(p.h->v6, &p.h->saddr, name, set->hash_bits);
	flow->word = slot_named(&p, set, flow->slot);
	flow->adopting = is_adopting(set, flow->word, p.cpu->now);
	flow->opens = moved || is_opening(p.h->proto == IPPROTO_TCP, SYN_ALONE(p.h->tcp_flags),
					  flow->adopting);
	/* What ends with this packet needs no memory, nor shall anybody fill that so. */
	if (!(p.h->tcp_flags & (TCP_FIN | TCP_RST)) &&
	    is_to_remember(set, flow->opens, flow->adopting))
		verdict = flow_enter(&p, set);
	else
		verdict = flow_is_unknown(&p, set);
	p.work->value = p.value;
	return verdict;
}

/* The slot decides: nothing is remembered, nothing looked up. */
static __always_inline int flow_by_slot(struct packet *p, const struct xdplb_set *set, __u32 word)
{
	__u32 id = XDPLB_SLOT_OWNER(word);
	if (is_nobody(p->h))
		return drop(p, XDPLB_DROP_BAD_SOURCE);
	p->value = home_value(id, set->forward);
	if (!p->value)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	home_opens(p);
	return GO_ON;
}

#define KINDS_THAT_REPLY (1 << XDPLB_KIND_BACKEND | 1 << XDPLB_KIND_DNAT)

/* It goes to a service, and to a port that may be one of a flow's to a backend. */
static __always_inline bool may_be_reply(const struct packet *p)
{
	return p->config->kinds & KINDS_THAT_REPLY && bpf_ntohs(p->h->dport) >= XDPLB_PORT_FIRST;
}

/* Each datagram is handed out by itself: this one, of the remembered flow p->value, to whom? */
static __always_inline int datagram_goes(struct packet *p, const struct xdplb_set *set, __u64 name)
{
	__u32 id = backend_choose(p, set, name);

	p->value = home_value(id, XDPLB_LOCAL);
	return id ? GO_ON : drop(p, XDPLB_DROP_NO_BACKEND);
}

/*
 * A packet has come of the remembered flow p->value: it moves on, in the other table
 * if it has just been carried there. False: the flow has just ended.
 */
static __always_inline bool flow_touch_there(struct packet *p, __u64 key)
{
	if (flow_touch(p, true))
		return true;
	return has_two_tables() && flow_search(p, key) && flow_touch(p, true);
}

/* A packet has come of the remembered flow p->value, with this name. */
static __always_inline int flow_continues(struct packet *p, const struct xdplb_set *set, __u64 name)
{
	bool first = XDPLB_FIELD(p->value, SEEN) != (__u16)p->cpu->now ||
		     flow_is_unproven(state_of(p->value));

	if (!flow_touch_there(p, xdplb_flow_key(name, p->service)))
		return drop(p, XDPLB_DROP_RACE);
	if (first && set->flags & XDPLB_SET_AFFINITY)
		client_follows(p->ctx, set->service, XDPLB_FIELD(p->value, BACKEND),
			       p->h->tcp_flags & TCP_SYN);
	return set->flags & XDPLB_SET_EACH ? datagram_goes(p, set, name) : GO_ON;
}

/*
 * Finds the flow of a packet to p->service, or lets it begin: p->value. A service
 * that has no set is not in force yet, or not any more.
 */
static __always_inline int to_service(struct packet *p)
{
	struct xdplb_set *set = set_of(p->service);
	__u64 name = flow_name(p->config, p->h->v6, &p->h->saddr, p->h->sport);
	bool moved = false, looked_up;
	__u32 word = 0;
	int verdict;

	if (!set)
		return XDP_PASS;
	if (set->flags & XDPLB_SET_LISTEN)
		listeners_refresh(p->service);
	if (!(set->flags & XDPLB_SET_TRACK))
		word = slot_named(p, set, slot_name(p->h->v6, &p->h->saddr, name, set->hash_bits));
	looked_up = is_looked_up(set, word);
	if (looked_up && flow_goes_on(p, xdplb_flow_key(name, p->service), &moved))
		return flow_continues(p, set, name);
	if (p->raced)
		return drop(p, XDPLB_DROP_RACE);
	verdict = may_be_reply(p) ? reply(p) : GO_ON;
	if (verdict != GO_ON)
		return verdict;
	if (!looked_up)
		return flow_by_slot(p, set, word);
	verdict = flow_begins(p->ctx, p->service, name, moved);
	p->value = p->work->value;
	if (verdict == GO_ON && set->flags & XDPLB_SET_AFFINITY && p->work->beginning.opens)
		client_follows(p->ctx, p->service, XDPLB_FIELD(p->value, BACKEND), TCP_SYN);
	return verdict;
}

#endif
