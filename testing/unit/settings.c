// SPDX-License-Identifier: GPL-2.0-only
/* loader/settings.c: what `set` reads, and where it goes. */
#include "../../loader/settings.h"

#include <arpa/inet.h>
#include <errno.h>

#include "unit.h"

static void defaults(void **state)
{
	const struct xdplb_config never = {};
	struct settings settings;

	(void)state;
	settings_get(&never, &settings);
	assert_true(settings.echo);
	assert_int_equal(settings.gue_port, 6080);
	assert_int_equal(settings.icmp_rate, 1000);
}

static void forms(void **state)
{
	struct settings settings = {};

	(void)state;
	said_reset();
	assert_int_equal(settings_read("echo=on", &settings), 0);
	assert_true(settings.echo);
	assert_int_equal(settings_read("echo=off", &settings), 0);
	assert_false(settings.echo);
	assert_int_equal(settings_read("gue-port=1", &settings), 0);
	assert_int_equal(settings.gue_port, 1);
	assert_int_equal(settings_read("gue-port=65535", &settings), 0);
	assert_int_equal(settings.gue_port, 65535);
	assert_int_equal(settings_read("icmp-rate=0", &settings), 0);
	assert_int_equal(settings.icmp_rate, 0);
	assert_int_equal(settings_read("icmp-rate=1000000", &settings), 0);
	assert_int_equal(settings.icmp_rate, 1000000);
	assert_int_equal(said_lines(), 0);
}

static void mistakes(void **state)
{
	static const char *const cases[][2] = {
		{ "", "the settings are echo=, gue-port= and icmp-rate=" },
		{ "echo", "echo: the settings are" },
		{ "=on", "the settings are" },
		{ "Echo=on", "the settings are" },
		{ "gue_port=6080", "the settings are" },
		{ "echo=", "echo=: on or off is expected" },
		{ "echo=1", "echo=1: on or off is expected" },
		{ "echo=on ", "on or off is expected" },
		{ "gue-port=", "a number from 1 to 65535" },
		{ "gue-port=0", "gue-port 0: a number from 1 to 65535" },
		{ "gue-port=65536", "a number from 1 to 65535" },
		{ "icmp-rate=-1", "icmp-rate -1: a number from 0 to 1000000" },
		{ "icmp-rate=1000001", "a number from 0 to 1000000" },
		{ "icmp-rate=1e3", "a number from 0 to 1000000" },
	};
	const struct settings before = { .echo = true, .gue_port = 7, .icmp_rate = 8 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings settings = before;

		said_reset();
		assert_int_equal(settings_read(cases[i][0], &settings), -EINVAL);
		assert_said(cases[i][0], cases[i][1]);
		assert_int_equal(settings.gue_port, 7);
		assert_int_equal(settings.icmp_rate, 8);
	}
}

static void to_the_program(void **state)
{
	const struct settings in = { .echo = true, .gue_port = 6080, .icmp_rate = 5 };
	struct xdplb_config config = { .abi = XDPLB_ABI };
	struct settings out;

	(void)state;
	settings_put(&config, &in);
	assert_int_equal(config.echo, 1);
	assert_int_equal(config.gue_port, htons(6080));
	assert_int_equal(config.icmp_rate, 5);
	settings_get(&config, &out);
	assert_true(out.echo);
	assert_int_equal(out.gue_port, 6080);
	assert_int_equal(out.icmp_rate, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(forms),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(to_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
