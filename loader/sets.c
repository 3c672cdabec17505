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
	__u32 line = balancer->services[service].set;

	return line && line < XDPLB_SET_LINES ? &balancer->sets[line].head : NULL;
}

const __be32 *set_snat(const struct balancer *balancer, __u32 service, __u32 index)
{
	__u32 line = balancer->services[service].set + 1 + index / XDPLB_SNATS_A_LINE;

	return balancer->sets[line].snat[index % XDPLB_SNATS_A_LINE];
}

const struct xdplb_set_backend *set_backend(const struct balancer *balancer, __u32 service,
					    __u32 index)
{
	__u32 line = balancer->services[service].set;

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
	a.slot_line -= balancer->services[service].set;
	a.old_line -= balancer->services[service].set;
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

/* The window of the set before has closed since the new one was laid out. */
static bool is_outdated(const struct set_context *context)
{
	__u32 end = context->before ? context->before->window_end : 0;

	return marks_in_window(end, context->now) && !marks_in_window(end, clock_seconds());
}

/* -EAGAIN, without an error line: it must be laid out anew. */
static int set_place(struct balancer *balancer, const struct set_context *context,
		     union xdplb_set_line *set)
{
	__u32 service = context->service;
	__u32 lines = set->head.lines, first;

	if (set_same(balancer, service, set))
		return 0;
	first = lines_find(balancer, lines);
	if (!first)
		return fail(ENOSPC, "no room for a set of %u backends and %u slots%s",
			    set->head.backends, set->head.slots,
			    set->head.pick == XDPLB_PICK_HASH ? ": give fewer with --table-size" :
								"");
	set->head.slot_line += first;
	set->head.old_line += first;
	memcpy(&balancer->sets[first], set, lines * sizeof(*set));
	if (is_outdated(context))
		return -EAGAIN;
	__atomic_store_n(&balancer->services[service].set, first, __ATOMIC_RELEASE);
	return balancer_grace();
}

int set_publish(struct balancer *balancer, __u32 service, const struct wanted_service *wanted,
		const __u32 *ids)
{
	const struct marks before = set_marks(balancer, service);
	struct set_context context = {
		.seed = balancer->config->seed,
		.ids = ids,
		.before = set_of(balancer, service) ? &before : NULL,
		.service = service,
	};
	union xdplb_set_line *set;
	int err;

	do {
		context.now = clock_seconds();
		set = set_layout(wanted, &context);
		err = set ? set_place(balancer, &context, set) : -ENOMEM;
		free(set);
	} while (err == -EAGAIN);
	return err;
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
	}
	return 0;
}
