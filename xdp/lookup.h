/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stack looks for the socket that gets a datagram. What says to come from
 * where registrations go to and comes from elsewhere finds none: a listener that
 * echoes would register itself as another machine says. Where XDP runs, it has
 * seen to that, and what comes by there may be of this machine: the kernel names
 * the interface that has the address of what goes round by lo. What goes to a
 * group or to all is not asked about, and does not reach a socket that may
 * register, see is_bound().
 */
#ifndef XDPLB_LOOKUP_H
#define XDPLB_LOOKUP_H

#include "events.h"
#include "interface.h"
#include "service.h"

/* Each word is read by itself, as the kernel takes no other size. */
static __always_inline void ends_read6(const struct bpf_sk_lookup *lookup, struct headers *h)
{
	h->saddr.word[0] = READ_ONCE(lookup->remote_ip6[0]);
	h->saddr.word[1] = READ_ONCE(lookup->remote_ip6[1]);
	h->saddr.word[2] = READ_ONCE(lookup->remote_ip6[2]);
	h->saddr.word[3] = READ_ONCE(lookup->remote_ip6[3]);
	h->daddr.word[0] = READ_ONCE(lookup->local_ip6[0]);
	h->daddr.word[1] = READ_ONCE(lookup->local_ip6[1]);
	h->daddr.word[2] = READ_ONCE(lookup->local_ip6[2]);
	h->daddr.word[3] = READ_ONCE(lookup->local_ip6[3]);
}

static __always_inline void ends_read(const struct bpf_sk_lookup *lookup, struct headers *h)
{
	h->v6 = lookup->family == AF_INET6;
	h->proto = lookup->protocol;
	h->sport = lookup->remote_port;
	h->dport = bpf_htons(lookup->local_port);
	if (h->v6) {
		ends_read6(lookup, h);
	} else {
		h->saddr.word[0] = READ_ONCE(lookup->remote_ip4);
		h->daddr.word[0] = READ_ONCE(lookup->local_ip4);
	}
}

/* It is lo, which nothing from elsewhere comes by, or XDP runs there. */
static __always_inline bool is_guarded(const struct xdplb_config *config, __u32 ifindex)
{
	const struct xdplb_interface *interface;

	if (ifindex == LOOPBACK_IFINDEX)
		return true;
	interface = interface_of(config, ifindex);
	return interface->ifindex && !interface->vlan;
}

/* SK_DROP or SK_PASS. */
static __always_inline int socket_lookup(const struct bpf_sk_lookup *lookup)
{
	struct packet p = { .config = config_get(), .cpu = cpu_get() };
	struct headers h = {};

	if (!p.config || !p.cpu)
		return SK_PASS;
	ends_read(lookup, &h);
	p.h = &h;
	p.work = (struct work *)p.cpu->work;
	/* Whether XDP runs there is looked for in a list: most lookups are over before. */
	if (!may_mirror(&p) || is_guarded(p.config, lookup->ingress_ifindex) ||
	    !directory_find(&p, XDPLB_KIND_REGISTER, &h.saddr, 0, 0))
		return SK_PASS;
	drop(&p, XDPLB_DROP_REG_DENIED);
	/* No tick(), by which this program would have to know the flow table. */
	if (is_watched_at(&p, bpf_ktime_get_coarse_ns() / NSEC_PER_SEC))
		event_drop(&p);
	return SK_DROP;
}

#endif
