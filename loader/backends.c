// SPDX-License-Identifier: GPL-2.0-only
#include "backends.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flows.h"
#include "pools.h"
#include "port_users.h"
#include "set_layout.h"
#include "sets.h"
#include "sharing.h"
#include "tables.h"
#include "../xdp/hash.h"

void plan_free(struct plan *plan)
{
	wanted_free(&plan->before);
	free(plan->ids);
	free(plan->stays);
	free(plan->pools);
	free(plan->ways);
}

/* Notes who is in the set in force. */
static void plan_note(const struct balancer *balancer, __u32 service, struct plan *plan)
{
	const struct xdplb_set *set = set_of(balancer, service);
	__u8 taking = set_taking(balancer, service);

	for (__u32 i = 0; set && i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(balancer, service, i);

		plan->was[entry->backend] =
			PLAN_WAS_IN | (entry->state == taking ? PLAN_WAS_TAKING : 0);
	}
}

int plan_new(const struct balancer *balancer, __u32 known, int backends, __u8 *was,
	     struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->was = was;
	plan->ids = calloc(backends + 1, sizeof(*plan->ids));
	plan->stays = calloc(backends + 1, sizeof(*plan->stays));
	plan->pools = calloc(backends + 1, sizeof(*plan->pools));
	plan->ways = calloc(backends + 1, sizeof(*plan->ways));
	if (!plan->ids || !plan->stays || !plan->pools || !plan->ways)
		return fail(ENOMEM, "no memory for %d backends", backends);
	if (!known)
		return 0;
	plan_note(balancer, known, plan);
	return set_read(balancer, known, &plan->before);
}

/* What the program counts for a backend begins at 0 again. */
static int counts_clear(struct balancer *balancer, __u32 id)
{
	void *zero = calloc(balancer->cpus, sizeof(struct xdplb_backend_cpu));
	int err = 0;

	if (!zero || bpf_map_update_elem(balancer->fd[MAP_BACKEND_CPU], &id, zero, 0))
		err = fail(ENOMEM, "cannot clear a backend's counters");
	free(zero);
	return err;
}

int backend_counts_retire(struct balancer *balancer, __u32 id)
{
	struct xdplb_service *service = &balancer->services[balancer->backends[id].service];
	struct xdplb_backend_cpu counts;

	if (balancer_backend_counts(balancer, id, &counts))
		return -EIO;
	__atomic_fetch_add(&service->retired_packets, counts.packets, __ATOMIC_RELAXED);
	__atomic_fetch_add(&service->retired_bytes, counts.bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&service->retired_reply_packets, counts.reply_packets, __ATOMIC_RELAXED);
	__atomic_fetch_add(&service->retired_reply_bytes, counts.reply_bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&service->retired_new_flows, counts.new_flows, __ATOMIC_RELAXED);
	return counts_clear(balancer, id);
}

int backend_new(struct balancer *balancer, __u32 id, __u32 service,
		const struct wanted_backend *wanted)
{
	struct xdplb_backend *entry = &balancer->backends[id];
	int err = counts_clear(balancer, id);

	if (err)
		return err;
	__atomic_store_n(&balancer->active[id].flows, 0, __ATOMIC_RELAXED);
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->addr, wanted->addr, sizeof(entry->addr));
	entry->port = wanted->port;
	entry->proto = balancer->services[service].proto;
	entry->service = service;
	__atomic_store_n(&entry->flags, XDPLB_BACKEND_USED, __ATOMIC_RELEASE);
	return 0;
}

/* Places in a list of backends, by address and port: a hash table. */
struct places {
	__u32 mask;
	int *place; /* and 1; 0: empty */
};

static __u32 place_hash(const __be32 addr[4], __be16 port)
{
	__u64 key = xdplb_directory_key6(0, addr, port, 0) * 0x9e3779b97f4a7c15ULL;

	return key >> 32;
}

/* Where a backend is in the table, or would be put. */
static int *place_of(const struct places *places, const struct wanted_service *wanted,
		     const __be32 addr[4], __be16 port)
{
	__u32 at = place_hash(addr, port) & places->mask;

	while (places->place[at]) {
		const struct wanted_backend *backend = &wanted->backend[places->place[at] - 1];

		if (backend->port == port && same_address(backend->addr, addr))
			break;
		at = (at + 1) & places->mask;
	}
	return &places->place[at];
}

