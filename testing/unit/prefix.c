// SPDX-License-Identifier: GPL-2.0-only
/* loader/prefix.c: addresses and networks, read and written. */
#include "../../loader/prefix.h"

#include <arpa/inet.h>
#include <errno.h>

#include "unit.h"
#include "../../loader/address.h"

static void forms(void **state)
{
	static const char *const cases[] = {
		"192.0.2.1",	     "192.0.2.0/24",  "128.0.0.0/1",	 "10.0.0.0/8",
		"2001:db8::1",	     "2001:db8::/32", "8000::/1",	 "2001:db8::/33",
		"2001:db8:0:1::/64", "192.0.2.4/31",  "2001:db8::2/127",
	};
	struct prefix prefix;
	char text[PREFIX_TEXT];

	(void)state;
	said_reset();
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse_prefix(cases[i], &prefix), 0);
		assert_string_equal(prefix_text(&prefix, text), cases[i]);
	}
	assert_int_equal(parse_prefix("192.0.2.1/32", &prefix), 0);
	assert_true(prefix_is_address(&prefix));
	assert_string_equal(prefix_text(&prefix, text), "192.0.2.1");
	assert_int_equal(parse_prefix("2001:db8::1/128", &prefix), 0);
	assert_true(prefix_is_address(&prefix));
	assert_int_equal(parse_prefix("2001:db8::/32", &prefix), 0);
	assert_false(prefix_is_address(&prefix));
	assert_int_equal(said_lines(), 0);
}

static void wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "IPv4" },
		{ "192.0.2.1/24", "it is in 192.0.2.0/24" },
		{ "2001:db8::1/64", "it is in 2001:db8::/64" },
		{ "192.0.2.0/33", "1 to 32" },
		{ "2001:db8::/129", "1 to 128" },
		{ "0.0.0.0/0", "1 to 32" },
		{ "::/0", "1 to 128" },
		{ "192.0.2.0/", "number" },
		{ "192.0.2.0/24/8", "number" },
		{ "192.0.2/24", "as in" },
		{ "/24", "as in" },
		{ "127.0.0.1", "not the address of a host" },
		{ "fe80::1", "link-local" },
	};
	struct prefix prefix;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		said_reset();
		assert_int_equal(parse_prefix(cases[i].text, &prefix), -EINVAL);
		assert_said(cases[i].text, cases[i].says);
	}
}

static bool has(const char *network, const char *address)
{
	struct prefix prefix;
	__be32 addr[4];

	assert_int_equal(parse_prefix(network, &prefix), 0);
	assert_int_equal(parse_address(address, addr), 0);
	return prefix_has(&prefix, addr);
}

static void contents(void **state)
{
	(void)state;
	assert_true(has("192.0.2.0/24", "192.0.2.255"));
	assert_false(has("192.0.2.0/24", "192.0.3.0"));
	assert_true(has("192.0.2.4/31", "192.0.2.5"));
	assert_false(has("192.0.2.4/31", "192.0.2.6"));
	assert_true(has("192.0.2.4", "192.0.2.4"));
	assert_true(has("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(has("2001:db8::/32", "2001:db9::1"));
	assert_true(has("2001:db8:8000::/33", "2001:db8:ffff::1"));
	assert_false(has("2001:db8:8000::/33", "2001:db8:7fff::1"));
	/* The words of its address are those of an IPv4 address. */
	assert_false(has("2001:db8::/32", "32.1.13.184"));
}

/* Against the two texts of inet_ntop, for random networks and addresses. */
static void random_networks(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		__be32 addr[4] = { random_64() | htonl(1 << 24), random_64(), random_64(), 1 };
		struct prefix one = prefix_of(addr), network = one;
		int bits = random_from(1, 127), flip = random_from(0, 127);
		char text[PREFIX_TEXT];

		network.length = bits;
		for (int bit = bits; bit < 128; bit++)
			((__u8 *)network.addr)[bit / 8] &= ~(0x80 >> bit % 8);
		said_reset();
		prefix_text(&network, text);
		assert_int_equal(parse_prefix(text, &one), 0);
		assert_int_equal(prefix_order(&one, &network), 0);
		assert_true(prefix_has(&network, addr));
		((__u8 *)addr)[flip / 8] ^= 0x80 >> flip % 8;
		if (addr[1] | addr[2] | addr[3])
			assert_int_equal(prefix_has(&network, addr), flip >= bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(wrong),
		cmocka_unit_test(contents),
		cmocka_unit_test(random_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
