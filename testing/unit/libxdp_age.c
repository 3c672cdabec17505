// SPDX-License-Identifier: GPL-2.0-only
/* loader/libxdp_age.c: which libxdp is too old for which kernel. */
#include "../../loader/libxdp_age.h"

#include "unit.h"

static void too_old(void **state)
{
	(void)state;
	assert_true(libxdp_is_too_old("libxdp.so.1.3.1", "6.12.107+deb13-amd64"));
	assert_true(libxdp_is_too_old("libxdp.so.1.5.4", "6.12.107+deb13-cloud-amd64"));
	assert_true(libxdp_is_too_old("libxdp.so.1.5.4", "7.0.0-rc1"));
	assert_true(libxdp_is_too_old("libxdp.so.1.2.10", "6.13.0"));
}

static void new_enough(void **state)
{
	(void)state;
	assert_false(libxdp_is_too_old("libxdp.so.1.3.1", "6.1.0-40-amd64"));
	assert_false(libxdp_is_too_old("libxdp.so.1.5.5", "6.12.107+deb13-amd64"));
	assert_false(libxdp_is_too_old("libxdp.so.1.6.0", "6.18.5"));
	assert_false(libxdp_is_too_old("libxdp.so.2.0.0", "6.18.5"));
}

/* What names no version, or no kernel's, is not said to be too old. */
static void unknown(void **state)
{
	(void)state;
	assert_false(libxdp_is_too_old("a libxdp built in", "6.18.5"));
	assert_false(libxdp_is_too_old("libxdp.so.1", "6.18.5"));
	assert_false(libxdp_is_too_old("libxdp.so.1.3.1", "unknown"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_old),
		cmocka_unit_test(new_enough),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