static int places_make(struct places *places, const struct wanted_service *wanted)
{
	places->mask = 1;
	while (places->mask < 2U * wanted->backends)
		places->mask = 2 * places->mask + 1;
	places->place = calloc(places->mask + 1, sizeof(*places->place));
	if (!places->place)
		return fail(ENOMEM, "no memory for %d backends", wanted->backends);
	for (int i = 0; i < wanted->backends; i++)
		*place_of(places, wanted, wanted->backend[i].addr, wanted->backend[i].port) = i + 1;
	return 0;
}

int backends_find(const struct balancer *balancer, __u32 service,
		  const struct wanted_service *wanted, struct plan *plan)
{
	struct places places;
	int err = places_make(&places, wanted);

	if (err)
		return err;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];
		int place;

		if (backend->service != service || !backend->flags ||
		    table_has_backend(balancer, id))
			continue;
		place = *place_of(&places, wanted, backend->addr, backend->port);
		if (!place)
			continue;
		plan->ids[place - 1] = id;
		plan->stays[place - 1] = plan->was[id] & PLAN_WAS_IN;
	}
	free(places.place);
	return 0;
}

bool plan_makes(const struct plan *plan, const struct wanted_service *wanted)
{
	for (int i = 0; i < wanted->backends; i++)
		if (!plan->ids[i])
			return true;
	return wanted->forward == XDPLB_NAT || wanted->forward != plan->before.forward;
}

/* Makes those that there are not. */
static int backends_make(struct balancer *balancer, __u32 service,
			 const struct wanted_service *wanted, __u32 *ids)
{
	int from = 1, err = 0;

	for (int i = 0; !err && i < wanted->backends; i++) {
		if (ids[i])
			continue;
		backend_here(&wanted->backend[i]);
		while (from < XDPLB_BACKENDS && balancer->backends[from].flags)
			from++;
		if (from == XDPLB_BACKENDS)
			return fail(ENOSPC, "no room for more than %d backends in all services",
				    XDPLB_BACKENDS - 1);
		ids[i] = from;
		err = backend_new(balancer, from, service, &wanted->backend[i]);
	}
	return err;
}

/* Where in its backend's list a pool is, or can be put beside those `taken`; -1: nowhere. */
static int pool_place(const struct balancer *balancer, const struct xdplb_backend *backend,
		      __u32 pool, __u32 taken)
{
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (backend->pool[i] == pool)
			return i;
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (!backend->pool[i])
			return i;
	for (int i = 0; i < XDPLB_SNATS; i++)
		if (!((backend->pools | taken) & 1 << i) &&
		    pool_is_idle(&balancer->pools[backend->pool[i]]))
			return i;
	return -1;
}

/* Gives a backend with nat its pools; *mask says which of them new flows shall use. */
static int backend_pools(struct balancer *balancer, __u32 id, const struct wanted_service *wanted,
			 const __be32 own[4], __u32 *mask)
{
	struct xdplb_backend *backend = &balancer->backends[id];
	int sources = wanted->snats ? wanted->snats : 1;

	*mask = 0;
	for (int i = 0; i < sources; i++) {
		int pool = pool_get(balancer, wanted->snats ? wanted->snat[i] : own, backend);
		int place = pool < 0 ? pool : pool_place(balancer, backend, pool, *mask);

		if (pool < 0)
			return pool;
		if (place < 0)
			return fail(EBUSY, "a backend's earlier source addresses are still in use; "
					   "try again when their flows have ended");
		__atomic_store_n(&backend->pool[place], pool, __ATOMIC_RELEASE);
		*mask |= 1 << place;
	}
	return 0;
}

int backends_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     struct plan *plan)
{
	enum xdplb_kind kind = sharing_kind(wanted->forward);
	int err = backends_make(balancer, service, wanted, plan->ids);

	for (int i = 0; !err && i < wanted->backends; i++) {
		backend_here(&wanted->backend[i]);
		if (wanted->forward == XDPLB_NAT)
			err = backend_pools(balancer, plan->ids[i], wanted, plan->ways[i].source,
					    &plan->pools[i]);
		else if (kind)
			err = sharing_join(balancer, kind, plan->ids[i]);
		else if (wanted->forward == XDPLB_LOCAL)
			err = port_user_add(balancer, plan->ids[i]);
	}
	place_here(NULL, NULL);
	return err;
}

