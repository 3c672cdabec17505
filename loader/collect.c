// SPDX-License-Identifier: GPL-2.0-only
#include "collect.h"

#include <stdlib.h>

#include "addresses.h"
#include "backends.h"
#include "directory.h"
#include "error.h"
#include "flows.h"
#include "pools.h"
#include "port_users.h"
#include "sets.h"
#include "sharing.h"
#include "tables.h"

/* Takes away addresses that a killed command left to services that are not in force; how many. */
static int drop_ghosts(struct balancer *balancer)
{
	int dropped = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_service *service = &balancer->services[id];
		const struct xdplb_directory_entry *entry;

		if (!service->proto || service_set(balancer, id))
			continue;
		entry = directory_find(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
				       service->proto);
		if (!entry || entry->index != id)
			continue;
		directory_remove(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
				 service->proto);
		dropped++;
	}
	return dropped;
}

/* Why a backend is kept. */
#define IN_SET 1
#define IN_WINDOW 2 /* its flows may come, that nothing remembers */

/* Flags and timeouts are what the set says, also where a killed command did not get that far. */
static void backend_mend(struct xdplb_backend *backend, const struct xdplb_set *set, __u8 state,
			 __u8 taking)
{
	backend_state_set(backend, state, state == taking);
	backend_timeouts_set(backend, set->timeout);
}

/* Marks the backends that are in a set. */
static void mark_backends(struct balancer *balancer, __u8 *kept)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);
		__u8 taking = set_taking(balancer, id);

		for (__u32 i = 0; set && i < set->backends; i++) {
			const struct xdplb_set_backend *entry = set_backend(balancer, id, i);
			struct xdplb_backend *backend;

			backend = &balancer->backends[entry->backend];
			kept[entry->backend] |= IN_SET;
			backend_mend(backend, set,
				     listener_state(balancer, id, backend->port, entry->state),
				     taking);
		}
	}
}

/* Marks those to whom flows may still be adopted. */
static void mark_previous(const struct balancer *balancer, __u8 *kept)
{
	__u32 now = clock_seconds();

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);
		struct marks marks;

		if (!set || !marks_in_use(set->window_end, now))
			continue;
		marks = set_marks(balancer, id);
		for (__u32 s = 0; set->pick == XDPLB_PICK_HASH && s < marks.slots; s++)
			if (marks.slot[s] & XDPLB_SLOT_ADOPT)
				kept[XDPLB_SLOT_PREVIOUS(marks.slot[s])] |= IN_WINDOW;
		for (__u32 s = 0; s < marks.old_slots; s++)
			kept[marks.old_slot[s]] |= IN_WINDOW;
	}
}

/*
 * Those that are in no set take no new flows; and where their whole service is
 * gone, nor do they keep old ones, or hold a listener's port that another may need.
 */
static void mend_others(struct balancer *balancer, const __u8 *kept)
{
	static const __u16 none[XDPLB_TIMEOUTS];

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct xdplb_backend *backend = &balancer->backends[id];

		if (!backend->flags || kept[id] & IN_SET)
			continue;
		if (backend->flags & XDPLB_BACKEND_OPEN)
			__atomic_store_n(&backend->flags, backend->flags & ~XDPLB_BACKEND_OPEN,
					 __ATOMIC_RELEASE);
		if (!service_set(balancer, backend->service)) {
			backend_timeouts_set(backend, none);
			port_user_remove(balancer, id);
		}
	}
}

/* Forgets source addresses that are not wanted any more and have no flow left. */
static void collect_sources(struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct xdplb_backend *backend = &balancer->backends[id];

		for (int i = 0; backend->flags && i < XDPLB_SNATS; i++)
			if (backend->pool[i] && !(backend->pools & 1 << i) &&
			    pool_is_idle(&balancer->pools[backend->pool[i]]))
				backend->pool[i] = 0;
	}
}

static const enum xdplb_kind shared_kinds[] = { XDPLB_KIND_DNAT, XDPLB_KIND_TUNNEL };

/* A kept backend has an entry of this kind by its method, or by that of flows not yet adopted. */
static bool kind_wanted(const struct balancer *balancer, __u32 id, __u8 kept, enum xdplb_kind kind)
{
	const struct xdplb_set *set = set_of(balancer, balancer->backends[id].service);

	if (!set)
		return false;
	return (kept & IN_SET && sharing_kind(set->forward) == kind) ||
	       (kept & IN_WINDOW && sharing_kind(set->old_forward) == kind);
}

/* Some entry leads to a backend whose method does not need it any more. */
static bool is_left_over(const struct balancer *balancer, __u32 id, __u8 kept)
{
	for (int i = 0; i < 2; i++)
		if (!kind_wanted(balancer, id, kept, shared_kinds[i]) &&
		    sharing_has(balancer, shared_kinds[i], id))
			return true;
	return false;
}

