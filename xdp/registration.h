/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A listener registers itself: what to do with its datagram. One that is not
 * right in every respect is dropped and counted, and has changed nothing.
 */
#ifndef XDPLB_REGISTRATION_H
#define XDPLB_REGISTRATION_H

#include "answer.h"
#include "events.h"
#include "listeners.h"
#include "message.h"
#include "parse.h"

#define REGISTRATION_BYTES (sizeof(struct udphdr) + sizeof(struct message))

/* ---- a place among the listeners ------------------------------------------------------- */

struct retiring {
	struct xdplb_service *service;
	__u32 backend; /* id */
};

/* Adds what a CPU has counted for a backend to its service's totals, for good. */
static long counts_retire(__u32 cpu, struct retiring *retiring)
{
	struct xdplb_service *service = retiring->service;
	struct xdplb_backend_cpu *counts;

	counts = bpf_map_lookup_percpu_elem(&xdplb_back_cpu, &retiring->backend, cpu);
	if (!counts)
		return 1;
	__sync_fetch_and_add(&service->retired_packets, counts->packets);
	__sync_fetch_and_add(&service->retired_bytes, counts->bytes);
	__sync_fetch_and_add(&service->retired_reply_packets, counts->reply_packets);
	__sync_fetch_and_add(&service->retired_reply_bytes, counts->reply_bytes);
	__sync_fetch_and_add(&service->retired_new_flows, counts->new_flows);
	counts->packets = counts->bytes = counts->new_flows = 0;
	counts->reply_packets = counts->reply_bytes = 0;
	return 0;
}

/* The backend of a listener's place belongs to another port from now on. */
static __always_inline void backend_hand_over(struct xdplb_service *service, __u32 id, __u32 port)
{
	struct retiring retiring = { .service = service, .backend = id };
	struct xdplb_backend *backend = backend_of(id);
	const struct xdplb_config *config = config_get();

	if (!backend || !config)
		return;
	if (backend->port) {
		port_user_swap(bpf_ntohs(backend->port), id, 0);
		bpf_loop(config->cpus, counts_retire, &retiring, 0);
	}
	WRITE_ONCE(backend->port, bpf_htons(port));
}

struct leaving {
	struct xdplb_table *table;
	__u64 now;
	__u64 longest; /* nanosecond after that in which the one that was found has left */
	int place;
};

/*
 * One that is a backend of the set's stays: without its record the set's weight
 * would count again, and nobody is there.
 */
static long place_compare(__u32 k, struct leaving *leaving)
{
	const struct xdplb_listener *listener = listener_at(leaving->table, k);
	bool is_static = leaving->table->is_static[k / 64 & 3] >> k % 64 & 1;
	__u32 word = READ_ONCE(listener->word);
	__u64 expires = READ_ONCE(listener->expires);
	/* A free place may be another CPU's just now. */
	__u64 left = word || expires > leaving->now ? expires + 1 : 0;

	if (left >= leaving->longest || (is_static && XDPLB_LISTENER_WEIGHT(word)))
		return 0;
	leaving->longest = left;
	leaving->place = k;
	return !left;
}

/*
 * A place that nobody has, or that of who has been gone for longest; -1: all are
 * there. The verifier follows no state for each place as it would in a plain loop.
 */
static __always_inline int place_find(struct xdplb_table *table, __u64 now)
{
	struct leaving leaving = { .table = table, .now = now, .longest = now + 1, .place = -1 };

	bpf_loop(XDPLB_LISTENERS, place_compare, &leaving, 0);
	return leaving.place;
}

/* What of a listener's record is changed at once. */
union listener_word {
	struct {
		__u32 word;
		__u32 leaving;
	};
	__u64 both;
};

static __always_inline union listener_word listener_word(const struct xdplb_listener *listener)
{
	return (union listener_word){ .both = READ_ONCE(*(const __u64 *)listener) };
}

static __always_inline bool word_swap(struct xdplb_listener *listener, union listener_word from,
				      union listener_word to)
{
	return __sync_val_compare_and_swap((__u64 *)listener, from.both, to.both) == from.both;
}

static __always_inline bool expires_swap(struct xdplb_listener *listener, __u64 from, __u64 to)
{
	return __sync_val_compare_and_swap(&listener->expires, from, to) == from;
}

/*
 * The place is this listener's, until it has its weight. Who moves `expires` on has
 * it: so no two take one, nor anybody that of a listener that registers just now.
 */
