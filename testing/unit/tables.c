// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/tables.c, and with it loader/services.c: tables of listeners that
 * register themselves are made, put in force, read and freed.
 */
#include "../../loader/tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../loader/backends.h"
#include "../../loader/collect.h"
#include "../../loader/directory.h"
#include "../../loader/port_users.h"
#include "../../loader/services.h"
#include "../../loader/sets.h"
#include "stand_in.h"
#include "unit.h"

#define SECOND 1000000000ULL
#define SERVICE "192.0.2.10:5000/udp"

static int begin(void **state)
{
	(void)state;
	make();
	return 0;
}

static int end(void **state)
{
	(void)state;
	forget();
	return 0;
}

/* ---- commands ----------------------------------------------------------------------------- */

/* set-backends with --forward local, with this much of the other options. */
static int apply_words(const char *service, const struct wanted_registration *registration,
		       const char *const *words)
{
	struct wanted_service wanted = { .forward = XDPLB_LOCAL, .registration = *registration };
	int err;

	assert_int_equal(parse_service(service, &wanted.at), 0);
	wanted.backend = calloc(8, sizeof(*wanted.backend));
	assert_non_null(wanted.backend);
	for (; *words; words++)
		assert_int_equal(
			parse_backend(*words, &wanted.at, &wanted.backend[wanted.backends++]), 0);
	err = service_apply(&balancer, &wanted);
	wanted_free(&wanted);
	return err;
}

static const char *const nobody[] = { NULL };
static const struct wanted_registration kernel = { .given = true,
						   .mode = XDPLB_REGISTRATION_KERNEL };

static __u32 service_id(const char *service)
{
	struct service_address at;

	assert_int_equal(parse_service(service, &at), 0);
	return service_find(&balancer, &at);
}

/* A service without backends of its own that takes registrations; its table. */
static struct xdplb_table *table_make(const char *service)
{
	assert_int_equal(apply_words(service, &kernel, nobody), 0);
	return table_of(&balancer, service_id(service));
}

static void remove_service(const char *service)
{
	bool gone[XDPLB_SERVICES] = {};

	gone[service_id(service)] = true;
	assert_int_equal(services_remove(&balancer, gone), 0);
}

static __u64 now_real(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

/* As the program does. */
static void registers(struct xdplb_table *table, int place, __u32 port, __u32 weight,
		      double seconds)
{
	table->listener[place].word = XDPLB_LISTENER_OF(port, weight);
	table->listener[place].expires = clock_nanoseconds() + (__s64)(seconds * SECOND);
	balancer.backends[table->first + place].port = htons(port);
}

static bool is_used(__u32 id)
{
	return balancer.backends[id].flags;
}

static __u32 used(void)
{
	__u32 count = 0;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		count += is_used(id);
	return count;
}

/* ---- making one ---------------------------------------------------------------------------- */

static void made(void **state)
{
	const __be32 addr[4] = { htonl(0xc000020a) };
	struct xdplb_directory_entry *entry;
	__u64 before = now_real();
	struct xdplb_table *table = table_make(SERVICE);
	__u32 service = service_id(SERVICE);

	(void)state;
	assert_non_null(table);
	assert_int_equal(table->service, service);
	assert_int_equal(table->mode, XDPLB_REGISTRATION_KERNEL);
	assert_false(table->keyed || table->anywhere);
	assert_true(table->floor >= before && table->floor <= now_real());
	for (__u32 k = 0; k < XDPLB_LISTENERS; k++) {
		const struct xdplb_backend *backend = &balancer.backends[table->first + k];

		assert_int_equal(backend->flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN);
		assert_int_equal(backend->service, service);
		assert_int_equal(backend->proto, IPPROTO_UDP);
		assert_int_equal(backend->port, 0);
		assert_memory_equal(backend->addr, addr, sizeof(addr));
		assert_true(backend->timeout[XDPLB_FLOW_UDP] && backend->timeout[XDPLB_FLOW_NEW]);
		assert_true(table_has_backend(&balancer, table->first + k));
		assert_false(table->listener[k].word);
	}
	assert_int_equal(used(), XDPLB_LISTENERS);
	entry = directory_find(&balancer, XDPLB_KIND_REGISTER, addr, 0, 0);
	assert_non_null(entry);
	assert_int_equal(entry->index, service);
	assert_int_equal(set_of(&balancer, service)->flags & XDPLB_SET_LISTEN, XDPLB_SET_LISTEN);
	/* The programs look for registrations, and for replies of who will register. */
	assert_true(balancer.config->kinds & 1 << XDPLB_KIND_REGISTER);
	assert_true(balancer.config->kinds & 1 << XDPLB_KIND_LOCAL);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.config->kinds & 1 << XDPLB_KIND_LOCAL);
}

