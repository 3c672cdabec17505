// SPDX-License-Identifier: GPL-2.0-only
#include "tables.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "addresses.h"
#include "backends.h"
#include "directory.h"
#include "error.h"
#include "port_users.h"
#include "sets.h"

#define NSEC_PER_SEC 1000000000ULL

static __u64 nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

__u64 clock_nanoseconds(void)
{
	return nanoseconds(CLOCK_MONOTONIC_COARSE);
}

struct xdplb_table *table_of(const struct balancer *balancer, __u32 service)
{
	__u32 id = balancer->services[service].table;

	return id && id < XDPLB_TABLES ? &balancer->tables[id] : NULL;
}

void table_read(const struct balancer *balancer, __u32 service,
		struct wanted_registration *registration)
{
	const struct xdplb_table *table = table_of(balancer, service);

	memset(registration, 0, sizeof(*registration));
	if (!table)
		return;
	registration->mode = table->mode;
	registration->keyed = table->keyed;
	registration->anywhere = table->anywhere;
	memcpy(registration->key, table->key, sizeof(registration->key));
}

/* ---- making one ------------------------------------------------------------------------ */

/* The first of as many free backend ids as a table needs, 0: there are not. */
static __u32 run_find(const struct balancer *balancer)
{
	__u32 run = 0;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		run = balancer->backends[id].flags ? 0 : run + 1;
		if (run == XDPLB_LISTENERS)
			return id + 1 - XDPLB_LISTENERS;
	}
	return 0;
}

/* A backend for a listener that is yet to register: it has no port, and is down. */
static int run_fill(struct balancer *balancer, __u32 id, __u32 service)
{
	const struct xdplb_service *at = &balancer->services[service];
	struct wanted_backend listener = {};
	int err;

	memcpy(listener.addr, at->addr, sizeof(listener.addr));
	err = backend_new(balancer, id, service, &listener);
	if (!err)
		balancer->backends[id].flags = XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN;
	return err;
}

static __u32 table_free_id(const struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_TABLES; id++)
		if (!balancer->tables[id].service)
			return id;
	return 0;
}

int table_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted)
{
	__u32 id, first;
	int err = 0;

	if (!wanted_listens(wanted) || balancer->services[service].table)
		return 0;
	id = table_free_id(balancer);
	first = run_find(balancer);
	if (!id || !first)
		return fail(ENOSPC,
			    "no room for registration of one more service: at most %d have it, "
			    "and each takes %d of %d backends in a row",
			    XDPLB_TABLES - 1, XDPLB_LISTENERS, XDPLB_BACKENDS - 1);
	for (__u32 k = 0; !err && k < XDPLB_LISTENERS; k++)
		err = run_fill(balancer, first + k, service);
	if (err)
		return err;
	memset(&balancer->tables[id], 0, sizeof(balancer->tables[id]));
	balancer->tables[id].first = first;
	balancer->tables[id].floor = nanoseconds(CLOCK_REALTIME);
	balancer->tables[id].service = service;
	/* The program itself makes its listeners users of their ports. */
	__atomic_fetch_or(&balancer->config->kinds, 1U << XDPLB_KIND_LOCAL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&balancer->services[service].table, id, __ATOMIC_RELEASE);
	return address_add(balancer, XDPLB_KIND_REGISTER, service);
}

static bool same_key(const struct xdplb_table *table, const struct wanted_registration *wanted)
{
	return table->keyed == wanted->keyed &&
	       !memcmp(table->key, wanted->key, sizeof(table->key));
}

/*
 * What was said before counts no more, neither of those who are new nor of those who are known.
 * With another key none of it could be said again: so that ends what a counter far ahead has shut
 * out.
 */
static void key_change(struct xdplb_table *table, const struct wanted_registration *registration)
{
	bool other = table->keyed && registration->keyed;
	__u64 now = nanoseconds(CLOCK_REALTIME);

	__atomic_store_n(&table->mode, XDPLB_REGISTRATION_OFF, __ATOMIC_SEQ_CST);
	memcpy(table->key, registration->key, sizeof(table->key));
	__atomic_store_n(&table->floor, now, __ATOMIC_RELAXED);
	for (int k = 0; k < XDPLB_LISTENERS; k++)
		if (other || table->listener[k].counter < now)
			__atomic_store_n(&table->listener[k].counter, now, __ATOMIC_RELAXED);
	__atomic_store_n(&table->keyed, registration->keyed, __ATOMIC_RELEASE);
}