static __always_inline bool place_claim(struct xdplb_listener *listener, __u32 port, __u64 now)
{
	__u64 expires = READ_ONCE(listener->expires);
	union listener_word before = listener_word(listener);

	return expires <= now && expires_swap(listener, expires, now + NSEC_PER_SEC) &&
	       word_swap(listener, before,
			 (union listener_word){ .word = XDPLB_LISTENER_OF(port, 0) });
}

/* Nobody new may say what who had a place said. False: another CPU was quicker. */
static __always_inline bool floor_raise(struct xdplb_table *table, __u64 counter)
{
	__u64 floor = READ_ONCE(table->floor);

	return counter <= floor ||
	       __sync_val_compare_and_swap(&table->floor, floor, counter) == floor;
}

#define PLACE_NONE (-1)
#define PLACE_RACE (-2) /* another CPU was quicker */
#define PLACE_REPLAY (-3) /* there is one, whose listener's counter is not below this one's */

/* Flows of who had it before move. Last it can be claimed again, by `expires`. */
static __always_inline int place_give_up(struct xdplb_table *table, __u32 k, int why)
{
	struct xdplb_listener *listener = listener_at(table, k);
	struct xdplb_backend *backend = backend_of(table->first + k);

	if (backend) {
		WRITE_ONCE(backend->flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN);
		if (why == PLACE_NONE)
			WRITE_ONCE(backend->port, 0); /* it was handed over */
	}
	WRITE_ONCE(listener->word, 0);
	WRITE_ONCE(listener->expires, 0);
	return why;
}

/* A place for a listener that has none; its weight is 0 yet. PLACE_*: there is none. */
__noinline int place_take(__u32 service_id, __u32 port, __u64 counter)
{
	struct xdplb_table *table = table_of(service_id);
	struct xdplb_service *service = service_of(service_id);
	const struct xdplb_cpu *cpu = cpu_get();
	struct xdplb_listener *listener;
	int k;

	if (!table || !service || !cpu)
		return PLACE_NONE;
	k = place_find(table, cpu->now_ns);
	if (k < 0)
		return PLACE_NONE;
	k = listener_place(k);
	listener = &table->listener[k];
	if (table->keyed && counter <= READ_ONCE(listener->counter))
		return PLACE_REPLAY;
	if (!floor_raise(table, READ_ONCE(listener->counter)) ||
	    !place_claim(listener, port, cpu->now_ns))
		return PLACE_RACE;
	/* Another CPU found another place for it? Both give way, the next message finds room. */
	if (listener_find_but(service_id, port, k) >= 0)
		return place_give_up(table, k, PLACE_RACE);
	if (listener->counter < table->floor)
		listener->counter = table->floor;
	backend_hand_over(service, table->first + k, port);
	if (!port_claim(service_id, port, table->first + k))
		return place_give_up(table, k, PLACE_NONE);
	return k;
}

/* ---- one registration ------------------------------------------------------------------ */

/* Its message, NULL: it is too short or too long for one. */
static __always_inline struct message *message_at(const struct packet *p)
{
	const struct udphdr *udp = packet_at(p->ctx, p->h->l4, sizeof(*udp));

	if (!udp || udp->len != bpf_htons(REGISTRATION_BYTES) || p->h->fragment)
		return NULL;
	return packet_at(p->ctx, p->h->l4 + sizeof(*udp), sizeof(struct message));
}

/* Nobody has said this before. The counter moves on with it. */
static __always_inline bool counter_moves(struct xdplb_listener *listener, __u64 counter)
{
	__u64 before = READ_ONCE(listener->counter);

	return counter > before &&
	       __sync_val_compare_and_swap(&listener->counter, before, counter) == before;
}

/*
 * What it says counts from now on. Where that changes who is chosen, or comes to
 * an end before anybody would look, `changes` says so. False: another CPU was
 * quicker to write this place.
 */
static __always_inline bool listener_set(struct xdplb_table *table, struct xdplb_listener *listener,
					 const struct message *message, __u64 now)
{
	__u32 port = bpf_ntohs(message->port), weight = bpf_ntohs(message->weight);
	__u64 expires = now + (__u64)bpf_ntohs(message->lifetime) * NSEC_PER_SEC;
	__u64 expired = READ_ONCE(listener->expires);
	union listener_word before = listener_word(listener), after = before;
	bool live = xdplb_listener_is_live(listener, now), moved = true;

	if (weight)
		after.word = XDPLB_LISTENER_OF(port, weight);
	after.leaving = !weight && xdplb_goodbye_leaves_flows(message->proto);
	if (XDPLB_LISTENER_PORT(before.word) != port || !word_swap(listener, before, after))
		return false;
	if (!after.leaving)
		moved = expires_swap(listener, expired, weight ? expires : 0);
	if (live != !!weight || (weight && (XDPLB_LISTENER_WEIGHT(before.word) != weight ||
					    expires < READ_ONCE(table->due))))
		__sync_fetch_and_add(&table->changes, 1);
	return moved;
}