/*
 * Writes an address of this machine, two words at a time: a packet that reads between
 * them has one of this machine's networks and goes its way.
 */
static void own_write(__be32 own[4], const __be32 address[4])
{
	if (same_address(own, address))
		return;
	for (int i = 0; i < 4; i += 2) {
		__u64 words;

		memcpy(&words, &address[i], sizeof(words));
		__atomic_store_n((__u64 *)&own[i], words, __ATOMIC_RELEASE);
	}
}

/* Where the kernel is asked for the backend's MAC, but where that is given. */
static void here_set(struct xdplb_backend *backend, const struct wanted_backend *wanted,
		     const __be32 source[4])
{
	static const __be32 none[4];

	own_write(backend->here, mac_given(wanted->mac) ? none : source);
}

/*
 * The addresses that this machine has towards a backend: its own, and the outer
 * source, if the method has one. With ipip, where none is given, most packets
 * have one of many instead.
 */
static void own_addresses_set(struct xdplb_backend *backend, const struct wanted_service *wanted,
			      const struct plan *plan, int i)
{
	const __be32 *given = wanted_source(wanted, wanted->backend[i].addr);
	const __be32 *source = given ? given : plan->ways[i].source;
	__u8 flags = backend->flags & ~XDPLB_BACKEND_SPREAD;

	here_set(backend, &wanted->backend[i], plan->ways[i].source);
	if (!forward_wraps(wanted->forward))
		return;
	if (!given && wanted->forward == XDPLB_IPIP)
		flags |= XDPLB_BACKEND_SPREAD;
	__atomic_store_n(&backend->flags, flags, __ATOMIC_RELEASE);
	own_write(backend->source, source);
}

static __u16 less(__u16 a, __u16 b)
{
	return a < b ? a : b;
}

void backend_timeouts_set(struct xdplb_backend *backend, const __u16 timeout[XDPLB_TIMEOUTS])
{
	const __u16 established = timeout[XDPLB_TIMEOUT_ESTABLISHED];
	const __u16 closing = timeout[XDPLB_TIMEOUT_CLOSING];
	const __u16 affinity = timeout[XDPLB_TIMEOUT_AFFINITY];
	const __u16 udp = timeout[XDPLB_TIMEOUT_UDP];
	const __u16 of[XDPLB_FLOW_STATES] = {
		[XDPLB_FLOW_NEW] = less(60, established),
		[XDPLB_FLOW_ADOPTED] = established,
		[XDPLB_FLOW_ESTABLISHED] = established,
		[XDPLB_FLOW_FIN_CLIENT] = closing,
		[XDPLB_FLOW_FIN_BACKEND] = closing,
		[XDPLB_FLOW_CLOSED] = closing,
		[XDPLB_FLOW_RESET] = less(10, closing),
		[XDPLB_FLOW_UDP_NEW] = udp,
		[XDPLB_FLOW_UDP] = udp,
		[XDPLB_FLOW_CLIENT_NEW] = affinity,
		[XDPLB_FLOW_CLIENT] = affinity,
	};

	for (int state = 0; state < XDPLB_FLOW_STATES; state++)
		if (backend->timeout[state] != of[state])
			__atomic_store_n(&backend->timeout[state], of[state], __ATOMIC_RELAXED);
}

/* Some backend that takes new flows goes on to. */
static bool any_goes_on(const struct wanted_service *wanted, const struct plan *plan)
{
	__u8 taking = wanted_taking(wanted);

	for (int i = 0; i < wanted->backends; i++)
		if (wanted->backend[i].state == taking && plan->was[plan->ids[i]] & PLAN_WAS_TAKING)
			return true;
	return false;
}

/* Slow start, of a backend that takes no flows yet; 0 seconds: it has none. */
static void ramp_begin(struct xdplb_backend *backend, __u16 seconds)
{
	if (backend->ramp_seconds)
		__atomic_store_n(&backend->ramp_seconds, 0, __ATOMIC_RELEASE);
	if (!seconds)
		return;
	__atomic_store_n(&backend->ramp_start, clock_seconds(), __ATOMIC_RELEASE);
	__atomic_store_n(&backend->ramp_seconds, seconds, __ATOMIC_RELEASE);
}

