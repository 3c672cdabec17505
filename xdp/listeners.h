/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The listeners of a service that register themselves: which of them take flows
 * now, and with what weights. A selection is made when one has registered, or
 * has expired, or the set has changed, by the CPU that meets that first: it
 * writes the selection that nobody reads and puts it in force with one store.
 * The others go on meanwhile with the one before; nobody waits for anybody.
 */
#ifndef XDPLB_LISTENERS_H
#define XDPLB_LISTENERS_H

#include "selection.h"
#include "slot_table.h"
#include "slow_start.h"

#define BUILDS_MS 1 /* selections that may be made in a millisecond: a flood costs some of each */
#define BUILDS_MAX 256

static __always_inline struct xdplb_table *table_of(__u32 service_id)
{
	const struct xdplb_service *service = service_of(service_id);
	__u32 id = service ? service->table : 0;
	struct xdplb_table *table = bpf_map_lookup_elem(&xdplb_tables, &id);

	return id ? table : NULL;
}

/* A place within the array, of which the compiler must not take the mask away. */
static __always_inline __u32 listener_place(__u32 k)
{
	asm volatile("" : "+r"(k));
	return k & (XDPLB_LISTENERS - 1);
}

static __always_inline struct xdplb_listener *listener_at(struct xdplb_table *table, __u32 k)
{
	return &table->listener[listener_place(k)];
}

/*
 * In one comparison: of two, the verifier would follow three ways through each turn
 * of the loop below.
 */
static __always_inline bool is_listener(const struct xdplb_table *table, __u32 k, __u32 port,
					__u32 but)
{
	__u64 other = k ^ but;

	asm volatile("" : "+r"(other));
	return !((XDPLB_LISTENER_PORT(READ_ONCE(table->listener[k].word)) ^ port) |
		 (other - 1) >> 63);
}

/*
 * The listener with this port (host order), but for that at place `but`; -1: it
 * has never registered.
 */
__noinline int listener_find_but(__u32 service_id, __u32 port, __u32 but)
{
	struct xdplb_table *table = table_of(service_id);

	for (__u32 k = 0; table && k < XDPLB_LISTENERS; k++)
		if (is_listener(table, k, port, but))
			return k;
	return -1;
}

static __always_inline int listener_find(__u32 service_id, __u32 port)
{
	return listener_find_but(service_id, port, XDPLB_LISTENERS);
}

/* ---- the ports of local backends ------------------------------------------------------ */

static __always_inline __u64 *port_users(__u32 port)
{
	return bpf_map_lookup_elem(&xdplb_ports, &port);
}

/* Replaces one user of a port (a backend id, 0: none) by another. False: there is no such place. */
__noinline int port_user_swap(__u32 port, __u32 from, __u32 to)
{
	__u64 *users = port_users(port), word;

	for (int i = 0; users && i < 2 * XDPLB_PORT_USERS; i++) {
		__u32 shift = i % XDPLB_PORT_USERS * 16;

		word = READ_ONCE(*users);
		if ((word >> shift & 0xffff) == from &&
		    __sync_val_compare_and_swap(users, word, word ^ (__u64)(from ^ to) << shift) ==
			    word)
			return 1;
	}
	return 0;
}

static __always_inline __u32 port_user_at(__u32 port, __u32 place)
{
	const __u64 *users = port_users(port);

	return users ? READ_ONCE(*users) >> place % XDPLB_PORT_USERS * 16 & 0xffff : 0;
}

/* A listener that registered itself has replies until its lifetime ends, any other while it is. */
static __always_inline bool has_replies(const struct xdplb_backend *backend, __u32 id)
{
	struct xdplb_table *table = table_of(backend->service);
	const struct xdplb_cpu *cpu = cpu_get();
	__u32 k = table ? id - table->first : XDPLB_LISTENERS;

	return k >= XDPLB_LISTENERS ||
	       (cpu && READ_ONCE(listener_at(table, k)->expires) > cpu->now_ns);
}

/*
 * The service for which a backend is a user of this port, 0: it is out of date. By
 * itself, for the stack of those who ask.
 */