/* Why there is no place: of PLACE_*, what to count. */
static __always_inline int place_refusal(int why)
{
	if (why == PLACE_REPLAY)
		return XDPLB_DROP_REG_REPLAY;
	return why == PLACE_RACE ? XDPLB_DROP_RACE : XDPLB_DROP_REG_FULL;
}

/* Nobody has said who it is, or he has gone. */
static __always_inline bool is_nobodys(const struct xdplb_listener *listener, __u64 now)
{
	return READ_ONCE(listener->expires) <= now || READ_ONCE(listener->leaving) ||
	       READ_ONCE(listener->user) == XDPLB_USER_ANY;
}

/* The registration holds, and is another user's. */
static __always_inline bool is_others(const struct xdplb_table *table,
				      const struct xdplb_listener *listener,
				      const struct message *message, __u64 now)
{
	return !table->keyed && !is_nobodys(listener, now) && message->user &&
	       bpf_ntohl(message->user) != READ_ONCE(listener->user);
}

/* From now on it is his who says this. */
static __always_inline void listener_own(const struct xdplb_table *table,
					 struct xdplb_listener *listener,
					 const struct message *message)
{
	WRITE_ONCE(listener->user, table->keyed ? XDPLB_USER_ANY : bpf_ntohl(message->user));
}

/*
 * Takes what a listener says, whose datagram was sound and came from where it
 * may. GO_ON, or the verdict.
 */
static __always_inline int listener_hears(struct packet *p, struct xdplb_table *table,
					  const struct message *message)
{
	__u32 port = bpf_ntohs(message->port), weight = bpf_ntohs(message->weight);
	__u64 counter = __builtin_bswap64(message->counter);
	int k = listener_find(p->service, port);
	struct xdplb_listener *listener;
	bool is_new = k < 0;

	if (table->keyed && k < 0 && counter <= table->floor)
		return drop(p, XDPLB_DROP_REG_REPLAY);
	if (k < 0 && !weight)
		return GO_ON; /* nobody says goodbye */
	if (k >= 0 && is_others(table, listener_at(table, k), message, p->cpu->now_ns))
		return drop(p, XDPLB_DROP_REG_DENIED);
	if (k >= 0 && weight && !port_claim(p->service, port, table->first + k))
		k = PLACE_NONE;
	else if (k < 0)
		k = place_take(p->service, port, counter);
	if (k < 0)
		return drop(p, place_refusal(k));
	listener = listener_at(table, k);
	if (table->keyed && !counter_moves(listener, counter))
		return drop(p, XDPLB_DROP_REG_REPLAY);
	if (is_new || is_nobodys(listener, p->cpu->now_ns))
		listener_own(table, listener, message);
	if (!listener_set(table, listener, message, p->cpu->now_ns))
		return drop(p, XDPLB_DROP_RACE);
	listeners_refresh(p->service);
	return GO_ON;
}

/* It came from where this service's listeners are. */
static __always_inline bool is_near(const struct packet *p, const struct xdplb_table *table)
{
	return p->ctx->ingress_ifindex == LOOPBACK_IFINDEX || table->anywhere;
}

/*
 * It speaks for its own port. At another address somebody else may have that, who
 * is believed with a key only.
 */
static __always_inline bool is_own(const struct packet *p, const struct xdplb_table *table,
				   const struct message *message)
{
	return message->port == p->h->sport &&
	       (table->keyed || same_address(&p->h->saddr, &p->h->daddr));
}

/* What nobody can take the registrar shall show, where there is one for this address. */
static __always_inline int message_refuse(struct packet *p, int reason)
{
	const struct xdplb_table *table =
		table_of(directory_find(p, XDPLB_KIND_REGISTER, &p->h->daddr, 0, 0));

	p->service = 0;
	if (table && table->mode == XDPLB_REGISTRATION_USER && is_near(p, table))
		return XDP_PASS;
	return drop(p, reason);
}

