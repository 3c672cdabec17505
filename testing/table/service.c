// SPDX-License-Identifier: GPL-2.0-only
#include "service.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/marks.h"
#include "../../loader/set_layout.h"

#define FIRST_BACKENDS 20
#define SLOW_START_MOST 120
#define WINDOW_LEAST 61 /* no flow is silent for so long */
#define WINDOW_MOST 900

const char *const change_names[CHANGES] = {
	[CHANGE_ADD] = "add",	       [CHANGE_BACK] = "add again",
	[CHANGE_DRAIN] = "drain",      [CHANGE_REMOVE] = "remove",
	[CHANGE_KILL] = "kill",	       [CHANGE_UP] = "up",
	[CHANGE_BACKUP] = "backup",    [CHANGE_WEIGHT] = "weight",
	[CHANGE_TABLE] = "table",      [CHANGE_SCHEDULER] = "scheduler",
	[CHANGE_METHOD] = "method",    [CHANGE_WINDOW] = "window",
	[CHANGE_NOBODY] = "drain all", [CHANGE_NOTHING] = "nothing",
};

/* Of a hundred changes. */
static const int often[CHANGES] = {
	[CHANGE_ADD] = 11,   [CHANGE_BACK] = 6,	     [CHANGE_DRAIN] = 10, [CHANGE_REMOVE] = 9,
	[CHANGE_KILL] = 8,   [CHANGE_UP] = 13,	     [CHANGE_BACKUP] = 4, [CHANGE_WEIGHT] = 6,
	[CHANGE_TABLE] = 3,  [CHANGE_SCHEDULER] = 4, [CHANGE_METHOD] = 6, [CHANGE_WINDOW] = 4,
	[CHANGE_NOBODY] = 1, [CHANGE_NOTHING] = 15,
};

/* ---- random numbers: splitmix64 -------------------------------------------------------- */

static __u64 random_state;

void random_begin(__u64 seed)
{
	random_state = seed;
}