__noinline int user_service(__u32 id, __u32 port)
{
	const struct xdplb_backend *backend = backend_of(id);

	if (!backend || !backend->flags || backend->port != bpf_htons(port) ||
	    !has_replies(backend, id))
		return 0;
	return backend->service;
}

/*
 * Replies from this port can be told to be the service's, by a backend that it has
 * there, or by `id` from now on. False: other services have all places.
 */
__noinline int port_claim(__u32 service_id, __u32 port, __u32 id)
{
	int outdated = 0;

	for (int i = 0; i < XDPLB_PORT_USERS; i++) {
		__u32 user = port_user_at(port, i), service = user ? user_service(user, port) : 0;

		if (user == id || service == service_id)
			return 1;
		if (user && !service)
			outdated = user;
	}
	return port_user_swap(port, 0, id) || (outdated && port_user_swap(port, outdated, id));
}

/* ---- making a selection ---------------------------------------------------------------- */

struct building {
	struct xdplb_table *table;
	const struct xdplb_set *set;
	struct xdplb_selection *to;
	__u64 now;
	__u64 due;
	__u32 line; /* of the set's first backend */
	__u32 service;
	__u32 divisor; /* of all weights */
	__u32 state; /* of the set's backends that take flows now */
};

/* With rr and lc all weights are the same. */
static __always_inline bool is_even(const struct xdplb_set *set)
{
	return set->scheduler == XDPLB_RR || set->scheduler == XDPLB_LC;
}

static __always_inline void selection_add(struct building *b, __u32 id, __u32 weight)
{
	__u32 n = b->to->count;

	if (n >= XDPLB_CHOICES)
		return;
	if (is_even(b->set))
		weight = 1;
	b->to->word[n] = id | XDPLB_SLOT_SECOND(weight);
	b->to->count = n + 1;
	b->divisor = greatest_divisor(weight, b->divisor);
}

/* OPEN: it takes new flows; DOWN: its old ones shall move too; 0: they go on. */
static __always_inline void backend_flags(struct xdplb_backend *backend, __u8 flags)
{
	flags |= XDPLB_BACKEND_USED;
	if (backend->flags != flags)
		WRITE_ONCE(backend->flags, flags);
}

/* It takes flows, and did not before: slowly at first, where others do already. */
static __always_inline void backend_begins(struct building *b, struct xdplb_backend *backend)
{
	if (backend->flags & XDPLB_BACKEND_OPEN)
		return;
	backend->ramp_seconds = 0;
	if (!b->set->slow_start || !XDPLB_CURRENT_SET(b->table->current))
		return;
	backend->ramp_start = b->now / NSEC_PER_SEC;
	WRITE_ONCE(backend->ramp_seconds, b->set->slow_start);
}

static __always_inline void expires_at(struct building *b, __u64 ns)
{
	if (ns < b->due)
		b->due = ns;
}

/* The flags of who takes no new flows: those that it has go on while it is leaving. */
static __always_inline __u8 flags_gone(struct building *b, const struct xdplb_listener *listener)
{
	if (!READ_ONCE(listener->leaving) || READ_ONCE(listener->expires) <= b->now)
		return XDPLB_BACKEND_DOWN;
	expires_at(b, listener->expires);
	return 0;
}

/*
 * The backend of the set with the port of listener `k`. What the listener has
 * registered goes before the backend's own weight; nothing goes before the state
 * that the operator gave it. The listener's own backend, which it had before the
 * operator spoke of it, gets no new flows. Returns the weight, 0: it is out.
 */