static void not_wanted(void **state)
{
	static const char *const one[] = { ":5001", NULL };
	static const struct wanted_registration off = { .given = true };

	(void)state;
	assert_int_equal(apply_words(SERVICE, &off, one), 0);
	assert_null(table_of(&balancer, service_id(SERVICE)));
	assert_int_equal(used(), 1);
	assert_false(balancer.config->kinds & 1 << XDPLB_KIND_REGISTER);
	assert_false(table_has_backend(&balancer, 1));
	/* And then it is. */
	assert_int_equal(apply_words(SERVICE, &kernel, one), 0);
	assert_non_null(table_of(&balancer, service_id(SERVICE)));
	assert_int_equal(used(), 1 + XDPLB_LISTENERS);
	assert_false(table_has_backend(&balancer, 1));
}

static void made_once(void **state)
{
	struct xdplb_table *table = table_make(SERVICE);
	__u32 first = table->first;
	__u64 floor = table->floor;

	(void)state;
	registers(table, 3, 5001, 7, 30);
	assert_ptr_equal(table_make(SERVICE), table);
	assert_int_equal(table->first, first);
	assert_int_equal(table->floor, floor);
	assert_int_equal(table->listener[3].word, XDPLB_LISTENER_OF(5001, 7));
	assert_int_equal(balancer.backends[first + 3].port, htons(5001));
	assert_int_equal(used(), XDPLB_LISTENERS);
}

/* Runs lie where there is room, and never over anybody. */
static void runs(void **state)
{
	struct xdplb_table *first, *second;
	__u32 at;

	(void)state;
	for (__u32 id = 100; id < XDPLB_BACKENDS; id += XDPLB_LISTENERS)
		balancer.backends[id].flags = XDPLB_BACKEND_USED;
	balancer.backends[100 + 7 * XDPLB_LISTENERS].flags = 0;
	/* Between two that are 512 apart there are 511: one run. */
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		balancer.active[id].flows = (__u64)is_used(id) << 32; /* so that it is kept */
	first = table_make(SERVICE);
	assert_non_null(first);
	at = 100 + 6 * XDPLB_LISTENERS + 1;
	assert_int_equal(first->first, at);
	said_reset();
	assert_int_equal(apply_words("192.0.2.10:5001/udp", &kernel, nobody), -ENOSPC);
	assert_said("second", "no room for registration of one more service");
	assert_int_equal(service_id("192.0.2.10:5001/udp"), 0);
	remove_service(SERVICE);
	assert_int_equal(table_of(&balancer, 1) != NULL, 0);
	second = table_make("192.0.2.10:5002/udp");
	assert_int_equal(second->first, at);
}

static void as_many_as_there_are(void **state)
{
	char service[64];
	__u32 i;

	(void)state;
	for (i = 1; i < XDPLB_TABLES; i++) {
		snprintf(service, sizeof(service), "192.0.2.10:%u/tcp", 1000 + i);
		assert_non_null(table_make(service));
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		assert_int_equal(is_used(id), id <= (XDPLB_TABLES - 1) * XDPLB_LISTENERS);
	said_reset();
	assert_int_equal(apply_words(SERVICE, &kernel, nobody), -ENOSPC);
	assert_said(SERVICE, "at most 127 have it, and each takes 256 of 32767 backends in a row");
	remove_service(service);
	assert_non_null(table_make(SERVICE));
}

/* No service has the port to which registrations at its address come. */
static void registration_port(void **state)
{
	static const char *const one[] = { ":5001", NULL };
	static const struct wanted_registration off = { .given = true };

	(void)state;
	balancer.config->registration_port = htons(7475);
	assert_int_equal(apply_words("192.0.2.10:7475/udp", &kernel, nobody), -EADDRINUSE);
	assert_int_equal(apply_words("192.0.2.10:7475/udp", &off, one), 0);
	said_reset();
	assert_int_equal(apply_words(SERVICE, &kernel, nobody), -EADDRINUSE);
	assert_said(SERVICE, "192.0.2.10:7475/udp cannot be a service and take registrations too");
	assert_int_equal(apply_words("192.0.2.11:5000/udp", &kernel, nobody), 0);
	remove_service("192.0.2.10:7475/udp");
	assert_int_equal(apply_words(SERVICE, &kernel, nobody), 0);
	assert_int_equal(apply_words("192.0.2.10:7475/udp", &off, one), -EADDRINUSE);
	assert_int_equal(apply_words("192.0.2.10:7475/tcp", &kernel, one), 0);
	/* Where registrations are to come to another port: */
	assert_int_equal(registration_port_check(&balancer, htons(7000), NULL), 0);
	assert_int_equal(registration_port_check(&balancer, htons(5000), NULL), -EADDRINUSE);
}

/* A service takes one of a port's places: its set's backend, or else its listener that registered.
 */
static void twins(void **state)
{
	static const char *const one[] = { ":5001", NULL };
	struct xdplb_table *table = table_make(SERVICE);
	__u32 twin = table->first + 3;
	__u64 alone;

	(void)state;
	registers(table, 3, 5001, 1, 30);
	assert_true(port_claim(&balancer, twin));
	assert_true(port_has_user(&balancer, twin));
	alone = balancer.ports[5001];
	assert_int_equal(apply_words(SERVICE, &kernel, one), 0);
	assert_false(port_has_user(&balancer, twin));
	assert_true(balancer.ports[5001] && !(balancer.ports[5001] >> 16));
	assert_true(port_claim(&balancer, twin)); /* its service is there */
	assert_false(port_has_user(&balancer, twin));
	assert_int_equal(apply_words(SERVICE, &kernel, nobody), 0);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.ports[5001] == alone);
}