void table_settle(struct balancer *balancer, __u32 service, const struct wanted_service *wanted)
{
	const struct wanted_registration *registration = &wanted->registration;
	struct xdplb_table *table = table_of(balancer, service);

	if (!table || !wanted_listens(wanted))
		return;
	if (!same_key(table, registration))
		key_change(table, registration);
	__atomic_store_n(&table->anywhere, registration->anywhere, __ATOMIC_RELEASE);
	__atomic_store_n(&table->mode, registration->mode, __ATOMIC_RELEASE);
	for (__u32 k = 0; k < XDPLB_LISTENERS; k++)
		backend_timeouts_set(&balancer->backends[table->first + k], wanted->timeout);
	/* Listeners were renewed perhaps, which a set that is the same does not tell. */
	__atomic_fetch_add(&table->changes, 1, __ATOMIC_RELEASE);
}

/* ---- the port to which registrations come -------------------------------------------------- */

static int port_clash(const __be32 addr[4], __be16 port)
{
	char text[ADDRESS_TEXT];

	endpoint_text(addr, port, text);
	return fail(EADDRINUSE,
		    "%s/udp cannot be a service and take registrations too; other services there "
		    "take them: choose another port with: xdplb-config set registration-port=PORT",
		    text);
}

int registration_port_check(const struct balancer *balancer, __be16 port,
			    const struct wanted_service *wanted)
{
	bool is_there = wanted && wanted->at.proto == IPPROTO_UDP && wanted->at.port == port;

	if (is_there && (wanted_listens(wanted) ||
			 directory_find(balancer, XDPLB_KIND_REGISTER, wanted->at.addr, 0, 0)))
		return port_clash(wanted->at.addr, port);
	if (wanted && wanted_listens(wanted) &&
	    directory_find(balancer, XDPLB_KIND_SERVICE, wanted->at.addr, port, IPPROTO_UDP))
		return port_clash(wanted->at.addr, port);
	for (__u32 id = 1; !wanted && id < XDPLB_TABLES; id++) {
		const __be32 *addr = balancer->services[balancer->tables[id].service].addr;

		if (balancer->tables[id].service &&
		    directory_find(balancer, XDPLB_KIND_SERVICE, addr, port, IPPROTO_UDP))
			return port_clash(addr, port);
	}
	return 0;
}

/* ---- freeing those that are not needed --------------------------------------------------- */

static bool is_needed(const struct balancer *balancer, const struct xdplb_table *table)
{
	const struct xdplb_set *set = set_of(balancer, table->service);

	return set && set->flags & XDPLB_SET_LISTEN && table_of(balancer, table->service) == table;
}

/* Its listeners are gone, and their flows move to others. */
static void table_free(struct balancer *balancer, struct xdplb_table *table)
{
	struct xdplb_service *service = &balancer->services[table->service];

	if (table_of(balancer, table->service) == table)
		__atomic_store_n(&service->table, 0, __ATOMIC_RELEASE);
	for (__u32 k = 0; k < XDPLB_LISTENERS; k++)
		__atomic_store_n(&balancer->backends[table->first + k].flags,
				 XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN, __ATOMIC_RELEASE);
	table->service = 0;
}

int tables_collect(struct balancer *balancer, __u8 *kept, __u8 mark)
{
	int freed = 0;

	for (__u32 id = 1; id < XDPLB_TABLES; id++) {
		struct xdplb_table *table = &balancer->tables[id];

		if (!table->service)
			continue;
		if (!is_needed(balancer, table)) {
			table_free(balancer, table);
			freed++;
			continue;
		}
		for (__u32 k = 0; k < XDPLB_LISTENERS; k++)
			kept[table->first + k] |= mark;
	}
	return freed;
}

bool table_has_backend(const struct balancer *balancer, __u32 backend)
{
	const struct xdplb_table *table = table_of(balancer, balancer->backends[backend].service);

	return table && backend - table->first < XDPLB_LISTENERS;
}