/* It comes up, or takes flows: true before it owns its first slot. */
static void backend_raise(struct xdplb_backend *backend, __u8 state, bool takes)
{
	__u8 flags = backend->flags;

	if (state != XDPLB_DOWN)
		flags &= ~XDPLB_BACKEND_DOWN;
	if (takes)
		flags |= XDPLB_BACKEND_OPEN;
	__atomic_store_n(&backend->flags, flags, __ATOMIC_RELEASE);
}

/* What comes into force with the set of the backend's state and weight. */
static void backend_open(struct balancer *balancer, __u32 service, __u32 id,
			 const struct wanted_backend *wanted, __u8 taking)
{
	struct xdplb_backend *backend = &balancer->backends[id];
	__u8 state = listener_state(balancer, service, backend->port, wanted->state);

	backend_raise(backend, state, state == taking);
	if (wanted->own_weight)
		__atomic_store_n(&backend->own_weight, wanted->own_weight, __ATOMIC_RELEASE);
}

void backends_open(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		   const struct plan *plan)
{
	bool goes_on = any_goes_on(wanted, plan);
	__u8 taking = wanted_taking(wanted);

	for (int i = 0; i < wanted->backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];

		if (!(plan->was[plan->ids[i]] & PLAN_WAS_TAKING))
			ramp_begin(backend, goes_on ? wanted->slow_start : 0);
		if (!plan->stays[i])
			backend_timeouts_set(backend, wanted->timeout);
		if (!backend->pools)
			__atomic_store_n(&backend->pools, plan->pools[i], __ATOMIC_RELEASE);
		if (!is_address(backend->source))
			own_addresses_set(backend, wanted, plan, i);
		backend_open(balancer, service, plan->ids[i], &wanted->backend[i], taking);
	}
}

void backends_raise(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		    const __u32 *ids, const bool *took)
{
	__u8 taking = wanted_taking(wanted);
	bool goes_on = false;

	for (int i = 0; i < wanted->backends; i++)
		goes_on |= took[i] && wanted->backend[i].state == taking;
	for (int i = 0; i < wanted->backends; i++) {
		if (!took[i])
			ramp_begin(&balancer->backends[ids[i]], goes_on ? wanted->slow_start : 0);
		backend_open(balancer, service, ids[i], &wanted->backend[i], taking);
	}
}

void backends_settle(struct balancer *balancer, __u32 service)
{
	const struct xdplb_set *set = set_of(balancer, service);
	__u8 taking = set_taking(balancer, service);

	for (__u32 i = 0; set && i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(balancer, service, i);
		struct xdplb_backend *backend = &balancer->backends[entry->backend];
		__u8 state = listener_state(balancer, service, backend->port, entry->state);

		backend_state_set(backend, state, state == taking);
	}
}

void backends_finish(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		     const struct plan *plan)
{
	__u8 taking = wanted_taking(wanted);

	for (int i = 0; i < wanted->backends; i++) {
		struct xdplb_backend *backend = &balancer->backends[plan->ids[i]];
		__u8 state =
			listener_state(balancer, service, backend->port, wanted->backend[i].state);

		memcpy(backend->mac, wanted->backend[i].mac, sizeof(backend->mac));
		backend_state_set(backend, state, state == taking);
		backend_timeouts_set(backend, wanted->timeout);
		if (!wanted->slow_start)
			ramp_begin(backend, 0);
		__atomic_store_n(&backend->pools, plan->pools[i], __ATOMIC_RELEASE);
		own_addresses_set(backend, wanted, plan, i);
		plan->was[plan->ids[i]] &= ~PLAN_WAS_IN;
	}
}

void backends_close(struct balancer *balancer, const __u8 *was)
{
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct xdplb_backend *backend = &balancer->backends[id];

		if (was[id] & PLAN_WAS_IN)
			__atomic_store_n(&backend->flags, backend->flags & ~XDPLB_BACKEND_OPEN,
					 __ATOMIC_RELEASE);
	}
}