/* Frees an entry that nothing needs. */
static int backend_free(struct balancer *balancer, __u32 id)
{
	int err = backend_counts_retire(balancer, id);

	if (err)
		return err;
	port_user_remove(balancer, id);
	balancer->backends[id].flags = 0;
	return 1;
}

/* Frees what a backend without flows has left over, and itself if it is not kept. */
static int collect_backend(struct balancer *balancer, __u32 id, __u8 kept)
{
	int changed = 0;

	for (int i = 0; i < 2; i++)
		if (!kind_wanted(balancer, id, kept, shared_kinds[i]))
			changed += sharing_leave(balancer, shared_kinds[i], id);
	return kept ? changed : backend_free(balancer, id);
}

/*
 * Those with flows stay as they are, and so do their services: replies still
 * come, and what routers say of them. Returns how many were freed or left a
 * directory entry.
 */
static int collect_backends(struct balancer *balancer, const __u8 *kept, bool *service_kept)
{
	int changed = 0, done;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];
		bool flows = XDPLB_ENTRIES(
			__atomic_load_n(&balancer->active[id].flows, __ATOMIC_RELAXED));

		if (!backend->flags)
			continue;
		if (flows || kept[id])
			service_kept[backend->service] = true;
		if (flows || (kept[id] && !is_left_over(balancer, id, kept[id])))
			continue;
		done = collect_backend(balancer, id, kept[id]);
		if (done < 0)
			return done;
		changed += done;
	}
	return changed;
}

/* Which kinds the directory has entries of: the program looks for no others. `gone` are pools. */
static void kinds_publish(struct balancer *balancer, const bool gone[XDPLB_POOLS])
{
	__u32 kinds = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && service_set(balancer, id))
			kinds |= 1 << XDPLB_KIND_SERVICE | 1 << XDPLB_KIND_ADDRESS |
				 (balancer->services[id].table ?
					  1 << XDPLB_KIND_REGISTER | 1 << XDPLB_KIND_LOCAL :
					  0);
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		if (balancer->pools[id].proto && !gone[id])
			kinds |= 1 << XDPLB_KIND_BACKEND;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		for (int i = 0; balancer->backends[id].flags && i < 2; i++)
			if (!(kinds & 1 << shared_kinds[i]) &&
			    sharing_has(balancer, shared_kinds[i], id))
				kinds |= 1 << shared_kinds[i];
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (balancer->backends[id].flags && port_has_user(balancer, id))
			kinds |= 1 << XDPLB_KIND_LOCAL;
	__atomic_store_n(&balancer->config->kinds, kinds, __ATOMIC_RELEASE);
}

static int collect_services(struct balancer *balancer, const bool *kept)
{
	int freed = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];

		if (!service->proto || service_set(balancer, id) || kept[id])
			continue;
		service->proto = 0;
		freed++;
	}
	return freed;
}

/* Takes away the ways that lead to what is unused; how many, or a negative errno. */
static int unlink_unused(struct balancer *balancer, __u8 *backends, bool *services, bool *pools)
{
	int freed, others = drop_ghosts(balancer);

	others += tables_collect(balancer, backends, IN_SET);
	mark_backends(balancer, backends);
	mark_previous(balancer, backends);
	mend_others(balancer, backends);
	collect_sources(balancer);
	freed = collect_backends(balancer, backends, services);
	if (freed < 0)
		return freed;
	freed += others;
	freed += addresses_mend(balancer);
	freed += collect_services(balancer, services);
	return freed + pools_unlink(balancer, pools);
}

int collect_begin(struct balancer *balancer, struct garbage *garbage)
{
	__u8 *backends = calloc(XDPLB_BACKENDS, sizeof(*backends));
	bool *services = calloc(XDPLB_SERVICES, sizeof(*services));
	int freed = -ENOMEM;

	garbage->waits = false;
	garbage->pools = calloc(XDPLB_POOLS, sizeof(*garbage->pools));
	if (backends && services && garbage->pools)
		freed = unlink_unused(balancer, backends, services, garbage->pools);
	else
		fail(ENOMEM, "no memory to collect what is unused");
	free(backends);
	free(services);
	if (freed < 0) {
		free(garbage->pools);
		garbage->pools = NULL;
		return freed;
	}
	garbage->waits = freed > 0;
	kinds_publish(balancer, garbage->pools);
	return 0;
}

int collect_end(struct balancer *balancer, struct garbage *garbage)
{
	int err = garbage->waits ? balancer_grace() : 0;

	if (garbage->waits && !err)
		pools_free(balancer, garbage->pools);
	garbage->waits = false;
	free(garbage->pools);
	garbage->pools = NULL;
	return err;
}

int balancer_collect(struct balancer *balancer)
{
	struct garbage garbage;
	int err = collect_begin(balancer, &garbage);

	return err ? err : collect_end(balancer, &garbage);
}
