// SPDX-License-Identifier: GPL-2.0-only
#include "registrar.h"

#include <arpa/inet.h>
#include <string.h>

#include "backends.h"
#include "directory.h"
#include "port_users.h"
#include "tables.h"

#define NSEC_PER_SEC 1000000000ULL

/* ---- judging --------------------------------------------------------------------------- */

bool datagram_is_sound(const struct datagram *datagram)
{
	return datagram->length == sizeof(datagram->message) &&
	       message_is_sound(&datagram->message, datagram->to);
}

void datagram_service(const struct datagram *datagram, struct service_address *at)
{
	memcpy(at->addr, datagram->to, sizeof(at->addr));
	at->port = datagram->message.service_port;
	at->proto = datagram->message.proto;
}

/* It knows the key; or, without one, is sealed: it is known who sends it, and that he may. */
static enum xdplb_reason message_judge(const struct message *message,
				       const struct xdplb_table *table, const __u64 seal[2])
{
	bool right = message_tag(table->keyed ? table->key : seal, message) == message->tag;

	if (message->user && (table->keyed || !right))
		return XDPLB_DROP_REG_MALFORMED;
	if (right)
		return XDPLB_ANSWER_REGISTERED;
	return table->keyed ? XDPLB_DROP_REG_KEY : XDPLB_DROP_REG_DENIED;
}

enum xdplb_reason datagram_judge(const struct datagram *datagram, const struct xdplb_table *table,
				 const __u64 seal[2])
{
	const struct message *message = &datagram->message;

	if (!table || table->mode != XDPLB_REGISTRATION_USER)
		return XDPLB_DROP_REG_DENIED;
	if (!(datagram->by_lo || table->anywhere) || message->port != datagram->from_port ||
	    !(table->keyed || same_address(datagram->from, datagram->to)))
		return XDPLB_DROP_REG_DENIED;
	return message_judge(message, table, seal);
}

/* ---- a place among the listeners --------------------------------------------------------- */

static __u32 word_of(const struct xdplb_listener *listener)
{
	return __atomic_load_n(&listener->word, __ATOMIC_ACQUIRE);
}