/* After a goodbye connections go on: the set's backend drains, whoever changes something. */
static void leaving(void **state)
{
	static const char *const one[] = { ":5001", NULL };
	struct xdplb_table *table;
	__u32 service, id;

	(void)state;
	assert_int_equal(apply_words("192.0.2.10:5000/tcp", &kernel, one), 0);
	service = service_id("192.0.2.10:5000/tcp");
	table = table_of(&balancer, service);
	id = set_backend(&balancer, service, 0)->backend;
	registers(table, 0, 5001, 1, 30);
	assert_int_equal(listener_state(&balancer, service, htons(5001), XDPLB_UP), XDPLB_UP);
	table->listener[0].leaving = 1;
	assert_int_equal(listener_state(&balancer, service, htons(5001), XDPLB_UP), XDPLB_DRAIN);
	balancer.backends[id].flags = XDPLB_BACKEND_USED; /* as the program has it then */
	table_make("192.0.2.11:5000/udp");
	assert_int_equal(balancer.backends[id].flags, XDPLB_BACKEND_USED);
	registers(table, 0, 5001, 1, -1);
	assert_int_equal(listener_state(&balancer, service, htons(5001), XDPLB_UP), XDPLB_DOWN);
	table_make("192.0.2.12:5000/udp");
	assert_int_equal(balancer.backends[id].flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static struct wanted_registration with_key(__u64 key)
{
	return (struct wanted_registration){ .key_given = true,
					     .keyed = key,
					     .key = { key, ~key * !!key } };
}

static void keys(void **state)
{
	struct xdplb_table *table = table_make(SERVICE);
	struct wanted_registration wanted = with_key(5), nothing = {};
	__u64 before = now_real(), floor;

	(void)state;
	table->floor = 1000;
	registers(table, 4, 5001, 1, 30);
	registers(table, 5, 5002, 1, 30);
	table->listener[4].counter = 2000;
	table->listener[5].counter = before + 1000 * SECOND;
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), 0);
	assert_int_equal(table->mode, XDPLB_REGISTRATION_KERNEL);
	assert_true(table->keyed && table->key[0] == 5 && table->key[1] == ~5ULL);
	assert_true(table->floor >= before && table->floor <= now_real());
	/* Nobody's counter is below the time of the key, and none goes back. */
	assert_true(table->listener[4].counter == table->floor);
	assert_true(table->listener[5].counter == before + 1000 * SECOND);
	floor = table->floor;
	table->listener[4].counter = floor + 1;
	assert_int_equal(apply_words(SERVICE, &nothing, nobody), 0); /* as it is */
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), 0); /* the same again */
	assert_true(table->keyed && table->floor == floor);
	assert_true(table->listener[4].counter == floor + 1);
	wanted = with_key(6);
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), 0);
	assert_true(table->floor > floor && table->key[0] == 6);
	wanted = with_key(0);
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), 0);
	assert_false(table->keyed || table->key[0] || table->key[1]);
}

