// SPDX-License-Identifier: GPL-2.0-only
/* loader/silent.h and nearly_full.h: what doctor makes of counts. */
#include "../../loader/silent.h"
#include "../../loader/nearly_full.h"

#include "unit.h"

static void silent(void **state)
{
	(void)state;
	assert_true(is_silent(SILENT_FLOWS, false, false));
	assert_true(is_silent(100000, false, false));
	assert_false(is_silent(0, false, false));
	assert_false(is_silent(SILENT_FLOWS - 1, false, false)); /* who may have gone */
	assert_false(is_silent(100000, false, true)); /* who answers a flood, answers */
	assert_true(is_silent(SILENT_SERVED, true, false));
	assert_false(is_silent(SILENT_SERVED - 1, true, false));
	assert_false(is_silent(100000, true, true));
}

static void waiting(void **state)
{
	(void)state;
	assert_true(is_waiting(0, SILENT_NEVER));
	assert_true(is_waiting(60, SILENT_NEVER));
	assert_false(is_waiting(0, 0)); /* a flood, and one that got through */
	assert_false(is_waiting(10, 0)); /* it answers again */
	assert_false(is_waiting(0, SILENT_APART - 1));
	assert_true(is_waiting(0, SILENT_APART));
	assert_true(is_waiting(10, 900));
}

static void nearly_full(void **state)
{
	(void)state;
	assert_false(is_nearly_full(0, 0));
	assert_false(is_nearly_full(0, 64));
	assert_false(is_nearly_full(57, 64));
	assert_true(is_nearly_full(58, 64));
	assert_true(is_nearly_full(64, 64));
	assert_true(is_nearly_full(1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent),
		cmocka_unit_test(waiting),
		cmocka_unit_test(nearly_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
