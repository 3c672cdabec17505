// SPDX-License-Identifier: GPL-2.0-only
/* loader/settings.c: what `set` reads, and where it goes. */
#include "../../loader/settings.h"

#include <arpa/inet.h>
#include <errno.h>

#include "unit.h"
#include "../../xdp/hash.h"

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

static void seeds(void **state)
{
	struct settings settings = {}, other = {};
	char text[SEED_TEXT];

	(void)state;
	said_reset();
	assert_string_equal(seed_text(&settings, text), "random");
	assert_int_equal(settings_read("seed=0123456789abcdefFEDCBA9876543210", &settings), 0);
	assert_true(settings.seed[0] == 0x0123456789abcdef);
	assert_true(settings.seed[1] == 0xfedcba9876543210);
	assert_string_equal(seed_text(&settings, text), "0123456789abcdeffedcba9876543210");
	assert_int_equal(settings_read("seed=00000000000000000000000000000001", &settings), 0);
	assert_string_equal(seed_text(&settings, text), "00000000000000000000000000000001");
	assert_int_equal(settings_read("seed=random", &settings), 0);
	assert_int_equal(settings_read("seed=random", &other), 0);
	assert_memory_not_equal(settings.seed, other.seed, sizeof(other.seed));
	assert_int_equal(said_lines(), 0);
}

static void mistakes(void **state)
{
	static const char *const cases[][2] = {
		{ "",
		  "the settings are echo=, gue-port=, icmp-rate=, registration-port= and seed=" },
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
		{ "seed=", "seed=: 32 hexadecimal digits are expected, not all 0, or random" },
		{ "seed=Random", "seed=Random: 32 hexadecimal digits" },
		{ "seed=0123456789abcdef0123456789abcde", "32 hexadecimal digits" },
		{ "seed=0123456789abcdef0123456789abcdef0", "32 hexadecimal digits" },
		{ "seed=0123456789abcdef0123456789abcdeg", "32 hexadecimal digits" },
		{ "seed=0x23456789abcdef0123456789abcdef", "32 hexadecimal digits" },
		{ "seed= 123456789abcdef0123456789abcdef", "32 hexadecimal digits" },
		{ "seed=-123456789abcdef0123456789abcdef", "32 hexadecimal digits" },
		{ "seed=00000000000000000000000000000000", "not all 0, or random" },
	};
	const struct settings before = {
		.echo = true, .gue_port = 7, .icmp_rate = 8, .seed = { 9, 10 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings settings = before;

		said_reset();
		assert_int_equal(settings_read(cases[i][0], &settings), -EINVAL);
		assert_said(cases[i][0], cases[i][1]);
		assert_int_equal(settings.gue_port, 7);
		assert_int_equal(settings.icmp_rate, 8);
		assert_memory_equal(settings.seed, before.seed, sizeof(before.seed));
	}
}

static void to_the_program(void **state)
{
	const struct settings in = {
		.echo = true, .gue_port = 6080, .icmp_rate = 5, .seed = { 1, 2 }
	};
	struct xdplb_config config = { .abi = XDPLB_ABI };
	__u32 key[2][6];
	struct settings out;

	(void)state;
	settings_put(&config, &in);
	assert_int_equal(config.echo, 1);
	assert_int_equal(config.gue_port, htons(6080));
	assert_int_equal(config.icmp_rate, 5);
	xdplb_name_keys(in.seed, key);
	assert_memory_equal(config.name_key, key, sizeof(key));
	settings_get(&config, &out);
	assert_true(out.echo);
	assert_int_equal(out.gue_port, 6080);
	assert_int_equal(out.icmp_rate, 5);
	assert_memory_equal(config.seed, in.seed, sizeof(in.seed));
	assert_memory_equal(out.seed, in.seed, sizeof(in.seed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),	  cmocka_unit_test(forms),
		cmocka_unit_test(seeds),	  cmocka_unit_test(mistakes),
		cmocka_unit_test(to_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