/* Changes the word if it is still `from`. */
static bool word_swap(struct xdplb_listener *listener, __u32 from, __u32 to)
{
	return __atomic_compare_exchange_n(&listener->word, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* The place of a port (host order), 0: a free place; -1: there is none. */
static int place_of(const struct xdplb_table *table, __u32 port)
{
	for (int k = 0; k < XDPLB_LISTENERS; k++)
		if (XDPLB_LISTENER_PORT(word_of(&table->listener[k])) == port)
			return k;
	return -1;
}

/*
 * The place of who has been gone for longest, -1: all are there. One that is a
 * backend of the set's stays: without its record the set's weight would count
 * again, and nobody is there.
 */
static int place_left(const struct xdplb_table *table, __u64 now)
{
	__u64 longest = now + 1;
	int place = -1;

	for (int k = 0; k < XDPLB_LISTENERS; k++) {
		const struct xdplb_listener *listener = &table->listener[k];
		bool is_static = table->is_static[k / 64] >> k % 64 & 1;
		__u64 expires = listener->expires;

		if (expires < longest && !(is_static && XDPLB_LISTENER_WEIGHT(word_of(listener)))) {
			longest = expires;
			place = k;
		}
	}
	return place;
}

/* The backend of a listener's place belongs to another port from now on. */
static int backend_hand_over(struct balancer *balancer, __u32 id, __u32 port)
{
	struct xdplb_backend *backend = &balancer->backends[id];
	int err = 0;

	if (backend->port) {
		port_user_remove(balancer, id);
		err = backend_counts_retire(balancer, id);
	}
	__atomic_store_n(&backend->port, htons(port), __ATOMIC_RELEASE);
	return err;
}

#define PLACE_NONE (-1)
#define PLACE_REPLAY (-2) /* there is one, whose listener's counter is not below this one's */

/* After it was handed over; flows of who had it before move. */
static void place_give_up(struct balancer *balancer, struct xdplb_table *table, int k)
{
	struct xdplb_backend *backend = &balancer->backends[table->first + k];

	__atomic_store_n(&backend->flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&backend->port, 0, __ATOMIC_RELEASE);
	word_swap(&table->listener[k], word_of(&table->listener[k]), 0);
	__atomic_store_n(&table->listener[k].expires, 0, __ATOMIC_RELEASE);
}

/* A place for a listener that has none, its weight 0 yet. PLACE_*: there is none. */
static int place_take(struct balancer *balancer, struct xdplb_table *table,
		      const struct message *message, __u64 now)
{
	__u32 port = ntohs(message->port);
	struct xdplb_listener *listener;
	int k = place_of(table, 0);

	if (k < 0)
		k = place_left(table, now);
	if (k < 0)
		return PLACE_NONE;
	listener = &table->listener[k];
	if (table->keyed && __be64_to_cpu(message->counter) <= listener->counter)
		return PLACE_REPLAY;
	if (!word_swap(listener, word_of(listener), XDPLB_LISTENER_OF(port, 0)))
		return PLACE_NONE;
	listener->leaving = 0;
	if (listener->counter > table->floor)
		table->floor = listener->counter;
	listener->counter = table->floor;
	backend_hand_over(balancer, table->first + k, port); /* or said what is not counted */
	if (port_claim(balancer, table->first + k))
		return k;
	place_give_up(balancer, table, k);
	return PLACE_NONE;
}

/* ---- one registration ---------------------------------------------------------------------- */

/* Nobody has said this before. The counter moves on with it. */
static bool counter_moves(struct xdplb_listener *listener, __u64 counter)
{
	if (counter <= listener->counter)
		return false;
	__atomic_store_n(&listener->counter, counter, __ATOMIC_RELEASE);
	return true;
}

/*
 * What a listener says counts from now on: the program chooses anew with the next
 * packet where `changes` says that something did, also the time at which it would
 * look by itself.
 */
static void listener_set(struct xdplb_table *table, struct xdplb_listener *listener,
			 const struct message *message, __u64 now)
{
	__u32 port = ntohs(message->port), weight = ntohs(message->weight);
	__u32 before = XDPLB_LISTENER_WEIGHT(word_of(listener));
	bool was_live = xdplb_listener_is_live(listener, now);
	bool leaves = !weight && xdplb_goodbye_leaves_flows(message->proto);
	__u64 expires = now + ntohs(message->lifetime) * NSEC_PER_SEC;

	__atomic_store_n(&listener->leaving, leaves, __ATOMIC_RELEASE);
	if (!leaves)
		__atomic_store_n(&listener->expires, weight ? expires : 0, __ATOMIC_RELEASE);
	if (weight)
		__atomic_store_n(&listener->word, XDPLB_LISTENER_OF(port, weight),
				 __ATOMIC_RELEASE);
	if (was_live != !!weight || (weight && (before != weight || expires < table->due)))
		__atomic_fetch_add(&table->changes, 1, __ATOMIC_SEQ_CST);
}

/* Nobody has said who it is, or he has gone. */
static bool is_nobodys(const struct xdplb_listener *listener, __u64 now)
{
	return listener->expires <= now || listener->leaving || listener->user == XDPLB_USER_ANY;
}

/* The registration holds, and is another user's. */
static bool is_others(const struct xdplb_table *table, const struct xdplb_listener *listener,
		      const struct message *message)
{
	return !table->keyed && message->user && ntohl(message->user) != listener->user;
}

/* Does what a message says that is right but for its counter and the room there is. */
static enum xdplb_reason message_apply(struct balancer *balancer, struct xdplb_table *table,
				       const struct message *message, __u64 now)
{
	__u64 counter = __be64_to_cpu(message->counter);
	int k = place_of(table, ntohs(message->port));
	bool is_free = k < 0 || is_nobodys(&table->listener[k], now);

	if (!is_free && is_others(table, &table->listener[k], message))
		return XDPLB_DROP_REG_DENIED;
	if (table->keyed && k < 0 && counter <= table->floor)
		return XDPLB_DROP_REG_REPLAY;
	if (k < 0 && message->weight)
		k = place_take(balancer, table, message, now);
	else if (message->weight && !port_claim(balancer, table->first + k))
		k = PLACE_NONE;
	if (k == PLACE_REPLAY)
		return XDPLB_DROP_REG_REPLAY;
	if (k < 0) /* nobody says goodbye */
		return message->weight ? XDPLB_DROP_REG_FULL : XDPLB_ANSWER_REGISTERED;
	if (table->keyed && !counter_moves(&table->listener[k], counter))
		return XDPLB_DROP_REG_REPLAY;
	if (is_free)
		table->listener[k].user = table->keyed ? XDPLB_USER_ANY : ntohl(message->user);
	listener_set(table, &table->listener[k], message, now);
	return XDPLB_ANSWER_REGISTERED;
}

static void answer_make(const struct xdplb_table *table, const struct message *message,
			struct hearing *hearing)
{
	struct message *answer = &hearing->answer;

	hearing->answered = message->answer_port != 0;
	*answer = *message;
	answer->type |= MESSAGE_ANSWER;
	answer->user = 0;
	answer->tag = table->keyed ? message_tag(table->key, answer) : 0;
}

/* The table of the service that a datagram speaks of, NULL: none, or not to be taken care of. */
static struct xdplb_table *table_meant(const struct balancer *balancer,
				       const struct datagram *datagram,
				       const struct service_address *only)
{
	const struct xdplb_directory_entry *entry;
	struct service_address at;

	datagram_service(datagram, &at);
	if (only && (only->port != at.port || only->proto != at.proto ||
		     !same_address(only->addr, at.addr)))
		return NULL;
	entry = directory_find(balancer, XDPLB_KIND_SERVICE, at.addr, at.port, at.proto);
	return entry ? table_of(balancer, entry->index) : NULL;
}

static void hear(struct balancer *balancer, const struct datagram *datagram,
		 const struct service_address *only, __u64 now, struct hearing *hearing)
{
	struct xdplb_table *table;

	memset(hearing, 0, sizeof(*hearing));
	hearing->reason = XDPLB_DROP_REG_MALFORMED;
	if (!datagram_is_sound(datagram))
		return;
	table = table_meant(balancer, datagram, only);
	hearing->reason = datagram_judge(datagram, table, balancer->config->seal);
	if (hearing->reason == XDPLB_ANSWER_REGISTERED)
		hearing->reason = message_apply(balancer, table, &datagram->message, now);
	if (hearing->reason == XDPLB_ANSWER_REGISTERED)
		answer_make(table, &datagram->message, hearing);
}

void registrar_hear(struct balancer *balancer, const struct datagram *datagram,
		    const struct service_address *only, __u64 now, struct hearing *hearing)
{
	hear(balancer, datagram, only, now, hearing);
	balancer->config->heard[hearing->reason]++;
}
