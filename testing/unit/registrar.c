// SPDX-License-Identifier: GPL-2.0-only
/* loader/registrar.c: what is refused and why, and what a table has in it after what is taken. */
#include "../../loader/registrar.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../client/xdplb-register.h"
#include "../../loader/backends.h"
#include "../../loader/directory.h"
#include "../../loader/port_users.h"
#include "../../loader/tables.h"
#include "unit.h"

#define SERVICE 3
#define TABLE 2
#define FIRST 1000
#define NOW 5000000000ULL
#define SECOND 1000000000ULL
#define FLOOR 1000000 /* counters of new listeners are above it */

static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* ---- a balancer in memory ---------------------------------------------------------------- */

static struct balancer balancer;
static struct xdplb_table *table;
static int retired; /* backends, and the last one */
static __u32 retired_id;

struct xdplb_table *table_of(const struct balancer *of, __u32 service)
{
	__u32 id = of->services[service].table;

	return id ? &of->tables[id] : NULL;
}

/* No service here has backends of its own. */
__u32 listener_twin(const struct balancer *of, __u32 backend)
{
	(void)of, (void)backend;
	return 0;
}

static bool is_over; /* of all listeners */

bool listener_is_over(const struct balancer *of, __u32 backend)
{
	(void)of;
	return is_over && backend < FIRST;
}

int backend_counts_retire(struct balancer *of, __u32 id)
{
	(void)of;
	retired++;
	retired_id = id;
	return 0;
}

static void service_make(const char *address)
{
	struct xdplb_service *service = &balancer.services[SERVICE];

	memset(service, 0, sizeof(*service));
	inet_pton(strchr(address, ':') ? AF_INET6 : AF_INET, address, service->addr);
	service->port = htons(5000);
	service->proto = IPPROTO_UDP;
	service->table = TABLE;
	assert_int_equal(directory_add(&balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
				       service->proto, SERVICE),
			 0);
	memset(table, 0, sizeof(*table));
	table->service = SERVICE;
	table->first = FIRST;
	table->mode = XDPLB_REGISTRATION_USER;
	table->floor = FLOOR;
	table->due = ~0ULL;
	retired = 0;
}

static int make(void **state)
{
	(void)state;
	balancer.directory = calloc(XDPLB_DIRECTORY_BUCKETS, sizeof(*balancer.directory));
	balancer.config = calloc(1, sizeof(*balancer.config));
	balancer.services = calloc(XDPLB_SERVICES, sizeof(*balancer.services));
	balancer.backends = calloc(XDPLB_BACKENDS, sizeof(*balancer.backends));
	balancer.tables = calloc(XDPLB_TABLES, sizeof(*balancer.tables));
	balancer.ports = calloc(XDPLB_PORTS, sizeof(*balancer.ports));
	assert_true(balancer.directory && balancer.config && balancer.services &&
		    balancer.backends && balancer.tables && balancer.ports);
	table = &balancer.tables[TABLE];
	said_reset();
	service_make("192.0.2.1");
	return 0;
}

static int forget(void **state)
{
	(void)state;
	free(balancer.directory);
	free(balancer.config);
	free(balancer.services);
	free(balancer.backends);
	free(balancer.tables);
	free(balancer.ports);
	return 0;
}