__u64 random_64(void)
{
	__u64 x = random_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

__u32 random_below(__u32 below)
{
	return (random_64() >> 32) * below >> 32;
}

/* ---- the records of backends, as xdplb-config keeps them --------------------------------- */

__u32 service_word(const struct service *service, __u32 line, __u32 slot)
{
	return set_words(service->set, line)[slot];
}

static bool is_named(const struct service *service, __u32 id, __u32 now)
{
	const struct xdplb_set *set = &service->set->head;

	if (!marks_in_use(set->window_end, now))
		return false;
	for (__u32 s = 0; s < set->old_slots; s++)
		if (XDPLB_SLOT_OWNER(service_word(service, set->old_line, s)) == id)
			return true;
	for (__u32 s = 0; set->pick == XDPLB_PICK_HASH && s < set->slots; s++) {
		__u32 word = service_word(service, set->slot_line, s);

		if (word & XDPLB_SLOT_ADOPT && XDPLB_SLOT_PREVIOUS(word) == id)
			return true;
	}
	return false;
}

static int place_of(const struct service *service, __u32 id)
{
	for (int i = 0; i < service->wanted.backends; i++)
		if (service->ids[i] == id)
			return i;
	return -1;
}

/* Frees the records of backends that are gone, as collect.c does. */
static void records_collect(struct service *service, __u32 now)
{
	for (__u32 id = 1; id <= service->last_id; id++)
		if (service->backend[id].flags && place_of(service, id) < 0 &&
		    !service->entries[id] && !is_named(service, id, now))
			service->backend[id].flags = 0;
}

/* Who begins to take flows beside others does so slowly. */
static void ramp_begin(struct service *service, struct xdplb_backend *backend, bool others,
		       __u32 now)
{
	backend->ramp_start = now;
	backend->ramp_seconds = others ? service->wanted.slow_start : 0;
}

static void records_change(struct service *service, bool others, __u32 now)
{
	__u8 taking = wanted_taking(&service->wanted);

	for (__u32 id = 1; id <= service->last_id; id++) {
		struct xdplb_backend *backend = &service->backend[id];
		int place = place_of(service, id);
		__u8 state = place < 0 ? 0 : service->wanted.backend[place].state;

		if (place < 0) {
			backend->flags &= ~XDPLB_BACKEND_OPEN;
			continue;
		}
		if (state == taking && !(backend->flags & XDPLB_BACKEND_OPEN))
			ramp_begin(service, backend, others, now);
		if (state == XDPLB_DOWN && !(backend->flags & XDPLB_BACKEND_DOWN))
			service->deaths[id]++;
		backend->flags = XDPLB_BACKEND_USED |
				 (state == XDPLB_DOWN ? XDPLB_BACKEND_DOWN : 0) |
				 (state == taking ? XDPLB_BACKEND_OPEN : 0);
	}
}

static bool anybody_open(const struct service *service)
{
	for (__u32 id = 1; id <= service->last_id; id++)
		if (service->backend[id].flags & XDPLB_BACKEND_OPEN)
			return true;
	return false;
}

/* ---- publishing ---------------------------------------------------------------------------- */

static struct marks marks_of(union xdplb_set_line *set)
{
	return (struct marks){
		.pick = set->head.pick,
		.flags = set->head.flags,
		.forward = set->head.forward,
		.hash_bits = set->head.hash_bits,
		.old_hash_bits = set->head.old_hash_bits,
		.old_forward = set->head.old_forward,
		.window_end = set->head.window_end,
		.slots = set->head.slots,
		.old_slots = set->head.old_slots,
		.slot = set_words(set, set->head.slot_line),
		.old_slot = set_words(set, set->head.old_line),
	};
}

static void publish(struct service *service, __u32 now)
{
	struct set_context context = { .seed = service->seed, .ids = service->ids, .now = now };
	bool others = anybody_open(service);
	union xdplb_set_line *set;
	struct marks before;

	if (service->set) {
		before = marks_of(service->set);
		context.before = &before;
	}
	set = set_layout(&service->wanted, &context);
	if (!set)
		exit(1);
	if (service->set)
		set->head.next = service->set->head.next;
	free(service->set);
	service->set = set;
	records_change(service, others, now);
	records_collect(service, now);
}

/* ---- changes -------------------------------------------------------------------------------- */

static void place_take(struct service *service, __u32 id)
{
	struct wanted_service *wanted = &service->wanted;
	struct wanted_backend *backend = &wanted->backend[wanted->backends];

	memset(backend, 0, sizeof(*backend));
	backend->addr[0] = htonl(0x0a010000 + id);
	backend->port = wanted->at.port;
	backend->weight = random_below(4) ? 1 + random_below(10) : 1 + random_below(100);
	backend->state = random_below(8) ? XDPLB_UP : XDPLB_BACKUP;
	service->ids[wanted->backends++] = id;
	service->backend[id].flags |= XDPLB_BACKEND_USED;
}

static bool add(struct service *service)
{
	if (service->wanted.backends == PLACES || service->last_id + 1 == IDS)
		return false;
	place_take(service, ++service->last_id);
	return true;
}

static bool add_again(struct service *service)
{
	__u32 id = service->last_id;

	while (id && (!service->backend[id].flags || place_of(service, id) >= 0))
		id--;
	if (service->wanted.backends == PLACES || !id)
		return false;
	service->backend[id].flags &= ~XDPLB_BACKEND_DOWN;
	place_take(service, id);
	return true;
}

static bool remove_one(struct service *service)
{
	struct wanted_service *wanted = &service->wanted;
	int place = random_below(wanted->backends), last = wanted->backends - 1;

	/* Most have been drained before, as one should. */
	if (wanted->backends < 3 || (wanted->backend[place].state == XDPLB_UP && random_below(4)))
		return false;
	wanted->backend[place] = wanted->backend[last];
	service->ids[place] = service->ids[last];
	wanted->backends--;
	return true;
}

static bool state_change(struct service *service, __u8 state)
{
	struct wanted_backend *backend =
		&service->wanted.backend[random_below(service->wanted.backends)];

	if (backend->state == state)
		return false;
	backend->state = state;
	return true;
}

static bool table_change(struct wanted_service *wanted)
{
	static const __u32 tables[] = { 0, 251, 1021, 4093, 16381, 65537 };
	__u32 table = tables[random_below(sizeof(tables) / sizeof(*tables))];

	if (table == wanted->table)
		return false;
	wanted->table = table;
	return true;
}

static bool scheduler_change(struct wanted_service *wanted)
{
	static const __u8 schedulers[] = { XDPLB_MAGLEV, XDPLB_MAGLEV, XDPLB_SH, XDPLB_WRR };
	__u8 scheduler = schedulers[random_below(sizeof(schedulers))];

	/* UDP is stateless only where a hash decides. */
	if (scheduler == wanted->scheduler ||
	    (scheduler == XDPLB_WRR && wanted->udp == WANTED_UDP_STATELESS))
		return false;
	wanted->scheduler = scheduler;
	return true;
}

static bool method_change(struct wanted_service *wanted)
{
	static const __u8 methods[] = { XDPLB_DSR, XDPLB_IPIP, XDPLB_GUE, XDPLB_NAT, XDPLB_DNAT };
	__u8 method = methods[random_below(sizeof(methods))];

	/* UDP is stateless only where ports stay. */
	if (method == wanted->forward ||
	    (wanted->udp == WANTED_UDP_STATELESS && (method == XDPLB_NAT || method == XDPLB_DNAT)))
		return false;
	wanted->forward = method;
	return true;
}

static bool window_change(struct wanted_service *wanted)
{
	wanted->window = WINDOW_LEAST + random_below(WINDOW_MOST - WINDOW_LEAST);
	wanted->slow_start = random_below(2) ? random_below(SLOW_START_MOST) : 0;
	return true;
}

static bool drain_all(struct service *service)
{
	for (int i = 0; i < service->wanted.backends; i++)
		service->wanted.backend[i].state = XDPLB_DRAIN;
	return true;
}

static bool everybody_up(struct service *service)
{
	for (int i = 0; i < service->wanted.backends; i++)
		service->wanted.backend[i].state = XDPLB_UP;
	return true;
}

bool service_is_closed(const struct service *service)
{
	__u8 taking = wanted_taking(&service->wanted);

	for (int i = 0; i < service->wanted.backends; i++)
		if (service->wanted.backend[i].state == taking)
			return false;
	return true;
}

/* False when this one cannot be made now. */
static bool change_make(struct service *service, enum change change)
{
	struct wanted_service *wanted = &service->wanted;

	switch (change) {
	case CHANGE_ADD:
		return add(service);
	case CHANGE_BACK:
		return add_again(service);
	case CHANGE_REMOVE:
		return remove_one(service);
	case CHANGE_DRAIN:
		return state_change(service, XDPLB_DRAIN);
	case CHANGE_KILL:
		return state_change(service, XDPLB_DOWN);
	case CHANGE_UP:
		return service_is_closed(service) ? everybody_up(service) :
						    state_change(service, XDPLB_UP);
	case CHANGE_BACKUP:
		return state_change(service, XDPLB_BACKUP);
	case CHANGE_WEIGHT:
		wanted->backend[random_below(wanted->backends)].weight = 1 + random_below(10);
		return true;
	case CHANGE_TABLE:
		return table_change(wanted);
	case CHANGE_SCHEDULER:
		return scheduler_change(wanted);
	case CHANGE_METHOD:
		return method_change(wanted);
	case CHANGE_WINDOW:
		return window_change(wanted);
	case CHANGE_NOBODY:
		return drain_all(service);
	default:
		return true;
	}
}

static enum change change_pick(const struct service *service)
{
	int number = random_below(100), change = 0;

	if (service_is_closed(service))
		return CHANGE_UP;
	while (number >= often[change])
		number -= often[change++];
	return change;
}

void service_change(struct service *service, __u32 now)
{
	enum change change = change_pick(service);

	while (!change_make(service, change))
		change = change_pick(service);
	service->changes[change]++;
	if (change != CHANGE_NOTHING)
		publish(service, now);
	else
		records_collect(service, now);
}

bool service_is_settled(const struct service *service, __u32 now)
{
	const struct xdplb_set *set = &service->set->head;

	return set->pick == XDPLB_PICK_HASH && !(set->flags & XDPLB_SET_TRACK) && set->window_end &&
	       !marks_in_use(set->window_end, now);
}

void service_settle(struct service *service, const bool *needed)
{
	struct marks marks = marks_of(service->set);

	if (!marks_clear(&marks, needed))
		service->set->head.window_end = 0;
}

void service_begin(struct service *service, bool udp, bool stateless, __u32 now)
{
	struct wanted_service *wanted = &service->wanted;

	memset(service, 0, sizeof(*service));
	service->seed[0] = random_64();
	service->seed[1] = random_64();
	wanted->at.port = htons(80);
	wanted->at.addr[0] = htonl(0xc6336407);
	wanted->at.proto = udp ? IPPROTO_UDP : IPPROTO_TCP;
	wanted->scheduler = XDPLB_MAGLEV;
	wanted->forward = XDPLB_DSR;
	wanted->udp = stateless ? WANTED_UDP_STATELESS : udp ? WANTED_UDP_TRACKED : 0;
	wanted->backend = calloc(PLACES, sizeof(*wanted->backend));
	if (!wanted->backend)
		exit(1);
	window_change(wanted);
	for (int i = 0; i < FIRST_BACKENDS; i++)
		add(service);
	everybody_up(service);
	publish(service, now);
}

void service_end(struct service *service)
{
	wanted_free(&service->wanted);
	free(service->set);
}