static void modes(void **state)
{
	struct xdplb_table *table = table_make(SERVICE);
	struct wanted_registration read, wanted = with_key(9);
	__u32 service = service_id(SERVICE);

	(void)state;
	wanted.given = wanted.from_given = wanted.anywhere = true;
	wanted.mode = XDPLB_REGISTRATION_USER;
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), 0);
	assert_true(table->mode == XDPLB_REGISTRATION_USER && table->anywhere);
	table_read(&balancer, service, &read);
	assert_true(read.mode == XDPLB_REGISTRATION_USER && read.anywhere && read.keyed);
	assert_memory_equal(read.key, wanted.key, sizeof(read.key));
	assert_false(read.given || read.key_given || read.from_given);
	wanted = (struct wanted_registration){ .key_given = true };
	said_reset();
	assert_int_equal(apply_words(SERVICE, &wanted, nobody), -EINVAL);
	assert_said("none", "--registration-from any: without a key anybody could take");
	assert_true(table->keyed && table->anywhere);
	table_read(&balancer, 77, &read);
	assert_true(!read.mode && !read.keyed && !read.anywhere);
}

/* ---- freeing ------------------------------------------------------------------------------------
 */

static void freed(void **state)
{
	static const char *const one[] = { ":5001", NULL };
	static const struct wanted_registration off = { .given = true };
	const __be32 addr[4] = { htonl(0xc000020a) };
	struct xdplb_table *table = table_make(SERVICE);
	__u32 first = table->first, service = service_id(SERVICE);

	(void)state;
	registers(table, 0, 5002, 1, 30);
	balancer.active[first].flows = 1ULL << 32; /* of the listener's */
	assert_int_equal(apply_words(SERVICE, &off, one), 0);
	assert_null(table_of(&balancer, service));
	assert_int_equal(table->service, 0);
	assert_null(directory_find(&balancer, XDPLB_KIND_REGISTER, addr, 0, 0));
	assert_false(balancer.config->kinds & 1 << XDPLB_KIND_REGISTER);
	/* The one with a flow stays until that has moved. */
	assert_int_equal(used(), 2);
	assert_int_equal(balancer.backends[first].flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN);
	assert_false(table_has_backend(&balancer, first));
	balancer.active[first].flows = 0;
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(used(), 1);
	/* A new table knows nothing of the old one. */
	table = table_make(SERVICE);
	assert_false(table->listener[0].word || table->current || table->changes > 1);
	remove_service(SERVICE);
	assert_int_equal(used(), 0);
	assert_int_equal(table->service, 0);
	assert_int_equal(balancer.config->kinds, 0);
}

/* An address of several services leads to one whose listeners register, as long as there is one. */
static void address_of_several(void **state)
{
	const __be32 addr[4] = { htonl(0xc000020a) };
	__u32 other;

	(void)state;
	table_make(SERVICE);
	table_make("192.0.2.10:80/tcp");
	other = service_id("192.0.2.10:80/tcp");
	remove_service(SERVICE);
	assert_int_equal(directory_find(&balancer, XDPLB_KIND_REGISTER, addr, 0, 0)->index, other);
	remove_service("192.0.2.10:80/tcp");
	assert_null(directory_find(&balancer, XDPLB_KIND_REGISTER, addr, 0, 0));
}

/* Backends of the run are kept, whatever they are; the set's own are found beside them. */
static void collected(void **state)
{
	static const char *const two[] = { ":5001", ":5002", NULL };
	struct xdplb_table *table = table_make(SERVICE);
	__u8 *kept = calloc(XDPLB_BACKENDS, sizeof(*kept));
	__u32 service = service_id(SERVICE);

	(void)state;
	registers(table, 0, 5001, 1, 30); /* a backend with this port is another */
	assert_int_equal(apply_words(SERVICE, &kernel, two), 0);
	for (__u32 i = 0; i < 2; i++)
		assert_false(
			table_has_backend(&balancer, set_backend(&balancer, service, i)->backend));
	assert_int_equal(used(), XDPLB_LISTENERS + 2);
	assert_int_equal(tables_collect(&balancer, kept, 4), 0);
	for (__u32 id = 0; id < XDPLB_BACKENDS; id++)
		assert_int_equal(kept[id], table_has_backend(&balancer, id) ? 4 : 0);
	free(kept);
}

/* ---- listeners
 * -------------------------------------------------------------------------------------- */