static void keyed(void)
{
	table->keyed = 1;
	memcpy(table->key, key, sizeof(key));
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static __u64 counter = FLOOR;

/* As the program on the way out does, of this user. */
static void seal(struct datagram *datagram, __u32 user)
{
	datagram->message.user = htonl(user);
	datagram->message.tag = message_tag(balancer.config->seal, &datagram->message);
}

/* As the listener at this port sends it; weight 0: goodbye. */
static struct datagram says_of(const char *service, __u16 port, __u16 weight, __u16 lifetime)
{
	struct datagram datagram = { .from_port = htons(port), .by_lo = true };
	uint8_t bytes[XDPLB_REGISTER_BYTES];
	struct xdplb_register self;

	assert_int_equal(xdplb_register_init(&self, service, port), 0);
	if (table->keyed)
		xdplb_register_key(&self, key);
	self.counter = ++counter;
	self.lifetime = lifetime;
	assert_int_equal(xdplb_register_message(
				 &self, weight ? XDPLB_REGISTER_REGISTER : XDPLB_REGISTER_GOODBYE,
				 weight, 40000, bytes),
			 0);
	memcpy(&datagram.message, bytes, sizeof(bytes));
	if (!table->keyed)
		seal(&datagram, 0);
	memcpy(datagram.to, balancer.services[SERVICE].addr, sizeof(datagram.to));
	datagram.from[0] = datagram.to[0];
	datagram.length = sizeof(bytes);
	return datagram;
}

static struct datagram says(__u16 port, __u16 weight, __u16 lifetime)
{
	return says_of("192.0.2.1:5000/udp", port, weight, lifetime);
}

static enum xdplb_reason hear(const struct datagram *datagram, __u64 now)
{
	struct hearing hearing;

	registrar_hear(&balancer, datagram, NULL, now, &hearing);
	assert_int_equal(hearing.answered, hearing.reason == XDPLB_ANSWER_REGISTERED);
	return hearing.reason;
}

static enum xdplb_reason hear_says(__u16 port, __u16 weight, __u16 lifetime, __u64 now)
{
	struct datagram datagram = says(port, weight, lifetime);

	return hear(&datagram, now);
}

#define TAKEN XDPLB_ANSWER_REGISTERED

/* It is refused for this, and nothing has changed. */
static void assert_refused(const struct datagram *datagram, enum xdplb_reason reason)
{
	struct xdplb_table before = *table;

	assert_int_equal(hear(datagram, NOW), reason);
	assert_memory_equal(table, &before, sizeof(before));
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void malformed(void **state)
{
	static const size_t lengths[] = { 0, 1, 48, 55, 57, 65507 };
	struct datagram datagram;

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		datagram = says(5001, 3, 30);
		datagram.length = lengths[i];
		assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
	}
	datagram = says_of("192.0.2.2:5000/udp", 5001, 3, 30);
	assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
	datagram = says(5001, 3, 30);
	datagram.message.type = MESSAGE_REGISTER | MESSAGE_ANSWER;
	assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
}

static void denied(void **state)
{
	static const char *const others[] = { "192.0.2.1:5001/udp", "192.0.2.1:5000/tcp" };
	struct service_address only = { .port = htons(5001), .proto = IPPROTO_UDP };
	struct hearing hearing;
	struct datagram datagram;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		datagram = says_of(others[i], 5001, 3, 30);
		assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	}
	datagram = says(5001, 3, 30);
	datagram.from_port = htons(5002);
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	for (int mode = XDPLB_REGISTRATION_OFF; mode <= XDPLB_REGISTRATION_KERNEL; mode++) {
		table->mode = mode;
		datagram = says(5001, 3, 30);
		assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	}
	table->mode = XDPLB_REGISTRATION_USER;
	memcpy(only.addr, datagram.to, sizeof(only.addr));
	registrar_hear(&balancer, &datagram, &only, NOW, &hearing);
	assert_int_equal(hearing.reason, XDPLB_DROP_REG_DENIED);
	only.port = htons(5000);
	registrar_hear(&balancer, &datagram, &only, NOW, &hearing);
	assert_int_equal(hearing.reason, TAKEN);
	balancer.services[SERVICE].table = 0;
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
}

static void elsewhere(void **state)
{
	struct datagram datagram = says(5001, 3, 30);

	(void)state;
	datagram.by_lo = false;
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	/* At another address of this machine the port may be somebody else's. */
	datagram.by_lo = true;
	datagram.from[0] ^= 1;
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	keyed();
	datagram = says(5001, 3, 30);
	datagram.by_lo = false;
	datagram.from[0] ^= 1;
	table->anywhere = 1;
	datagram.from_port = htons(5002);
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	datagram.from_port = htons(5001);
	assert_int_equal(hear(&datagram, NOW), TAKEN);
}

