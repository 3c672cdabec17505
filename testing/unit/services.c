// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/services.c and what it changes the tables with: any commands in any
 * order, with flows, and with commands that are killed, leave tables in which
 * the program finds everything it needs and nothing that is gone.
 */
#include "../../loader/services.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../loader/collect.h"
#include "../../loader/complete.h"
#include "../../loader/sets.h"
#include "../../loader/states.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

/* One of few services, so that they meet: in addresses, in backends, in ports. */
static void service_random(struct service_address *at)
{
	__u32 number = random_from(0, 2);

	memset(at, 0, sizeof(*at));
	at->addr[0] = htonl(0xc0000201 + number);
	if (random_64() % 2) {
		at->addr[0] = htonl(0x20010db8);
		at->addr[3] = htonl(number + 1);
	}
	at->port = htons(random_from(80, 81));
	at->proto = random_64() % 4 ? IPPROTO_TCP : IPPROTO_UDP;
}

static void backend_random(const struct wanted_service *wanted, struct wanted_backend *backend,
			   __u32 number)
{
	bool maps = wanted->forward == XDPLB_NAT || wanted->forward == XDPLB_DNAT;
	bool ipv6 = xdplb_is_ipv6(wanted->at.addr);

	if (forward_wraps(wanted->forward))
		ipv6 = random_64() % 2;
	*backend =
		(struct wanted_backend){ .weight = random_from(1, 3), .state = random_from(1, 4) };
	backend->addr[0] = htonl(ipv6 ? 0xfd000000 : 0x0a000001 + number);
	backend->addr[3] = ipv6 ? htonl(number + 1) : 0;
	backend->port = maps ? htons(random_from(80, 81)) : wanted->at.port;
}

/* Some are given, each as often as not. */
static void options_random(struct wanted_service *wanted)
{
	bool ipv6 = xdplb_is_ipv6(wanted->at.addr);

	wanted->scheduler = random_from(XDPLB_RR, XDPLB_P2C);
	wanted->affinity_given = random_64() % 2;
	if (random_64() % 3 == 0)
		wanted->affinity = random_from(1, ipv6 ? 128 : 32);
	wanted->slow_given = random_64() % 2;
	wanted->slow_start = random_64() % 3 ? 0 : random_from(1, 100);
	wanted->table = random_64() % 3 ? 251 : 509; /* automatic sizes warn when they change */
	wanted->table_given = wanted->scheduler == XDPLB_MAGLEV || wanted->scheduler == XDPLB_SH;
	wanted->window = random_64() % 2 ? 0 : random_from(1, 1000);
	wanted->udp = WANTED_UDP_TRACKED;
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		wanted->timeout[i] = random_64() % 2 ? 0 : random_from(1, XDPLB_TIMEOUT_MAX);
	if (!wanted->affinity_given)
		wanted->affinity = 0;
	if (!wanted->slow_given)
		wanted->slow_start = 0;
	if (!wanted->table_given)
		wanted->table = 0;
	if (wanted->scheduler != XDPLB_MAGLEV && wanted->scheduler != XDPLB_SH)
		wanted->table = wanted->table_given = 0;
}

