// SPDX-License-Identifier: GPL-2.0-only
/* loader/service_options.c: each form of each option, and each mistake. */
#include "../../loader/service_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../loader/defaults.h"
#include "../../loader/slots.h"
#include "unit.h"

typedef int parser(const char *text, struct wanted_service *wanted);

static struct wanted_service service_of(bool ipv6)
{
	struct wanted_service wanted = {};

	said_reset();
	assert_int_equal(parse_service(ipv6 ? "[2001:db8::10]:80" : "192.0.2.10:80", &wanted.at),
			 0);
	return wanted;
}

static void affinity_forms(void **state)
{
	static const struct {
		const char *text, *canonical;
		bool ipv6;
		__u8 bits;
		__u16 seconds; /* 0: left as it was, 300 here */
	} cases[] = {
		{ "client", "client,300", false, 32, 0 },
		{ "client", "client,300", true, 128, 0 },
		{ "client,1", "client,1", false, 32, 1 },
		{ "client,32767", "client,32767", true, 128, 32767 },
		{ "client/1", "client/1,300", false, 1, 0 },
		{ "client/24,600", "client/24,600", false, 24, 600 },
		{ "client/32", "client,300", false, 32, 0 },
		{ "client/32", "client/32,300", true, 32, 0 },
		{ "client/128,60", "client,60", true, 128, 60 },
		{ "client/64", "client/64,300", true, 64, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wanted_service wanted = service_of(cases[i].ipv6);
		char text[ADDRESS_TEXT];

		wanted.timeout[XDPLB_TIMEOUT_AFFINITY] = 300;
		assert_int_equal(parse_affinity(cases[i].text, &wanted), 0);
		assert_int_equal(said_lines(), 0);
		assert_true(wanted.affinity_given);
		assert_int_equal(wanted.affinity, cases[i].bits);
		assert_int_equal(wanted.timeout[XDPLB_TIMEOUT_AFFINITY],
				 cases[i].seconds ? cases[i].seconds : 300);
		assert_string_equal(affinity_text(&wanted, text), cases[i].canonical);
	}
}

static void affinity_none(void **state)
{
	struct wanted_service wanted = service_of(false);

	(void)state;
	wanted.affinity = 24;
	assert_int_equal(parse_affinity("none", &wanted), 0);
	assert_true(wanted.affinity_given);
	assert_int_equal(wanted.affinity, 0);
}

struct mistake {
	const char *text, *said;
};

static void assert_mistakes(parser *parse, bool ipv6, const struct mistake *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct wanted_service wanted = service_of(ipv6);

		if (parse(cases[i].text, &wanted) != -EINVAL)
			fail_msg("\"%s\" is taken", cases[i].text);
		assert_said(cases[i].text, cases[i].said);
	}
}

static void affinity_mistakes(void **state)
{
	static const struct mistake four[] = {
		{ "", "--affinity : none is expected, or client[/PREFIX][,SECONDS] as in" },
		{ "Client", "--affinity Client: none is expected" },
		{ "clients", "--affinity clients: none is expected" },
		{ "cookie", "--affinity cookie: none is expected" },
		{ "none,5", "--affinity none,5: none is expected" },
		{ ",60", "none is expected" },
		{ "client/", "--affinity prefix : a number from 1 to 32" },
		{ "client/0", "--affinity prefix 0: a number from 1 to 32" },
		{ "client/33", "--affinity prefix 33: a number from 1 to 32" },
		{ "client/24/8", "--affinity prefix 24/8: a number" },
		{ "client/ 24", "--affinity prefix  24: a number" },
		{ "client,", "--affinity seconds : a number from 1 to 32767" },
		{ "client,0", "--affinity seconds 0: a number from 1 to 32767" },
		{ "client,32768", "--affinity seconds 32768: a number from 1 to 32767" },
		{ "client/24,60,70", "--affinity seconds 60,70: a number" },
	};
	static const struct mistake six[] = {
		{ "client/0", "a number from 1 to 128" },
		{ "client/129", "--affinity prefix 129: a number from 1 to 128" },
	};

	(void)state;
	assert_mistakes(parse_affinity, false, four, COUNT(four));
	assert_mistakes(parse_affinity, true, six, COUNT(six));
}