/* Each bit that the tag covers, and the tag's own. */
static void wrong_tag(void **state)
{
	struct datagram datagram, good;

	(void)state;
	keyed();
	good = says(5001, 3, 30);
	for (size_t bit = 8 * offsetof(struct message, counter); bit < 8 * sizeof(good.message);
	     bit++) {
		if (bit / 8 - offsetof(struct message, zero) <
		    sizeof(good.message.zero) + sizeof(good.message.user))
			continue;
		datagram = good;
		((__u8 *)&datagram.message)[bit / 8] ^= 1 << bit % 8;
		assert_refused(&datagram, XDPLB_DROP_REG_KEY);
	}
	assert_int_equal(hear(&good, NOW), TAKEN);
}

static void replayed(void **state)
{
	struct datagram first, second, bye;

	(void)state;
	keyed();
	first = says(5001, 3, 30);
	second = says(5001, 4, 30);
	bye = says(5001, 0, 0);
	assert_int_equal(hear(&first, NOW), TAKEN);
	assert_refused(&first, XDPLB_DROP_REG_REPLAY);
	assert_int_equal(hear(&bye, NOW), TAKEN);
	assert_refused(&second, XDPLB_DROP_REG_REPLAY);
	assert_refused(&bye, XDPLB_DROP_REG_REPLAY);
	/* of one that is not known here, but said this before the key was given */
	table->floor = counter + 1;
	first = says(5002, 3, 30);
	assert_refused(&first, XDPLB_DROP_REG_REPLAY);
	first = says(5002, 3, 30);
	assert_int_equal(hear(&first, NOW), TAKEN);
	/* without a key nobody looks at it */
	table->keyed = 0;
	seal(&second, 0);
	assert_int_equal(hear(&second, NOW), TAKEN);
	assert_int_equal(hear(&second, NOW), TAKEN);
}

/* Without a key. */
static void not_sealed(void **state)
{
	struct datagram datagram = says(5001, 3, 30), good;

	(void)state;
	datagram.message.tag = 0;
	assert_refused(&datagram, XDPLB_DROP_REG_DENIED);
	datagram.message.user = htonl(1000);
	assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
	good = says(5001, 3, 30);
	seal(&good, 1000);
	for (size_t bit = 8 * offsetof(struct message, counter); bit < 8 * sizeof(good.message);
	     bit++) {
		datagram = good;
		((__u8 *)&datagram.message)[bit / 8] ^= 1 << bit % 8;
		assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
	}
	assert_int_equal(hear(&good, NOW), TAKEN);
	keyed();
	datagram = says(5001, 3, 30);
	datagram.message.user = htonl(1000);
	datagram.message.tag = message_tag(table->key, &datagram.message);
	assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
}

static struct datagram says_user(__u32 user, __u16 weight)
{
	struct datagram datagram = says(5001, weight, weight ? 30 : 0);

	seal(&datagram, user);
	return datagram;
}

/* What one has registered another cannot change, until it is over. */
static void others(void **state)
{
	struct datagram own = says_user(1000, 3), other = says_user(1001, 9);
	struct datagram bye = says_user(1001, 0), root = says_user(0, 5);
	struct hearing hearing;

	(void)state;
	assert_int_equal(hear(&own, NOW), TAKEN);
	assert_refused(&other, XDPLB_DROP_REG_DENIED);
	assert_refused(&bye, XDPLB_DROP_REG_DENIED);
	registrar_hear(&balancer, &root, NULL, NOW, &hearing);
	assert_int_equal(hearing.reason, TAKEN);
	assert_int_equal(hearing.answer.user, 0);
	assert_refused(&other, XDPLB_DROP_REG_DENIED);
	assert_int_equal(hear(&own, NOW), TAKEN);
	assert_int_equal(hear(&other, NOW + 30 * SECOND), TAKEN);
	assert_int_equal(hear(&own, NOW + 30 * SECOND), XDPLB_DROP_REG_DENIED);
	/* root's are root's */
	assert_int_equal(hear(&root, NOW + 60 * SECOND), TAKEN);
	assert_int_equal(hear(&own, NOW + 60 * SECOND), XDPLB_DROP_REG_DENIED);
	/* who had a key is nobody, and whoever comes then is the one */
	table->listener[0].user = XDPLB_USER_ANY;
	assert_int_equal(hear(&own, NOW + 60 * SECOND), TAKEN);
	assert_int_equal(hear(&other, NOW + 60 * SECOND), XDPLB_DROP_REG_DENIED);
	/* who says goodbye leaves it to others, also where his flows go on */
	table->listener[0].leaving = 1;
	assert_int_equal(hear(&other, NOW + 60 * SECOND), TAKEN);
	assert_int_equal(hear(&own, NOW + 60 * SECOND), XDPLB_DROP_REG_DENIED);
}

