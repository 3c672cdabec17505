// SPDX-License-Identifier: GPL-2.0-only
/* loader/change.c: several services change at once, wherever that is killed, or not at all. */
#include "../../loader/change.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../loader/collect.h"
#include "../../loader/complete.h"
#include "../../loader/services.h"
#include "../../loader/sets.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

#define TOGETHER 5

/* Version 1 has services 0 to 3 with weight 1, version 2 services 1 to 4 with weight 2. */
static void version_make(struct wanted_service *wanted, int number, int version)
{
	char service[ADDRESS_TEXT], backend[ADDRESS_TEXT];

	snprintf(service, sizeof(service), "192.0.2.%d:80", number + 1);
	snprintf(backend, sizeof(backend), "10.0.0.%d:80,weight=%d", number + 1, version);
	wanted_make(wanted, XDPLB_NAT, service, backend);
	assert_int_equal(wanted_complete(&(struct wanted_service){}, wanted), 0);
}

static bool version_has(int number, int version)
{
	return number != (version == 1 ? TOGETHER - 1 : 0);
}

static int version_apply(int version)
{
	struct wanted_service wanted[TOGETHER];
	bool gone[XDPLB_SERVICES] = {};
	struct change change = { .gone = gone };
	int err = 0;

	for (int i = 0; i < TOGETHER; i++) {
		version_make(&wanted[i], i, version);
		if (version_has(i, version))
			assert_int_equal(change_add(&change, &wanted[i]), 0);
		else
			gone[service_find(&balancer, &wanted[i].at)] = true;
	}
	gone[0] = false;
	err = change_run(&balancer, &change);
	change_free(&change);
	for (int i = 0; i < TOGETHER; i++)
		wanted_free(&wanted[i]);
	return err;
}

/* All that packets find is this version. */
static bool is_version(int version)
{
	for (int i = 0; i < TOGETHER; i++) {
		struct wanted_service wanted;
		__u32 id;

		version_make(&wanted, i, version);
		id = service_find(&balancer, &wanted.at);
		wanted_free(&wanted);
		if (!!id != version_has(i, version) ||
		    (id && set_backend(&balancer, id, 0)->weight != version))
			return false;
	}
	return true;
}

/* Wherever a change of several services is killed, all of them have changed, or none. */
static void together(void **state)
{
	int seen[3] = {}, status = 1;

	(void)state;
	make();
	for (int steps = 1; status; steps++) {
		pid_t child;

		assert_int_equal(version_apply(1), 0);
		assert_true(is_version(1));
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			steps_left = steps;
			_exit(version_apply(2) ? 1 : 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) || !status);
		assert_true(is_version(1) || is_version(2));
		seen[is_version(2) ? 2 : 1]++;
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		assert_true(is_version(1) || is_version(2));
	}
	assert_true(is_version(2));
	assert_true(seen[1] > 2 && seen[2] > 2);
	assert_empty();
	forget();
}

/* What cannot be made of several leaves all as they were. */
static void together_refused(void **state)
{
	struct wanted_service wanted[2];
	struct change change = {};

	(void)state;
	make();
	for (int i = 0; i < XDPLB_SHARED; i++) {
		char text[ADDRESS_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%d:81", i + 1);
		apply(XDPLB_DNAT, text, "10.0.0.9");
	}
	said_reset();
	wanted_make(&wanted[0], XDPLB_NAT, "192.0.2.1:81", "10.0.0.1");
	wanted_make(&wanted[1], XDPLB_DNAT, "192.0.2.100:81", "10.0.0.9");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wanted_complete(&(struct wanted_service){}, &wanted[i]), 0);
		assert_int_equal(change_add(&change, &wanted[i]), 0);
	}
	place_file("some.yaml");
	wanted[1].backend[0].place = (struct place){ 7, 5 };
	assert_int_equal(change_run(&balancer, &change), -E2BIG);
	assert_said("dnat", "some.yaml:7:5: backends: backend 10.0.0.9:81: 16 services use it with "
			    "dnat already");
	assert_int_equal(set_of(&balancer, service_find(&balancer, &wanted[0].at))->forward,
			 XDPLB_DNAT);
	assert_int_equal(service_find(&balancer, &wanted[1].at), 0);
	assert_sound();
	change_free(&change);
	wanted_free(&wanted[0]);
	wanted_free(&wanted[1]);
	assert_empty();
	forget();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(together),
		cmocka_unit_test(together_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