/* A word longer than any that is right. */
static void long_words(void **state)
{
	static parser *const all[] = { parse_affinity, parse_timeouts, parse_slow_start,
				       parse_window,   parse_udp,      parse_table_size };
	static char text[1000] = "client/";

	(void)state;
	memset(text + 7, '1', sizeof(text) - 8);
	for (size_t i = 0; i < COUNT(all); i++) {
		struct wanted_service wanted = service_of(false);

		assert_int_equal(all[i](text, &wanted), -EINVAL);
		assert_int_equal(said_lines(), 1);
	}
}

static void timeout_forms(void **state)
{
	static const struct {
		const char *text;
		__u16 established, closing, udp;
	} cases[] = {
		{ "established=1", 1, 0, 0 },
		{ "closing=32767", 0, 32767, 0 },
		{ "udp=30", 0, 0, 30 },
		{ "established=900,closing=120,udp=300", 900, 120, 300 },
		{ "udp=5,established=6", 6, 0, 5 },
		{ "udp=5,udp=6", 0, 0, 6 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wanted_service wanted = service_of(false);

		assert_int_equal(parse_timeouts(cases[i].text, &wanted), 0);
		assert_int_equal(said_lines(), 0);
		assert_int_equal(wanted.timeout[XDPLB_TIMEOUT_ESTABLISHED], cases[i].established);
		assert_int_equal(wanted.timeout[XDPLB_TIMEOUT_CLOSING], cases[i].closing);
		assert_int_equal(wanted.timeout[XDPLB_TIMEOUT_UDP], cases[i].udp);
		assert_int_equal(wanted.timeout[XDPLB_TIMEOUT_AFFINITY], 0);
	}
}

static void timeout_mistakes(void **state)
{
	static const struct mistake cases[] = {
		{ "", "--timeout : some of established=, closing= and udp= are expected" },
		{ "60", "--timeout 60: some of established=" },
		{ "established", "--timeout established: some of" },
		{ "affinity=60", "--timeout affinity=60: some of" },
		{ "Udp=60", "--timeout Udp=60: some of" },
		{ "udp=60,", "--timeout : some of" },
		{ ",udp=60", "--timeout : some of" },
		{ "udp=60,,closing=5", "--timeout : some of" },
		{ "udp=", "--timeout udp : a number from 1 to 32767" },
		{ "established=0", "--timeout established 0: a number from 1 to 32767" },
		{ "closing=32768", "--timeout closing 32768: a number from 1 to 32767" },
		{ "udp=-1", "--timeout udp -1: a number" },
		{ "udp=60s", "--timeout udp 60s: a number" },
		{ "udp=60 closing=5", "--timeout udp 60 closing=5: a number" },
	};

	(void)state;
	assert_mistakes(parse_timeouts, false, cases, COUNT(cases));
}

static void seconds(void **state)
{
	static const struct mistake slow[] = {
		{ "", "--slow-start : a number from 0 to 32767" },
		{ "-1", "--slow-start -1: a number from 0 to 32767" },
		{ "32768", "--slow-start 32768: a number from 0 to 32767" },
		{ "none", "--slow-start none: a number" },
	};
	static const struct mistake window[] = {
		{ "0", "--window 0: a number from 1 to 32767" },
		{ "32768", "--window 32768: a number from 1 to 32767" },
		{ "5m", "--window 5m: a number" },
	};
	struct wanted_service wanted = service_of(false);

	(void)state;
	assert_int_equal(parse_slow_start("0", &wanted), 0);
	assert_true(wanted.slow_given);
	assert_int_equal(wanted.slow_start, 0);
	assert_int_equal(parse_slow_start("32767", &wanted), 0);
	assert_int_equal(wanted.slow_start, 32767);
	assert_int_equal(parse_window("1", &wanted), 0);
	assert_int_equal(wanted.window, 1);
	assert_int_equal(parse_window("32767", &wanted), 0);
	assert_int_equal(wanted.window, 32767);
	assert_mistakes(parse_slow_start, false, slow, COUNT(slow));
	assert_mistakes(parse_window, false, window, COUNT(window));
}

static void udp(void **state)
{
	static const struct mistake cases[] = {
		{ "", "--udp : tracked, stateless or each is expected" },
		{ "Tracked", "--udp Tracked: tracked, stateless or each" },
		{ "none", "--udp none: tracked, stateless or each" },
	};
	struct wanted_service wanted = service_of(false);

	(void)state;
	assert_int_equal(parse_udp("tracked", &wanted), 0);
	assert_int_equal(wanted.udp, WANTED_UDP_TRACKED);
	assert_int_equal(parse_udp("stateless", &wanted), 0);
	assert_int_equal(wanted.udp, WANTED_UDP_STATELESS);
	assert_mistakes(parse_udp, false, cases, COUNT(cases));
}

static void table_size(void **state)
{
	static const __u32 primes[] = { 251, 257, 1021, 4093, 16381, 65521, 65537, 524287 };
	struct wanted_service wanted = service_of(false);
	char text[16];

	(void)state;
	for (size_t i = 0; i < COUNT(primes); i++) {
		snprintf(text, sizeof(text), "%u", primes[i]);
		assert_int_equal(parse_table_size(text, &wanted), 0);
		assert_true(wanted.table_given);
		assert_int_equal(wanted.table, primes[i]);
	}
	assert_int_equal(parse_table_size("auto", &wanted), 0);
	assert_true(wanted.table_given);
	assert_int_equal(wanted.table, 0);
}

static void table_mistakes(void **state)
{
	static const struct mistake cases[] = {
		{ "", "--table-size : a number from 251 to 524287" },
		{ "0", "--table-size 0: a number from 251 to 524287" },
		{ "250", "--table-size 250: a number from 251 to 524287" },
		{ "524288", "--table-size 524288: a number from 251 to 524287" },
		{ "AUTO", "--table-size AUTO: a number" },
		{ "252", "--table-size 252: a prime is expected; the nearest is 251" },
		{ "1000", "the nearest is 997" },
		{ "65536", "the nearest is 65537" },
		{ "524286", "the nearest is 524287" },
		{ "361", "the nearest is 359" }, /* 19 times 19 */
	};

	(void)state;
	assert_mistakes(parse_table_size, false, cases, COUNT(cases));
}

/* What is said to be the nearest prime is taken. */
static void nearest_is_taken(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct wanted_service wanted = service_of(false);
		__u32 number = random_from(SLOTS_HASHED_MIN, SLOTS_HASHED_MAX);
		char text[16];

		snprintf(text, sizeof(text), "%u", number);
		if (!parse_table_size(text, &wanted))
			continue;
		assert_int_equal(sscanf(strrchr(said(), ' '), "%15s", text), 1);
		assert_int_equal(parse_table_size(text, &wanted), 0);
		assert_in_range(wanted.table, number - 200, number + 200);
	}
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(default_timeout(XDPLB_TIMEOUT_ESTABLISHED), 900);
	assert_int_equal(default_timeout(XDPLB_TIMEOUT_CLOSING), 120);
	assert_int_equal(default_timeout(XDPLB_TIMEOUT_UDP), 300);
	assert_int_equal(default_timeout(XDPLB_TIMEOUT_AFFINITY), 300);
	assert_int_equal(DEFAULT_WINDOW, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(affinity_forms),    cmocka_unit_test(affinity_none),
		cmocka_unit_test(affinity_mistakes), cmocka_unit_test(long_words),
		cmocka_unit_test(timeout_forms),     cmocka_unit_test(timeout_mistakes),
		cmocka_unit_test(seconds),	     cmocka_unit_test(udp),
		cmocka_unit_test(table_size),	     cmocka_unit_test(table_mistakes),
		cmocka_unit_test(nearest_is_taken),  cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
