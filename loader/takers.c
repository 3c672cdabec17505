// SPDX-License-Identifier: GPL-2.0-only
#include "takers.h"

#include "sets.h"
#include "tables.h"

static __be16 port_at(const struct balancer *balancer, __u32 service, __u32 index)
{
	return balancer->backends[set_backend(balancer, service, index)->backend].port;
}

__u8 backend_state_now(const struct balancer *balancer, __u32 service, __u32 index)
{
	return listener_state(balancer, service, port_at(balancer, service, index),
			      set_backend(balancer, service, index)->state);
}

/* A backend of the set has this port, whose state counts and not the registration. */
static bool is_in_set(const struct balancer *balancer, __u32 service, __be16 port)
{
	const struct xdplb_set *set = set_of(balancer, service);

	for (__u32 i = 0; i < set->backends; i++)
		if (port_at(balancer, service, i) == port)
			return true;
	return false;
}

/* The next listener that registered itself and is none of the set's. */
static bool registered_next(const struct balancer *balancer, __u32 service, __u32 *place,
			    struct taker *taker)
{
	struct live_listener live;

	while (listener_next(balancer, service, place, &live)) {
		if (is_in_set(balancer, service, live.port))
			continue;
		*taker = (struct taker){ .backend = live.backend, .registered = true };
		return true;
	}
	return false;
}

/* The state of those of the set that take flows: backup only while nobody is up. */
static __u8 state_taking(const struct balancer *balancer, __u32 service)
{
	const struct xdplb_set *set = set_of(balancer, service);
	struct taker taker;
	__u32 place = 0;

	if (registered_next(balancer, service, &place, &taker))
		return XDPLB_UP;
	for (__u32 i = 0; i < set->backends; i++)
		if (backend_state_now(balancer, service, i) == XDPLB_UP)
			return XDPLB_UP;
	return XDPLB_BACKUP;
}

bool taker_next(const struct balancer *balancer, __u32 service, __u32 *place, struct taker *taker)
{
	const struct xdplb_set *set = set_of(balancer, service);
	struct live_listener live;
	__u8 state;
	__u32 k;
	bool found;

	if (!set)
		return false;
	state = state_taking(balancer, service);
	while (*place < set->backends) {
		__u32 i = (*place)++;

		if (backend_state_now(balancer, service, i) != state)
			continue;
		taker->backend = set_backend(balancer, service, i)->backend;
		taker->registered =
			listener_live(balancer, service, port_at(balancer, service, i), &live);
		return true;
	}
	k = *place - set->backends;
	found = registered_next(balancer, service, &k, taker);
	*place = set->backends + k;
	return found;
}
