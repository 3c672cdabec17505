// SPDX-License-Identifier: GPL-2.0-only
#include "sets.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "flows.h"
#include "set_layout.h"
#include "tables.h"

const struct xdplb_set *set_of(const struct balancer *balancer, __u32 service)
{
	__u32 line = service_set(balancer, service);

	return line && line < XDPLB_SET_LINES ? &balancer->sets[line].head : NULL;
}

const __be32 *set_snat(const struct balancer *balancer, __u32 service, __u32 index)
{
	__u32 line = service_set(balancer, service) + 1 + index / XDPLB_SNATS_A_LINE;

	return balancer->sets[line].snat[index % XDPLB_SNATS_A_LINE];
}

const struct xdplb_set_backend *set_backend(const struct balancer *balancer, __u32 service,
					    __u32 index)
{
	__u32 line = service_set(balancer, service);

	line += set_backend_line(&balancer->sets[line].head) + index / XDPLB_BACKENDS_A_LINE;
	return &balancer->sets[line].backend[index % XDPLB_BACKENDS_A_LINE];
}

__u8 set_taking(const struct balancer *balancer, __u32 service)
{
	const struct xdplb_set *set = set_of(balancer, service);

	for (__u32 i = 0; set && i < set->backends; i++)
		if (set_backend(balancer, service, i)->state == XDPLB_UP)
			return XDPLB_UP;
	return XDPLB_BACKUP;
}

struct marks set_marks(const struct balancer *balancer, __u32 service)
{
	const struct xdplb_set *set = set_of(balancer, service);

	if (!set)
		return (struct marks){};
	return (struct marks){
		.pick = set->pick,
		.flags = set->flags,
		.forward = set->forward,
		.hash_bits = set->hash_bits,
		.old_hash_bits = set->old_hash_bits,
		.old_forward = set->old_forward,
		.window_end = set->window_end,
		.slots = set->slots,
		.old_slots = set->old_slots,
		.slot = set_words(balancer->sets, set->slot_line),
		.old_slot = set_words(balancer->sets, set->old_line),
	};
}

/* The set says the same as the one in force, wherever they lie. */
static bool set_same(const struct balancer *balancer, __u32 service,
		     const union xdplb_set_line *set)
{
	const struct xdplb_set *now = set_of(balancer, service);
	struct xdplb_set a, b;

	if (!now || now->lines != set->head.lines)
		return false;
	a = *now;
	b = set->head;
	a.next = b.next = 0;
	a.slot_line -= service_set(balancer, service);
	a.old_line -= service_set(balancer, service);
	return !memcmp(&a, &b, sizeof(a)) && !memcmp((const union xdplb_set_line *)now + 1, set + 1,
						     (now->lines - 1) * sizeof(*set));
}

/* ---- staging ------------------------------------------------------------------------------- */

/* The phase that is not in force. */
static int phase_next(const struct balancer *balancer)
{
	return !(balancer->config->phase & 1);
}

int staging_begin(struct balancer *balancer, struct staging *staging)
{
	int now = !phase_next(balancer), next = phase_next(balancer);

	staging->balancer = balancer;
	staging->from = 1;
	staging->used = calloc(XDPLB_SET_LINES, sizeof(*staging->used));
	if (!staging->used)
		return fail(ENOMEM, "no memory for the sets' places");
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);
		__u32 first = service_set(balancer, id);

		balancer->services[id].set[next] = balancer->services[id].set[now];
		if (set && set->lines <= XDPLB_SET_LINES - first)
			memset(staging->used + first, true, set->lines);
	}
	return 0;
}

void staging_free(struct staging *staging)
{
	free(staging->used);
	staging->used = NULL;
}

/* The first run of `lines` free lines from `from` on; 0 when there is none. */
static __u32 run_find(const bool *used, __u32 from, __u32 lines)
{
	__u32 run = 0;

	for (__u32 i = from; i < XDPLB_SET_LINES; i++) {
		run = used[i] ? 0 : run + 1;
		if (run == lines)
			return i + 1 - lines;
	}
	return 0;
}

/* Takes free lines, after those taken last where there are. */
static __u32 lines_take(struct staging *staging, __u32 lines)
{
	__u32 first = run_find(staging->used, staging->from, lines);

	if (!first)
		first = run_find(staging->used, 1, lines);
	if (!first)
		return 0;
	memset(staging->used + first, true, lines);
	staging->from = first + lines;
	return first;
}

