// SPDX-License-Identifier: GPL-2.0-only
/* loader/services.c: what a change of a service tells the program of its backends. */
#include "../../loader/services.h"

#include <string.h>

#include "../../loader/collect.h"
#include "../../loader/flows.h"
#include "../../loader/sets.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

static void timeouts_in_records(void **state)
{
	static const __u16 given[XDPLB_TIMEOUTS] = { 50, 7, 33, 500 };
	static const __u16 right[XDPLB_FLOW_STATES] = {
		[XDPLB_FLOW_NEW] = 50,	      [XDPLB_FLOW_ESTABLISHED] = 50,
		[XDPLB_FLOW_ADOPTED] = 50,    [XDPLB_FLOW_FIN_CLIENT] = 7,
		[XDPLB_FLOW_FIN_BACKEND] = 7, [XDPLB_FLOW_CLOSED] = 7,
		[XDPLB_FLOW_RESET] = 7,	      [XDPLB_FLOW_UDP_NEW] = 33,
		[XDPLB_FLOW_UDP] = 33,	      [XDPLB_FLOW_CLIENT_NEW] = 500,
		[XDPLB_FLOW_CLIENT] = 500,
	};
	static const __u16 usual[XDPLB_FLOW_STATES] = {
		[XDPLB_FLOW_NEW] = 60,		[XDPLB_FLOW_ESTABLISHED] = 900,
		[XDPLB_FLOW_ADOPTED] = 900,	[XDPLB_FLOW_FIN_CLIENT] = 120,
		[XDPLB_FLOW_FIN_BACKEND] = 120, [XDPLB_FLOW_CLOSED] = 120,
		[XDPLB_FLOW_RESET] = 10,	[XDPLB_FLOW_UDP_NEW] = 300,
		[XDPLB_FLOW_UDP] = 300,		[XDPLB_FLOW_CLIENT_NEW] = 300,
		[XDPLB_FLOW_CLIENT] = 300,
	};
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	assert_memory_equal(record(1)->timeout, usual, sizeof(usual));
	memcpy(wanted.timeout, given, sizeof(given));
	apply_wanted(&wanted);
	assert_memory_equal(record(0)->timeout, right, sizeof(right));
	assert_memory_equal(record(1)->timeout, right, sizeof(right));
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Flows of a service that is gone are over, also those of backends that went before. */
static void deleted_forgets(void **state)
{
	static const __u16 none[XDPLB_FLOW_STATES];
	struct wanted_service wanted;
	__u32 first, second;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.scheduler = XDPLB_WRR;
	apply_wanted(&wanted);
	first = set_backend(&balancer, 1, 0)->backend;
	second = set_backend(&balancer, 1, 1)->backend;
	flow_set(first, XDPLB_DSR, true);
	flow_set(second, XDPLB_DSR, true);
	wanted.backends = 1;
	apply_wanted(&wanted);
	assert_true(balancer.backends[second].timeout[XDPLB_FLOW_ESTABLISHED] != 0);
	assert_false(balancer.backends[second].flags & XDPLB_BACKEND_OPEN);
	assert_int_equal(remove_one(1), 0);
	assert_memory_equal(balancer.backends[first].timeout, none, sizeof(none));
	assert_memory_equal(balancer.backends[second].timeout, none, sizeof(none));
	assert_true(balancer.backends[second].flags != 0);
	assert_true(balancer.backends[first].flags != 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Slow start is for who comes beside others, and ends when it is turned off. */
static void slow_start(void **state)
{
	__u32 now = clock_seconds();
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 3);
	wanted.slow_given = true;
	wanted.slow_start = 30;
	wanted.backends = 2;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 0); /* all are new */
	wanted.backends = 3;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 0);
	assert_int_equal(record(2)->ramp_seconds, 30);
	assert_in_range(record(2)->ramp_start, now, now + 60);
	assert_in_range(set_of(&balancer, 1)->window_end, now + 300, now + 360);
	/* Another change leaves it alone, draining and coming up again begins anew. */
	record(2)->ramp_start = 1;
	wanted.backend[0].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_start, 1);
	assert_int_equal(record(2)->ramp_seconds, 30);
	wanted.backend[0].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 30);
	assert_in_range(record(0)->ramp_start, now, now + 60);
	/* Backups that take over at once have nobody to leave flows to. */
	for (int i = 0; i < 3; i++)
		wanted.backend[i].state = i ? XDPLB_DOWN : XDPLB_BACKUP;
	apply_wanted(&wanted);
	wanted.backend[1].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(1)->ramp_seconds, 0);
	wanted.backend[2].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_seconds, 30);
	wanted.slow_start = 0;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_seconds, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* A backend that flows may still be adopted to stays until the window is over. */
static void previous_is_kept(void **state)
{
	struct wanted_service wanted;
	__u32 gone;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	gone = set_backend(&balancer, 1, 1)->backend;
	wanted.backends = 1;
	apply_wanted(&wanted);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	/* Also where the old slots are other ones, by another method. */
	wanted.scheduler = XDPLB_RR;
	wanted.forward = XDPLB_IPIP;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->old_slots, 251);
	assert_int_equal(set_of(&balancer, 1)->old_forward, XDPLB_DSR);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	time_passes(299);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	time_passes(2);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED); /* clocks differ */
	time_passes(2);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer.backends[gone].flags, 0);
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->old_slots, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeouts_in_records),
		cmocka_unit_test(deleted_forgets),
		cmocka_unit_test(slow_start),
		cmocka_unit_test(previous_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