static __always_inline __u32 static_registered(struct building *b, struct xdplb_backend *backend,
					       const struct xdplb_set_backend *entry, __u32 k)
{
	const struct xdplb_listener *listener = listener_at(b->table, k);
	struct xdplb_backend *own = backend_of(b->table->first + k);
	__u32 weight = XDPLB_LISTENER_WEIGHT(READ_ONCE(listener->word));
	bool gone = weight && !xdplb_listener_is_live(listener, b->now);
	__u8 flags = gone ? flags_gone(b, listener) : 0;

	b->table->is_static[k / 64 & 3] |= 1ULL << k % 64;
	if (own)
		backend_flags(own, entry->state == XDPLB_DOWN ? XDPLB_BACKEND_DOWN : flags);
	if (entry->state != XDPLB_UP || !weight)
		return entry->weight;
	if (gone) {
		backend_flags(backend, flags);
		return 0;
	}
	backend_begins(b, backend);
	backend_flags(backend, XDPLB_BACKEND_OPEN);
	expires_at(b, listener->expires);
	return weight;
}

/* A backend of the set. */
static long static_add(__u32 n, struct building *b)
{
	__u32 line = b->line + n / XDPLB_BACKENDS_A_LINE, weight;
	const union xdplb_set_line *lines = bpf_map_lookup_elem(&xdplb_sets, &line);
	const struct xdplb_set_backend *entry;
	struct xdplb_backend *backend;
	int k;

	if (!lines)
		return 1;
	entry = &lines->backend[n % XDPLB_BACKENDS_A_LINE];
	backend = backend_of(entry->backend);
	if (!backend)
		return 0;
	weight = entry->weight;
	k = listener_find(b->service, bpf_ntohs(backend->port));
	if (k >= 0)
		weight = static_registered(b, backend, entry, listener_place(k));
	if (entry->state == b->state && weight)
		selection_add(b, entry->backend, weight);
	return 0;
}

/* A listener that is none of the set's backends. */
static long listener_add(__u32 k, struct building *b)
{
	const struct xdplb_listener *listener = listener_at(b->table, k);
	__u32 id = b->table->first + k, port = XDPLB_LISTENER_PORT(listener->word);
	struct xdplb_backend *backend = backend_of(id);

	if (!port || !backend || b->table->is_static[k / 64 & 3] >> k % 64 & 1)
		return 0;
	if (!xdplb_listener_is_live(listener, b->now)) {
		backend_flags(backend, flags_gone(b, listener));
		return 0;
	}
	if (!port_claim(b->service, port, id))
		return 0; /* its replies could not be told from others' */
	backend_begins(b, backend);
	backend_flags(backend, XDPLB_BACKEND_OPEN);
	expires_at(b, listener->expires);
	selection_add(b, id, XDPLB_LISTENER_WEIGHT(listener->word));
	return 0;
}

/* Sums up the weights, over their greatest common divisor, so that turns are few. */
static long weight_sum(__u32 n, struct building *b)
{
	n = selection_place(n);
	b->to->sum[n] = ~0U;
	if (n >= b->to->count)
		return 0;
	b->to->total += XDPLB_SLOT_WEIGHT(b->to->word[n]) / b->divisor;
	b->to->sum[n] = b->to->total;
	return 0;
}

static long stride_try(__u32 n, struct building *b)
{
	(void)n;
	if (greatest_divisor(b->to->total, b->to->stride) == 1)
		return 1;
	b->to->stride++;
	return 0;
}

#define STRIDE_TRIES 64

static __always_inline void selection_finish(struct building *b)
{
	struct xdplb_selection *to = b->to;

	if (!b->divisor)
		return;
	bpf_loop(XDPLB_CHOICES, weight_sum, b, 0);
	to->stride = selection_stride(to->total, to->count);
	bpf_loop(STRIDE_TRIES, stride_try, b, 0);
	if (greatest_divisor(to->total, to->stride) != 1)
		to->stride = 1;
}

static __always_inline void selection_gather(struct building *b)
{
	for (int i = 0; i < XDPLB_LISTENERS / 64; i++)
		b->table->is_static[i] = 0;
	b->state = XDPLB_UP;
	bpf_loop(b->set->backends, static_add, b, 0);
	bpf_loop(XDPLB_LISTENERS, listener_add, b, 0);
	if (b->to->count)
		return;
	b->state = XDPLB_BACKUP;
	bpf_loop(b->set->backends, static_add, b, 0);
}