/*
 * It knows the key; or, without one, is sealed: the program on the way out has
 * seen who sends it, and that he may. GO_ON, or the verdict.
 */
static __always_inline int message_judge(struct packet *p, const struct xdplb_table *table,
					 const struct message *message)
{
	const __u64 *key = table->keyed ? table->key : p->config->seal;
	bool right = message_tag(key, message) == message->tag;

	if (message->user && (table->keyed || !right))
		return drop(p, XDPLB_DROP_REG_MALFORMED);
	if (!right)
		return drop(p, table->keyed ? XDPLB_DROP_REG_KEY : XDPLB_DROP_REG_DENIED);
	return GO_ON;
}

/* The same as listener_hears(), of a datagram that has not been looked at. */
static __always_inline int message_hear(struct packet *p)
{
	const struct message *message = message_at(p);
	struct xdplb_table *table;
	int verdict;

	if (!message || !message_is_sound(message, p->h->daddr.word))
		return message_refuse(p, XDPLB_DROP_REG_MALFORMED);
	p->service = directory_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, message->service_port,
				    message->proto);
	table = table_of(p->service);
	if (!table || table->mode == XDPLB_REGISTRATION_OFF)
		return message_refuse(p, XDPLB_DROP_REG_DENIED);
	if (!is_near(p, table))
		return drop(p, XDPLB_DROP_REG_DENIED);
	if (table->mode == XDPLB_REGISTRATION_USER)
		return XDP_PASS;
	if (!is_own(p, table, message))
		return drop(p, XDPLB_DROP_REG_DENIED);
	verdict = message_judge(p, table, message);
	return verdict == GO_ON ? listener_hears(p, table, message) : verdict;
}

/* ---- its answer -------------------------------------------------------------------------- */

static __always_inline void answer_sum(struct packet *p, struct udphdr *udp)
{
	__u64 sum = csum_address(&p->h->saddr) + csum_address(&p->h->daddr) +
		    bpf_htons(REGISTRATION_BYTES) + bpf_htons(IPPROTO_UDP);
	const __u32 *words = (const __u32 *)udp;

	udp->check = 0;
	for (__u32 i = 0; i < REGISTRATION_BYTES / 4; i++)
		sum += words[i];
	udp->check = csum_fold(sum);
	if (!udp->check)
		udp->check = 0xffff;
}

/* The message goes back to where it came from, to the port that it asks for. */
static __always_inline int registration_answer(struct packet *p)
{
	const struct xdplb_table *table = table_of(p->service);
	struct message *message = message_at(p);
	struct udphdr *udp = packet_at(p->ctx, p->h->l4, REGISTRATION_BYTES);

	if (!message || !udp || !table || !message->answer_port)
		return XDP_DROP;
	if (!(p->h->v6 ? echo_turn6(p) : echo_turn4(p)))
		return XDP_DROP;
	message->type |= MESSAGE_ANSWER;
	message->user = 0;
	message->tag = table->keyed ? message_tag(table->key, message) : 0;
	udp->source = udp->dest;
	udp->dest = message->answer_port;
	answer_sum(p, udp);
	/* This machine's own stack has it already. */
	return p->ctx->ingress_ifindex == LOOPBACK_IFINDEX ? XDP_PASS : send_back(p);
}

/* ---- both ---------------------------------------------------------------------------------- */

/* The event of what message_hear() has said. */
static __always_inline enum xdplb_event_kind event_of(int verdict)
{
	if (verdict == GO_ON)
		return XDPLB_EVENT_REGISTERED;
	return verdict == XDP_PASS ? XDPLB_EVENT_HANDED : XDPLB_EVENT_REFUSED;
}

/* A datagram to the registration port of a service's address. */
__noinline int registration(struct xdp_md *ctx)
{
	struct packet p;
	int verdict;

	if (!packet_get(ctx, &p))
		return XDP_PASS;
	if (!headers_agree(&p))
		return drop(&p, XDPLB_DROP_BAD_HEADER);
	verdict = message_hear(&p);
	if (is_watched(&p) && (verdict != XDP_PASS || p.service))
		event_registration(&p, event_of(verdict), message_at(&p));
	if (verdict == XDP_PASS)
		return XDP_PASS;
	p.work->opened = p.work->dropped = 0; /* told already */
	if (verdict != GO_ON)
		return verdict;
	p.cpu->reason[XDPLB_ANSWER_REGISTERED]++;
	return registration_answer(&p);
}

#endif