static int set_place(struct staging *staging, __u32 service, union xdplb_set_line *set)
{
	struct balancer *balancer = staging->balancer;
	__u32 lines = set->head.lines, first;

	if (set_same(balancer, service, set))
		return 0;
	first = lines_take(staging, lines);
	if (!first)
		return fail(ENOSPC, "no room for a set of %u backends and %u slots%s",
			    set->head.backends, set->head.slots,
			    set->head.pick == XDPLB_PICK_HASH ? ": give fewer with --table-size" :
								"");
	set->head.slot_line += first;
	set->head.old_line += first;
	memcpy(&balancer->sets[first], set, lines * sizeof(*set));
	balancer->services[service].set[phase_next(balancer)] = first;
	return 0;
}

int set_stage(struct staging *staging, __u32 service, const struct wanted_service *wanted,
	      const __u32 *ids, __u32 *second)
{
	const struct balancer *balancer = staging->balancer;
	const struct marks before = set_marks(balancer, service);
	const struct set_context context = {
		.seed = balancer->config->seed,
		.ids = ids,
		.before = service_set(balancer, service) ? &before : NULL,
		.service = service,
		.now = *second = clock_seconds(),
	};
	union xdplb_set_line *set = set_layout(wanted, &context);
	int err = set ? set_place(staging, service, set) : -ENOMEM;

	free(set);
	return err;
}

bool set_is_outdated(const struct balancer *balancer, __u32 service, __u32 second)
{
	const struct xdplb_set *set = set_of(balancer, service);

	return set && marks_in_window(set->window_end, second) &&
	       !marks_in_window(set->window_end, clock_seconds());
}

void set_unstage(struct staging *staging, __u32 service)
{
	struct balancer *balancer = staging->balancer;

	balancer->services[service].set[phase_next(balancer)] = 0;
}

int staging_commit(struct staging *staging)
{
	struct balancer *balancer = staging->balancer;

	__atomic_store_n(&balancer->config->phase, balancer->config->phase + 1, __ATOMIC_RELEASE);
	return balancer_grace();
}

static void options_read(const struct xdplb_set *set, struct wanted_service *wanted)
{
	wanted->scheduler = set->scheduler;
	wanted->forward = set->forward;
	wanted->affinity = set->flags & XDPLB_SET_AFFINITY ? set->hash_bits : 0;
	if (set->flags & XDPLB_SET_STATELESS)
		wanted->udp = WANTED_UDP_STATELESS;
	else if (set->flags & XDPLB_SET_ASKED)
		wanted->udp = WANTED_UDP_TRACKED;
	wanted->table = set->table;
	wanted->window = set->window;
	wanted->slow_start = set->slow_start;
	memcpy(wanted->timeout, set->timeout, sizeof(wanted->timeout));
}

int set_read(const struct balancer *balancer, __u32 service, struct wanted_service *wanted)
{
	const struct xdplb_service *at = &balancer->services[service];
	const struct xdplb_set *set = set_of(balancer, service);

	memset(wanted, 0, sizeof(*wanted));
	memcpy(wanted->at.addr, at->addr, sizeof(at->addr));
	wanted->at.port = at->port;
	wanted->at.proto = at->proto;
	if (!set)
		return 0;
	options_read(set, wanted);
	table_read(balancer, service, &wanted->registration);
	wanted->snats = set->snats;
	for (int i = 0; i < set->snats && i < XDPLB_SNATS; i++)
		memcpy(wanted->snat[i], set_snat(balancer, service, i), sizeof(wanted->snat[i]));
	wanted->backend = calloc(set->backends + 1, sizeof(*wanted->backend));
	if (!wanted->backend)
		return fail(ENOMEM, "no memory for %u backends", set->backends);
	wanted->backends = set->backends;
	for (__u32 i = 0; i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(balancer, service, i);
		const struct xdplb_backend *backend = &balancer->backends[entry->backend];

		memcpy(wanted->backend[i].addr, backend->addr, sizeof(backend->addr));
		memcpy(wanted->backend[i].mac, backend->mac, sizeof(backend->mac));
		wanted->backend[i].port = backend->port;
		wanted->backend[i].weight = entry->weight;
		wanted->backend[i].state = entry->state;
		wanted->backend[i].own_state = XDPLB_OWN_STATE(entry->own);
		if (entry->own & XDPLB_OWN_WEIGHT)
			wanted->backend[i].own_weight = backend->own_weight;
	}
	return 0;
}