static void live(void **state)
{
	struct xdplb_table *table = table_make(SERVICE);
	__u32 service = service_id(SERVICE), place = 0;
	struct live_listener got;

	(void)state;
	assert_false(listener_next(&balancer, service, &place, &got));
	registers(table, 2, 5001, 7, 30);
	registers(table, 3, 5002, 9, -0.1);
	registers(table, 4, 5003, 0, 30);
	registers(table, 255, 65535, 65535, 65535);
	place = 0;
	assert_true(listener_next(&balancer, service, &place, &got));
	assert_int_equal(place, 3);
	assert_true(got.port == htons(5001) && got.weight == 7 && got.backend == table->first + 2);
	assert_true(got.expires > 29 && got.expires <= 30);
	assert_true(listener_next(&balancer, service, &place, &got));
	assert_true(got.port == htons(65535) && got.weight == 65535 && place == 256);
	assert_false(listener_next(&balancer, service, &place, &got));
	assert_true(listener_live(&balancer, service, htons(65535), &got));
	assert_int_equal(got.backend, table->first + 255);
	for (__u32 port = 5002; port <= 5004; port++)
		assert_false(listener_live(&balancer, service, htons(port), &got));
	assert_false(listener_live(&balancer, service + 1, htons(5001), &got));
}

static void states(void **state)
{
	struct xdplb_table *table = table_make(SERVICE);
	__u32 service = service_id(SERVICE);

	(void)state;
	registers(table, 0, 5001, 1, 30);
	registers(table, 1, 5002, 1, -1);
	registers(table, 2, 5003, 0, 30);
	for (__u8 is = XDPLB_UP; is <= XDPLB_BACKUP; is++) {
		__u8 gone = is == XDPLB_UP ? XDPLB_DOWN : is;

		assert_int_equal(listener_state(&balancer, service, htons(5001), is), is);
		assert_int_equal(listener_state(&balancer, service, htons(5002), is), gone);
		assert_int_equal(listener_state(&balancer, service, htons(5003), is), is);
		assert_int_equal(listener_state(&balancer, service, htons(5004), is), is);
		assert_int_equal(listener_state(&balancer, 99, htons(5002), is), is);
	}
}

/* A backend is down when its listener is gone, until it is named again: also in the same words. */
static void renewed(void **state)
{
	static const char *const two[] = { ":5001", ":5002,state=drain", NULL };
	struct wanted_service options = {};
	struct xdplb_table *table;
	__u32 service, id, changes;

	(void)state;
	assert_int_equal(apply_words(SERVICE, &kernel, two), 0);
	service = service_id(SERVICE);
	table = table_of(&balancer, service);
	id = set_backend(&balancer, service, 0)->backend;
	registers(table, 0, 5001, 5, 30);
	registers(table, 1, 5002, 5, -1);
	assert_int_equal(apply_words(SERVICE, &kernel, two), 0);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 5)); /* it is live */
	assert_int_equal(table->listener[1].word, XDPLB_LISTENER_OF(5002, 0));
	registers(table, 0, 5001, 5, -1);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer.backends[id].flags & XDPLB_BACKEND_DOWN, XDPLB_BACKEND_DOWN);
	/* Options are no names. */
	assert_int_equal(set_read(&balancer, service, &options), 0);
	assert_int_equal(service_apply(&balancer, &options), 0);
	wanted_free(&options);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 5));
	assert_int_equal(balancer.backends[id].flags & XDPLB_BACKEND_DOWN, XDPLB_BACKEND_DOWN);
	changes = table->changes;
	assert_int_equal(apply_words(SERVICE, &kernel, two), 0);
	assert_int_equal(table->listener[0].word, XDPLB_LISTENER_OF(5001, 0));
	assert_int_equal(balancer.backends[id].flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_OPEN);
	assert_true(table->changes != changes); /* so that the program looks at it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made, begin, end),
		cmocka_unit_test_setup_teardown(not_wanted, begin, end),
		cmocka_unit_test_setup_teardown(made_once, begin, end),
		cmocka_unit_test_setup_teardown(runs, begin, end),
		cmocka_unit_test_setup_teardown(as_many_as_there_are, begin, end),
		cmocka_unit_test_setup_teardown(registration_port, begin, end),
		cmocka_unit_test_setup_teardown(twins, begin, end),
		cmocka_unit_test_setup_teardown(leaving, begin, end),
		cmocka_unit_test_setup_teardown(keys, begin, end),
		cmocka_unit_test_setup_teardown(modes, begin, end),
		cmocka_unit_test_setup_teardown(freed, begin, end),
		cmocka_unit_test_setup_teardown(address_of_several, begin, end),
		cmocka_unit_test_setup_teardown(collected, begin, end),
		cmocka_unit_test_setup_teardown(live, begin, end),
		cmocka_unit_test_setup_teardown(states, begin, end),
		cmocka_unit_test_setup_teardown(renewed, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