/* Makes the selection that is not in force, and puts it there. */
static __always_inline void selection_make(struct xdplb_table *table, __u32 service_id, __u64 now)
{
	__u32 line = set_line(service_of(service_id));
	__u32 which = !XDPLB_CURRENT_SELECTION(table->current);
	__u32 changes = READ_ONCE(table->changes);
	union xdplb_set_line *set = bpf_map_lookup_elem(&xdplb_sets, &line);
	struct building b = { .table = table, .service = service_id, .now = now, .due = ~0ULL };

	if (!line || !set)
		return;
	b.set = &set->head;
	b.to = &table->selection[which & 1];
	b.line = line + 1; /* local has no source addresses between */
	WRITE_ONCE(b.to->seq, b.to->seq + 1);
	b.to->count = b.to->total = b.to->stride = 0;
	selection_gather(&b);
	selection_finish(&b);
	barrier();
	WRITE_ONCE(b.to->seq, b.to->seq + 1);
	WRITE_ONCE(table->due, b.due);
	WRITE_ONCE(table->built, changes);
	WRITE_ONCE(table->current, XDPLB_CURRENT_OF(line, which));
}

/* It is not what the listeners, the set or the time say. */
static __always_inline bool selection_is_old(const struct xdplb_table *table, __u32 line, __u64 now)
{
	return now >= READ_ONCE(table->due) ||
	       READ_ONCE(table->changes) != READ_ONCE(table->built) ||
	       XDPLB_CURRENT_SET(READ_ONCE(table->current)) != line;
}

/* One may be made now: many at once, but not many in each millisecond. */
static __always_inline bool build_allowed(struct xdplb_table *table, __u64 now)
{
	__u64 left = table->builds_left + (now - table->built_at) * BUILDS_MS / NSEC_PER_MSEC;

	if (now > table->built_at) {
		table->builds_left = left < BUILDS_MAX ? left : BUILDS_MAX;
		table->built_at = now;
	}
	if (!table->builds_left)
		return false;
	table->builds_left--;
	return true;
}

/* Makes a new selection if there is need of one, and nobody is making it. */
__noinline int listeners_refresh(__u32 service_id)
{
	struct xdplb_table *table = table_of(service_id);
	const struct xdplb_service *service = service_of(service_id);
	const struct xdplb_cpu *cpu = cpu_get();

	if (!table || !service || !cpu ||
	    !selection_is_old(table, set_line(service), cpu->now_ns) ||
	    (!table->builds_left && table->built_at == cpu->now_ns) ||
	    __sync_val_compare_and_swap(&table->building, 0, 1))
		return 0;
	if (build_allowed(table, cpu->now_ns))
		selection_make(table, service_id, cpu->now_ns);
	__sync_lock_test_and_set(&table->building, 0);
	return 0;
}

/* What packets to the service choose from, NULL: nothing is known yet. */
static __always_inline struct xdplb_selection *selection_of(__u32 service_id)
{
	struct xdplb_table *table = table_of(service_id);

	if (!table || !XDPLB_CURRENT_SET(READ_ONCE(table->current)))
		return NULL;
	return &table->selection[XDPLB_CURRENT_SELECTION(READ_ONCE(table->current))];
}

/* The lot of the listener at place `n`, whose weight is less during its slow start. */
static long lot_next(__u32 n, struct lots *lots)
{
	const struct xdplb_config *config = config_get();
	__u32 word = selection_word(lots->from, n);
	const struct xdplb_cpu *cpu = cpu_get();

	if (config && cpu)
		lot_draw(lots, config->seed, word,
			 XDPLB_SLOT_WEIGHT(word) * share_now(XDPLB_SLOT_OWNER(word), cpu->now));
	return 0;
}

/* The id of the service's listener that this name has, 0: there is none. */
__noinline int listener_named(__u32 service_id, __u64 name)
{
	struct lots lots = { .from = selection_of(service_id), .name = name };

	if (!lots.from)
		return 0;
	bpf_loop(lots.from->count, lot_next, &lots, 0);
	return XDPLB_SLOT_OWNER(lots.winner);
}

#endif
