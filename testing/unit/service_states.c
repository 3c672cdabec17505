// SPDX-License-Identifier: GPL-2.0-only
/* What health checks make of backends, on tables without a kernel. */
#include "../../loader/states.h"

#include <errno.h>

#include "../../loader/sets.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

/* What checks do to a backend: whose word it is, slow start, and a failure that changes nothing. */
static void states(void **state)
{
	struct wanted_service wanted, now, *one = &now;

	(void)state;
	make();
	maglev_make(&wanted, 3);
	wanted.slow_given = true;
	wanted.slow_start = 30;
	apply_wanted(&wanted);
	assert_int_equal(set_read(&balancer, 1, &now), 0);
	now.backend[0].state = XDPLB_DOWN;
	now.backend[0].own_state = XDPLB_UP;
	now.backend[1].own_weight = now.backend[1].weight;
	now.backend[1].weight = 20;
	assert_int_equal(states_change(&balancer, &one, 1), 0);
	assert_true(record(0)->flags & XDPLB_BACKEND_DOWN);
	assert_int_equal(set_backend(&balancer, 1, 0)->state, XDPLB_DOWN);
	assert_int_equal(set_backend(&balancer, 1, 0)->own, XDPLB_UP);
	assert_int_equal(set_backend(&balancer, 1, 1)->own, XDPLB_OWN_WEIGHT);
	assert_int_equal(record(1)->own_weight, 1);
	wanted_free(&now);
	assert_int_equal(set_read(&balancer, 1, &now), 0);
	assert_int_equal(now.backend[0].own_state, XDPLB_UP);
	assert_int_equal(now.backend[1].own_weight, 1);
	assert_int_equal(record(0)->ramp_seconds, 0);
	now.backend[0].state = XDPLB_UP;
	now.backend[0].own_state = 0;
	assert_int_equal(states_change(&balancer, &one, 1), 0);
	assert_int_equal(record(0)->ramp_seconds, 30);
	assert_int_equal(record(0)->flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_OPEN);
	now.backends--; /* not what is there */
	now.backend[0].state = XDPLB_DOWN;
	said_reset();
	assert_int_equal(states_change(&balancer, &one, 1), -ESTALE);
	assert_int_equal(record(0)->flags, XDPLB_BACKEND_USED | XDPLB_BACKEND_OPEN);
	assert_int_equal(set_backend(&balancer, 1, 0)->state, XDPLB_UP);
	wanted_free(&now);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