static void wanted_random(struct wanted_service *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	service_random(&wanted->at);
	options_random(wanted);
	wanted->forward = random_from(XDPLB_NAT, XDPLB_GUE);
	wanted->backends = random_from(0, 4);
	wanted->backend = calloc(wanted->backends + 1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	for (int i = 0; i < wanted->backends; i++)
		backend_random(wanted, &wanted->backend[i], i);
	if (wanted->forward == XDPLB_DNAT || wanted->forward == XDPLB_DSR || random_64() % 2)
		return;
	wanted->snat_given = true;
	wanted->snats = 1;
	memcpy(wanted->snat[0], own_address[xdplb_is_ipv6(wanted->at.addr)], 16);
	wanted->snat[0][0] += htonl(random_from(0, 1) << 8);
}

/* What is given is what is in force; what is left open is what was, or the default. */
static void assert_options(const struct wanted_service *given, const struct wanted_service *was,
			   const struct wanted_service *got)
{
	static const __u16 usual[XDPLB_TIMEOUTS] = { 900, 120, 300, 300 };

	assert_int_equal(got->scheduler, given->scheduler);
	assert_int_equal(got->affinity, given->affinity_given ? given->affinity : was->affinity);
	assert_int_equal(got->slow_start, given->slow_given ? given->slow_start : was->slow_start);
	assert_int_equal(got->table, given->table_given ? given->table : was->table);
	assert_int_equal(got->window, given->window ? given->window :
				      was->window   ? was->window :
						      300);
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		assert_int_equal(got->timeout[i], given->timeout[i] ? given->timeout[i] :
						  was->timeout[i]   ? was->timeout[i] :
								      usual[i]);
}

static void apply_random(void)
{
	struct wanted_service wanted, given, got, was = {};
	__u32 id;

	wanted_random(&wanted);
	given = wanted;
	id = service_find(&balancer, &wanted.at);
	if (id)
		assert_int_equal(set_read(&balancer, id, &was), 0);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	id = service_find(&balancer, &wanted.at);
	assert_true(id != 0);
	assert_int_equal(set_read(&balancer, id, &got), 0);
	assert_options(&given, &was, &got);
	assert_int_equal(got.forward, wanted.forward);
	assert_int_equal(got.backends, wanted.backends);
	assert_int_equal(got.snats, wanted.snats);
	for (int i = 0; i < got.backends; i++) {
		assert_memory_equal(got.backend[i].addr, wanted.backend[i].addr, 16);
		assert_int_equal(got.backend[i].port, wanted.backend[i].port);
		assert_int_equal(got.backend[i].state, wanted.backend[i].state);
		assert_int_equal(got.backend[i].weight, wanted.backend[i].weight);
	}
	wanted_free(&was);
	wanted_free(&got);
	wanted_free(&wanted);
}

/* States and weights as checks and agents make them, of two services at once. */
static int states_random(void)
{
	struct wanted_service wanted[2], *both[2] = { &wanted[0], &wanted[1] };
	__u32 id[2];
	int count = 0, err = 0;

	for (int i = 0; !err && i < 2; i++) {
		id[count] = random_from(1, SERVICES_HERE - 1);
		if (!is_live(id[count]) || (count && id[0] == id[1]))
			continue;
		err = set_read(&balancer, id[count], both[count]);
		for (int j = 0; j < wanted[count].backends; j++) {
			struct wanted_backend *backend = &wanted[count].backend[j];
			__u8 own = own_state(backend);

			backend->state = random_64() % 2 ? own : random_from(XDPLB_UP, XDPLB_DOWN);
			backend->own_state = backend->state == own ? 0 : own;
			backend->own_weight = random_64() % 2 ? own_weight(backend) : 0;
		}
		count++;
	}
	if (!err && count)
		err = states_change(&balancer, both, count);
	for (int i = 0; i < count; i++) {
		struct wanted_service got;

		if (!err && !set_read(&balancer, id[i], &got)) {
			assert_true(same_service(&wanted[i], &got));
			wanted_free(&got);
		}
		wanted_free(&wanted[i]);
	}
	return err;
}

static void delete_random(void)
{
	struct service_address at;
	__u32 id;

	service_random(&at);
	id = service_find(&balancer, &at);
	if (!id)
		return;
	assert_int_equal(remove_one(id), 0);
	assert_int_equal(service_find(&balancer, &at), 0);
}

/* A flow begins as the program would have it, or all of a backend end. */
static void flow_random(void)
{
	__u32 id = random_from(1, SERVICES_HERE - 1);
	const struct xdplb_set *set = set_of(&balancer, id);
	__u32 backend;

	if (!is_live(id) || !set->backends)
		return;
	backend = set_backend(&balancer, id, random_64() % set->backends)->backend;
	if (set->forward == XDPLB_NAT && !flows[backend].of[XDPLB_NAT]) {
		__u32 pools = balancer.backends[backend].pools;

		flows[backend].pool = balancer.backends[backend].pool[__builtin_ctz(pools)];
		balancer.pools[flows[backend].pool].claimed[0]++;
	}
	flow_set(backend, set->forward, true);
}

static void flows_end_random(void)
{
	__u32 id = random_from(1, 60);

	if (flows[id].of[XDPLB_NAT])
		balancer.pools[flows[id].pool].claimed[0]--;
	memset(&flows[id], 0, sizeof(flows[id]));
	balancer.active[id].flows = 0;
}
static void any_order(void **state)
{
	(void)state;
	make();
	watch = assert_in_force;
	for (int i = 0; i < 250; i++) {
		if (random_64() % 4)
			apply_random();
		else
			delete_random();
		assert_sound();
		assert_int_equal(states_random(), 0);
		assert_sound();
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		for (int j = 0; j < 4; j++)
			flow_random();
		for (int j = 0; j < 6; j++)
			flows_end_random();
		if (i % 4 == 0)
			time_passes(random_from(1, 400));
		assert_int_equal(said_lines(), 0);
	}
	watch = NULL;
	assert_empty();
	forget();
}

/* What fails here ends the child, which no signal of ours did then. */
static void commands_forever(void)
{
	struct wanted_service wanted;
	struct service_address at;
	__u32 id;

	for (;;) {
		wanted_random(&wanted);
		if (service_apply(&balancer, &wanted))
			_exit(1);
		wanted_free(&wanted);
		if (states_random())
			_exit(1);
		service_random(&at);
		id = random_64() % 3 ? 0 : service_find(&balancer, &at);
		if (id && remove_one(id))
			_exit(1);
	}
}

/* Commands in a child that is killed somewhere; the next command meets what it left. */
static void killed(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 120; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (!child) {
			steps_left = i % 2 ? random_from(1, 20) : 0;
			commands_forever();
		}
		if (!(i % 2)) {
			usleep(random_from(500, 60000));
			kill(child, SIGKILL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		for (int j = 0; j < i; j++)
			random_64(); /* so that the next child's commands are other ones */
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		for (int j = 0; j < 4; j++)
			flow_random();
		for (int j = 0; j < 6; j++)
			flows_end_random();
		if (i % 4 == 0)
			time_passes(random_from(1, 400));
	}
	assert_empty();
	forget();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