/* ---- its listeners ----------------------------------------------------------------------- */

static struct xdplb_listener *listener_find(const struct balancer *balancer, __u32 service,
					    __be16 port)
{
	struct xdplb_table *table = table_of(balancer, service);

	for (__u32 k = 0; table && k < XDPLB_LISTENERS; k++)
		if (XDPLB_LISTENER_PORT(table->listener[k].word) == ntohs(port))
			return &table->listener[k];
	return NULL;
}

static bool is_live(const struct xdplb_listener *listener)
{
	return xdplb_listener_is_live(listener, clock_nanoseconds());
}

__u8 listener_state(const struct balancer *balancer, __u32 service, __be16 port, __u8 state)
{
	const struct xdplb_listener *listener = listener_find(balancer, service, port);

	if (state != XDPLB_UP || !listener || !XDPLB_LISTENER_WEIGHT(listener->word) ||
	    is_live(listener))
		return state;
	if (listener->leaving && listener->expires > clock_nanoseconds())
		return XDPLB_DRAIN;
	return XDPLB_DOWN;
}

void listeners_renew(struct balancer *balancer, __u32 service, const struct wanted_service *wanted)
{
	for (int i = 0; i < wanted->backends; i++) {
		const struct wanted_backend *backend = &wanted->backend[i];
		struct xdplb_listener *listener =
			backend->renew ? listener_find(balancer, service, backend->port) : NULL;
		__u32 word = listener ? __atomic_load_n(&listener->word, __ATOMIC_ACQUIRE) : 0;

		/* One that registers just now stays. */
		if (listener && !is_live(listener))
			__atomic_compare_exchange_n(&listener->word, &word,
						    XDPLB_LISTENER_OF(XDPLB_LISTENER_PORT(word), 0),
						    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
}

bool listener_is_over(const struct balancer *balancer, __u32 backend)
{
	const struct xdplb_table *table = table_of(balancer, balancer->backends[backend].service);

	return table_has_backend(balancer, backend) &&
	       table->listener[backend - table->first].expires <= clock_nanoseconds();
}

static bool live_read(const struct xdplb_table *table, __u32 k, struct live_listener *live)
{
	const struct xdplb_listener *listener = &table->listener[k];
	__u32 word = __atomic_load_n(&listener->word, __ATOMIC_ACQUIRE);
	__u64 now = clock_nanoseconds(), expires = listener->expires;

	if (!XDPLB_LISTENER_WEIGHT(word) || listener->leaving || expires <= now)
		return false;
	live->port = htons(XDPLB_LISTENER_PORT(word));
	live->weight = XDPLB_LISTENER_WEIGHT(word);
	live->expires = (double)(expires - now) / NSEC_PER_SEC;
	live->backend = table->first + k;
	return true;
}

bool listener_live(const struct balancer *balancer, __u32 service, __be16 port,
		   struct live_listener *live)
{
	const struct xdplb_table *table = table_of(balancer, service);
	const struct xdplb_listener *listener = listener_find(balancer, service, port);

	return listener && live_read(table, listener - table->listener, live);
}

bool listener_is_shown(const struct balancer *balancer, __u32 service, __u32 k)
{
	const struct xdplb_set *set = set_of(balancer, service);
	__be16 port = balancer->backends[table_of(balancer, service)->first + k].port;

	for (__u32 i = 0; set && i < set->backends; i++)
		if (balancer->backends[set_backend(balancer, service, i)->backend].port == port)
			return false;
	return port;
}

__u32 listener_twin(const struct balancer *balancer, __u32 backend)
{
	const struct xdplb_backend *of = &balancer->backends[backend];
	const struct xdplb_table *table = table_of(balancer, of->service);

	for (__u32 k = 0; table && k < XDPLB_LISTENERS; k++)
		if (table->first + k != backend &&
		    balancer->backends[table->first + k].port == of->port)
			return table->first + k;
	return 0;
}

bool listener_next(const struct balancer *balancer, __u32 service, __u32 *place,
		   struct live_listener *live)
{
	const struct xdplb_table *table = table_of(balancer, service);

	while (table && *place < XDPLB_LISTENERS)
		if (live_read(table, (*place)++, live))
			return true;
	return false;
}