/* ---- what is taken ------------------------------------------------------------------------------
 */

static void registered(void **state)
{
	(void)state;
	assert_int_equal(hear_says(5001, 3, 30, NOW), TAKEN);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 3));
	assert_true(table->listener[0].expires == NOW + 30 * SECOND);
	assert_int_equal(table->changes, 1);
	assert_int_equal(balancer.backends[FIRST].port, htons(5001));
	/* renewed */
	table->due = NOW + 30 * SECOND;
	assert_int_equal(hear_says(5001, 3, 30, NOW + 1), TAKEN);
	assert_true(table->listener[0].expires == NOW + 1 + 30 * SECOND);
	assert_int_equal(table->changes, 1);
	/* another weight, and the most there is */
	assert_int_equal(hear_says(5001, 65535, 65535, NOW), TAKEN);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 65535));
	assert_true(table->listener[0].expires == NOW + 65535 * SECOND);
	assert_int_equal(table->changes, 2);
	/* a shorter life than the program knows of */
	table->due = NOW + 65535 * SECOND;
	assert_int_equal(hear_says(5001, 65535, 1, NOW), TAKEN);
	assert_int_equal(table->changes, 3);
	/* another listener */
	assert_int_equal(hear_says(65535, 1, 1, NOW), TAKEN);
	assert_int_equal(table->listener[1].word, XDPLB_LISTENER_OF(65535, 1));
	assert_int_equal(table->changes, 4);
	/* after it has expired */
	assert_int_equal(hear_says(5001, 65535, 30, NOW + SECOND), TAKEN);
	assert_int_equal(table->changes, 5);
	assert_int_equal(retired, 0);
}

static void goodbyes(void **state)
{
	struct xdplb_table empty = *table;

	(void)state;
	assert_int_equal(hear_says(5001, 0, 0, NOW), TAKEN);
	assert_memory_equal(table, &empty, sizeof(empty));
	hear_says(5001, 3, 30, NOW);
	assert_int_equal(hear_says(5001, 0, 0, NOW), TAKEN);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 3));
	assert_true(table->listener[0].expires == 0);
	assert_int_equal(table->changes, 2);
	assert_int_equal(hear_says(5001, 0, 0, NOW), TAKEN);
	assert_int_equal(table->changes, 2);
	assert_int_equal(hear_says(5001, 3, 30, NOW), TAKEN);
	assert_int_equal(table->changes, 3);
}

/* Connections may go on until the lifetime ends; no new ones come, whatever is said then. */
static void goodbyes_tcp(void **state)
{
	struct xdplb_service *service = &balancer.services[SERVICE];
	struct datagram datagram;

	(void)state;
	service->proto = IPPROTO_TCP;
	assert_int_equal(directory_add(&balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
				       service->proto, SERVICE),
			 0);
	for (int again = 0; again < 2; again++) {
		datagram = says_of("192.0.2.1:5000/tcp", 5001, 3, 30);
		assert_int_equal(hear(&datagram, NOW), TAKEN);
		assert_true(xdplb_listener_is_live(&table->listener[0], NOW));
		assert_int_equal(table->changes, 2 * again + 1);
		for (int twice = 0; twice < 2; twice++) {
			datagram = says_of("192.0.2.1:5000/tcp", 5001, 0, 0);
			assert_int_equal(hear(&datagram, NOW + SECOND), TAKEN);
			assert_int_equal(table->changes, 2 * again + 2);
		}
		assert_true(table->listener[0].expires == NOW + 30 * SECOND);
		assert_false(xdplb_listener_is_live(&table->listener[0], NOW));
	}
}

static void ipv6(void **state)
{
	struct datagram datagram;

	(void)state;
	service_make("2001:db8::1");
	keyed();
	datagram = says_of("[2001:db8::1]:5000/udp", 5001, 3, 30);
	assert_int_equal(hear(&datagram, NOW), TAKEN);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 3));
	datagram = says_of("[2001:db8::2]:5000/udp", 5001, 3, 30);
	assert_refused(&datagram, XDPLB_DROP_REG_MALFORMED);
}

