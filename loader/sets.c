// SPDX-License-Identifier: GPL-2.0-only
#include "sets.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "slots.h"

#define SLOTS_A_LINE 16
#define BACKENDS_A_LINE 8
#define SNATS_A_LINE 4

const struct xdplb_set *set_of(const struct balancer *balancer, __u32 service)
{
	__u32 line = balancer->services[service].set;

	return line && line < XDPLB_SET_LINES ? &balancer->sets[line].head : NULL;
}

static __u32 snat_lines(__u32 snats)
{
	return (snats + SNATS_A_LINE - 1) / SNATS_A_LINE;
}

static __u32 backend_lines(__u32 backends)
{
	return (backends + BACKENDS_A_LINE - 1) / BACKENDS_A_LINE;
}

const __be32 *set_snat(const struct balancer *balancer, __u32 service, __u32 index)
{
	__u32 line = balancer->services[service].set + 1 + index / SNATS_A_LINE;

	return balancer->sets[line].snat[index % SNATS_A_LINE];
}

const struct xdplb_set_backend *set_backend(const struct balancer *balancer, __u32 service,
					    __u32 index)
{
	__u32 line = balancer->services[service].set;

	line += 1 + snat_lines(balancer->sets[line].head.snats) + index / BACKENDS_A_LINE;
	return &balancer->sets[line].backend[index % BACKENDS_A_LINE];
}

/* Backends that take new flows: those that are up, else the backups. */
static __u8 state_in_use(const struct wanted_service *wanted)
{
	for (int i = 0; i < wanted->backends; i++)
		if (wanted->backend[i].state == XDPLB_UP)
			return XDPLB_UP;
	return XDPLB_BACKUP;
}

/* Lays out the slots, of backend ids. slots->slot is to be freed. */
static int slots_build(const struct wanted_service *wanted, const __u32 *ids, struct slots *slots)
{
	__u32 *weight = calloc(wanted->backends + 1, sizeof(*weight));
	__u32 *taking = calloc(wanted->backends + 1, sizeof(*taking));
	__u8 state = state_in_use(wanted);
	__u32 count = 0;
	int err = -ENOMEM;

	memset(slots, 0, sizeof(*slots));
	for (int i = 0; weight && taking && i < wanted->backends; i++) {
		if (wanted->backend[i].state != state)
			continue;
		weight[count] = wanted->scheduler == XDPLB_RR ? 1 : wanted->backend[i].weight;
		taking[count++] = ids[i];
	}
	if (weight && taking)
		err = slots_weighted(weight, count, slots);
	for (__u32 s = 0; !err && s < slots->count; s++)
		slots->slot[s] = taking[slots->slot[s]];
	free(weight);
	free(taking);
	return err ? fail(-err, "no memory for the slots") : 0;
}

/* The set as it shall lie in the map; `lines` long, malloc()ed, NULL: no memory. */
static union xdplb_set_line *set_build(const struct wanted_service *wanted, const __u32 *ids,
				       const struct slots *slots, __u32 service)
{
	__u32 backend_line = 1 + snat_lines(wanted->snats);
	__u32 slot_line = backend_line + backend_lines(wanted->backends);
	__u32 lines = slot_line + (slots->count + SLOTS_A_LINE - 1) / SLOTS_A_LINE;
	union xdplb_set_line *set = calloc(lines, sizeof(*set));

	if (!set)
		return NULL;
	set->head.slots = slots->count;
	set->head.slot_line = slot_line; /* from the set, until it has its place */
	set->head.lines = lines;
	set->head.service = service;
	set->head.backends = wanted->backends;
	set->head.scheduler = wanted->scheduler;
	set->head.forward = wanted->forward;
	set->head.snats = wanted->snats;
	for (int i = 0; i < wanted->snats; i++)
		memcpy(set[1 + i / SNATS_A_LINE].snat[i % SNATS_A_LINE], wanted->snat[i],
		       sizeof(wanted->snat[i]));
	for (int i = 0; i < wanted->backends; i++)
		set[backend_line + i / BACKENDS_A_LINE].backend[i % BACKENDS_A_LINE] =
			(struct xdplb_set_backend){
				.backend = ids[i],
				.weight = wanted->backend[i].weight,
				.state = wanted->backend[i].state,
			};
	for (__u32 s = 0; s < slots->count; s++)
		set[slot_line + s / SLOTS_A_LINE].slot[s % SLOTS_A_LINE] = slots->slot[s];
	return set;
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
	a.slot_line -= balancer->services[service].set;
	return !memcmp(&a, &b, sizeof(a)) && !memcmp((const union xdplb_set_line *)now + 1, set + 1,
						     (now->lines - 1) * sizeof(*set));
}

/* Marks the lines of all sets in force. */
static bool *lines_in_use(const struct balancer *balancer)
{
	bool *used = calloc(XDPLB_SET_LINES, sizeof(*used));

	if (!used)
		return NULL;
	used[0] = true;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);
		__u32 first = balancer->services[id].set;

		if (set && set->lines <= XDPLB_SET_LINES - first)
			memset(used + first, true, set->lines);
	}
	return used;
}

/* The first run of `lines` free lines; 0 when there is none. */
static __u32 lines_find(const struct balancer *balancer, __u32 lines)
{
	bool *used = lines_in_use(balancer);
	__u32 run = 0, found = 0;

	for (__u32 i = 1; used && i < XDPLB_SET_LINES && !found; i++) {
		run = used[i] ? 0 : run + 1;
		if (run == lines)
			found = i + 1 - lines;
	}
	free(used);
	return found;
}

static int set_place(struct balancer *balancer, __u32 service, union xdplb_set_line *set)
{
	__u32 lines = set->head.lines, first;

	if (set_same(balancer, service, set))
		return 0;
	first = lines_find(balancer, lines);
	if (!first)
		return fail(ENOSPC, "no room for a set of %u backends and %u slots",
			    set->head.backends, set->head.slots);
	set->head.slot_line += first;
	memcpy(&balancer->sets[first], set, lines * sizeof(*set));
	__atomic_store_n(&balancer->services[service].set, first, __ATOMIC_RELEASE);
	return balancer_grace();
}

int set_publish(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		const __u32 *ids)
{
	union xdplb_set_line *set;
	struct slots slots;
	int err = slots_build(wanted, ids, &slots);

	if (err)
		return err;
	if (slots.error > 0)
		warn("the weights' sequence is reduced to %u slots: a backend's share is off by up "
		     "to %.3f%%",
		     slots.count, slots.error * 100);
	set = set_build(wanted, ids, &slots, service);
	err = set ? set_place(balancer, service, set) : fail(ENOMEM, "no memory for the set");
	free(set);
	free(slots.slot);
	return err;
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
	wanted->scheduler = set->scheduler;
	wanted->forward = set->forward;
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
	}
	return 0;
}
