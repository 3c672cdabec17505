// SPDX-License-Identifier: GPL-2.0-only
/* loader/silent.h and nearly_full.h: what doctor makes of counts. */
#include "../../loader/silent.h"
#include "../../loader/nearly_full.h"

#include "unit.h"

static void silent(void **state)
{
	(void)state;
	assert_true(is_silent(SILENT_FLOWS, 0, 0));
	assert_true(is_silent(100000, 0, 0));
	assert_false(is_silent(0, 0, 0));
	assert_false(is_silent(SILENT_FLOWS - 1, 0, 0)); /* who may have gone */
	assert_false(is_silent(100000, 1, 0)); /* a flood, and one that got through */
	assert_false(is_silent(100000, 0, 1)); /* who answers a flood, answers */
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
		cmocka_unit_test(nearly_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