/* What a listener takes for an answer. */
static void answered(void **state)
{
	struct sockaddr_storage from;
	struct xdplb_register self;
	struct datagram datagram;
	struct hearing hearing;
	uint64_t said;

	(void)state;
	for (int has_key = 0; has_key < 2; has_key++) {
		if (has_key)
			keyed();
		datagram = says(5001, 3, 30);
		registrar_hear(&balancer, &datagram, NULL, NOW, &hearing);
		assert_true(hearing.answered);
		xdplb_register_init(&self, "192.0.2.1:5000/udp", 5001);
		if (has_key)
			xdplb_register_key(&self, key);
		xdplb_register_balancer(&self, AF_INET, &from);
		assert_true(xdplb_register_is_answer(&self, &hearing.answer, 56, &from, &said));
		assert_true(said == counter);
	}
	datagram = says(5001, 0, 0);
	datagram.message.answer_port = 0;
	table->keyed = 0;
	seal(&datagram, 0);
	registrar_hear(&balancer, &datagram, NULL, NOW, &hearing);
	assert_int_equal(hearing.reason, TAKEN);
	assert_false(hearing.answered);
}

/* ---- room --------------------------------------------------------------------------------------
 */

static void fill(__u64 now)
{
	for (int k = 0; k < XDPLB_LISTENERS; k++)
		assert_int_equal(hear_says(6000 + k, 1, 100 + k, now), TAKEN);
}

static void full(void **state)
{
	struct datagram datagram;

	(void)state;
	keyed();
	fill(NOW);
	datagram = says(5001, 1, 30);
	assert_refused(&datagram, XDPLB_DROP_REG_FULL);
	datagram = says(5001, 0, 0);
	assert_int_equal(hear(&datagram, NOW), TAKEN);
	assert_int_equal(hear_says(6255, 2, 30, NOW), TAKEN);
}

/* A port has so many services: a reply from it could not be told to be of one more. */
static void port_is_full(void **state)
{
	struct datagram datagram = says(5001, 1, 30);

	(void)state;
	for (__u32 id = 1; id <= XDPLB_PORT_USERS; id++) {
		balancer.backends[id].flags = XDPLB_BACKEND_USED;
		balancer.backends[id].service = SERVICE + id;
		balancer.backends[id].port = htons(5001);
		assert_int_equal(port_user_add(&balancer, id), 0);
	}
	assert_int_equal(hear(&datagram, NOW), XDPLB_DROP_REG_FULL);
	assert_int_equal(table->listener[0].word, 0);
	/* Nobody's flows go on to it, and no counts are shown. */
	assert_int_equal(balancer.backends[FIRST].port, 0);
	assert_int_equal(balancer.backends[FIRST].flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN);
	balancer.backends[2].port = htons(5002);
	assert_int_equal(hear(&datagram, NOW), TAKEN);
	assert_true(port_has_user(&balancer, FIRST));
	/* Another took its place while it was gone. */
	balancer.backends[2].port = htons(5001);
	balancer.ports[5001] = 1 | 2ULL << 16 | 3ULL << 32 | 4ULL << 48;
	datagram = says(5001, 1, 30);
	assert_int_equal(hear(&datagram, NOW), XDPLB_DROP_REG_FULL);
	is_over = true;
	assert_int_equal(hear(&datagram, NOW), TAKEN);
	assert_true(port_has_user(&balancer, FIRST));
	is_over = false;
}

