// SPDX-License-Identifier: GPL-2.0-only
#include "port_users.h"

#include <arpa/inet.h>

#include "error.h"
#include "tables.h"

static __u64 *word_of(const struct balancer *balancer, __u32 backend)
{
	return &balancer->ports[ntohs(balancer->backends[backend].port)];
}

static __u32 user_at(__u64 word, int place)
{
	return word >> 16 * place & 0xffff;
}

/* The place of a user, -1: it is none. */
static int place_of(__u64 word, __u32 user)
{
	for (int i = 0; i < XDPLB_PORT_USERS; i++)
		if (user_at(word, i) == user)
			return i;
	return -1;
}

/* A backend that is gone, or whose port is another now, or whose lifetime as a listener is over. */
static bool is_outdated(const struct balancer *balancer, __u32 user, __be16 port)
{
	return !balancer->backends[user].flags || balancer->backends[user].port != port ||
	       listener_is_over(balancer, user);
}

/* Puts `to` in the place of a user. False: there is no such user any more. */
static bool user_swap(__u64 *word, __u32 from, __u32 to)
{
	__u64 before = __atomic_load_n(word, __ATOMIC_ACQUIRE), after;

	do {
		int place = place_of(before, from);

		if (place < 0)
			return false;
		after = before ^ (__u64)(from ^ to) << 16 * place;
	} while (!__atomic_compare_exchange_n(word, &before, after, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return true;
}

bool port_has_user(const struct balancer *balancer, __u32 backend)
{
	return place_of(__atomic_load_n(word_of(balancer, backend), __ATOMIC_ACQUIRE), backend) >=
	       0;
}

/*
 * Makes a backend a user of its port; it takes the place of its twin, the same
 * service's. False: there is no room.
 */
static bool user_add(struct balancer *balancer, __u32 backend)
{
	__be16 port = balancer->backends[backend].port;
	__u64 *word = word_of(balancer, backend), users;
	__u32 twin = listener_twin(balancer, backend);

	if (port_has_user(balancer, backend) || (twin && user_swap(word, twin, backend)) ||
	    user_swap(word, 0, backend))
		return true;
	users = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	for (int i = 0; i < XDPLB_PORT_USERS; i++) {
		__u32 user = user_at(users, i);

		if (is_outdated(balancer, user, port) && user_swap(word, user, backend))
			return true;
	}
	return false;
}

int port_user_add(struct balancer *balancer, __u32 backend)
{
	__atomic_fetch_or(&balancer->config->kinds, 1U << XDPLB_KIND_LOCAL, __ATOMIC_SEQ_CST);
	if (user_add(balancer, backend))
		return 0;
	return fail(ENOSPC, "port %u: %d services have listeners there already: no more can",
		    ntohs(balancer->backends[backend].port), XDPLB_PORT_USERS);
}

bool port_claim(struct balancer *balancer, __u32 backend)
{
	const struct xdplb_backend *own = &balancer->backends[backend];
	__u64 users = __atomic_load_n(word_of(balancer, backend), __ATOMIC_ACQUIRE);

	for (int i = 0; i < XDPLB_PORT_USERS; i++) {
		__u32 user = user_at(users, i);

		if (!is_outdated(balancer, user, own->port) &&
		    balancer->backends[user].service == own->service)
			return true;
	}
	return user_add(balancer, backend);
}

void port_user_remove(struct balancer *balancer, __u32 backend)
{
	bool goes_on = service_set(balancer, balancer->backends[backend].service);
	__u32 twin = goes_on ? listener_twin(balancer, backend) : 0;

	if (twin && port_has_user(balancer, twin))
		twin = 0;
	user_swap(word_of(balancer, backend), backend, twin);
}