/* The place of who has been gone for longest, with all that belongs to it. */
static void place_left(void **state)
{
	const struct xdplb_backend *backend = &balancer.backends[FIRST + 7];
	__u64 at = NOW + 100 * SECOND + 7 * SECOND; /* 6000 to 6006 have expired, 6007 does */
	struct datagram late;

	(void)state;
	keyed();
	late = says(6010, 1, 30);
	counter += 100;
	fill(NOW);
	hear_says(6007, 0, 0, NOW);
	balancer.backends[FIRST + 7].flags = XDPLB_BACKEND_USED;
	port_user_add(&balancer, FIRST + 7);
	assert_int_equal(hear_says(5001, 9, 30, at), TAKEN);
	assert_int_equal(table->listener[7].word, XDPLB_LISTENER_OF(5001, 9));
	assert_int_equal(backend->port, htons(5001));
	assert_true(balancer.ports[6007] == 0);
	assert_int_equal(retired, 1);
	assert_int_equal(retired_id, FIRST + 7);
	/* What its listener said last nobody may say again, nor anything before. */
	assert_true(table->floor == counter - 1);
	assert_int_equal(hear(&late, at), XDPLB_DROP_REG_REPLAY);
	/* the next one */
	assert_int_equal(hear_says(5002, 9, 30, at), TAKEN);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5002, 9));
	assert_int_equal(retired, 2);
}

/* ---- any order of all of it
 * ----------------------------------------------------------------------- */

#define PORTS 300
#define STEPS 60000

static struct {
	__u16 weight;
	__u64 expires;
} model[PORTS];

static int live_in_model(__u64 now)
{
	int live = 0;

	for (int i = 0; i < PORTS; i++)
		live += model[i].weight && model[i].expires > now;
	return live;
}

/* Who is live in one is in the other, with the same weight; no port has two places. */
static void assert_model(__u64 now)
{
	bool seen[PORTS] = {};
	int live = 0;

	for (int k = 0; k < XDPLB_LISTENERS; k++) {
		__u32 word = table->listener[k].word, port = XDPLB_LISTENER_PORT(word) - 6000;

		if (!word)
			continue;
		assert_true(port < PORTS && !seen[port]);
		seen[port] = true;
		assert_int_equal(ntohs(balancer.backends[FIRST + k].port), port + 6000);
		if (table->listener[k].expires <= now)
			continue;
		live++;
		assert_int_equal(XDPLB_LISTENER_WEIGHT(word), model[port].weight);
		assert_true(table->listener[k].expires == model[port].expires);
	}
	assert_int_equal(live, live_in_model(now));
}

static void any_order(void **state)
{
	__u64 now = NOW;

	(void)state;
	memset(model, 0, sizeof(model));
	for (int i = 0; i < STEPS; i++) {
		__u32 n = random_from(0, PORTS - 1), lifetime = random_from(1, 60);
		__u32 weight = random_from(0, 9) ? random_from(1, 65535) : 0;
		bool known = model[n].weight && model[n].expires > now;
		bool room = known || live_in_model(now) < XDPLB_LISTENERS;
		enum xdplb_reason reason = hear_says(6000 + n, weight, lifetime, now);

		if (reason == TAKEN && weight) {
			model[n].weight = weight;
			model[n].expires = now + lifetime * SECOND;
		} else if (reason == TAKEN) {
			model[n].weight = 0;
		} else {
			assert_int_equal(reason, XDPLB_DROP_REG_FULL);
			assert_true(!room);
		}
		now += random_from(0, 100) * SECOND / 1000;
		if (i % 16 == 0)
			assert_model(now);
	}
	assert_model(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(malformed, make, forget),
		cmocka_unit_test_setup_teardown(denied, make, forget),
		cmocka_unit_test_setup_teardown(elsewhere, make, forget),
		cmocka_unit_test_setup_teardown(wrong_tag, make, forget),
		cmocka_unit_test_setup_teardown(replayed, make, forget),
		cmocka_unit_test_setup_teardown(not_sealed, make, forget),
		cmocka_unit_test_setup_teardown(others, make, forget),
		cmocka_unit_test_setup_teardown(registered, make, forget),
		cmocka_unit_test_setup_teardown(goodbyes, make, forget),
		cmocka_unit_test_setup_teardown(goodbyes_tcp, make, forget),
		cmocka_unit_test_setup_teardown(ipv6, make, forget),
		cmocka_unit_test_setup_teardown(answered, make, forget),
		cmocka_unit_test_setup_teardown(full, make, forget),
		cmocka_unit_test_setup_teardown(port_is_full, make, forget),
		cmocka_unit_test_setup_teardown(place_left, make, forget),
		cmocka_unit_test_setup_teardown(any_order, make, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
