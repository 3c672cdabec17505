// SPDX-License-Identifier: GPL-2.0-only
/* loader/address.c: addresses of both families, with and without a port. */
#include "../../loader/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "unit.h"

static void ipv4(void **state)
{
	__be32 addr[4] = { 1, 2, 3, 4 };
	char text[ADDRESS_TEXT];

	(void)state;
	said_reset();
	assert_int_equal(parse_address("10.1.2.3", addr), 0);
	assert_int_equal(addr[0], htonl(0x0a010203));
	assert_int_equal(addr[1] | addr[2] | addr[3], 0);
	assert_string_equal(address_text(addr, text), "10.1.2.3");
	assert_string_equal(endpoint_text(addr, htons(80), text), "10.1.2.3:80");
	assert_string_equal(family_name(addr), "IPv4");
	assert_int_equal(address_family(addr), AF_INET);
	assert_true(is_address(addr));
	assert_int_equal(said_lines(), 0);
}

/* What is written, and how RFC 5952 has it. */
static void ipv6(void **state)
{
	static const char *const cases[][2] = {
		{ "2001:db8::10", "2001:db8::10" },
		{ "2001:DB8::A", "2001:db8::a" },
		{ "2001:0db8:0000:0000:0000:0000:0000:0010", "2001:db8::10" },
		{ "2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:1:1:1:1:0:1", "2001:db8:1:1:1:1:0:1" },
		{ "2001:db8::0:1", "2001:db8::1" },
		{ "fd00::1:0:0", "fd00::1:0:0" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "100::1", "100::1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[ADDRESS_TEXT], expected[ADDRESS_TEXT];
		__be32 addr[4];

		said_reset();
		assert_int_equal(parse_address(cases[i][0], addr), 0);
		assert_int_equal(said_lines(), 0);
		assert_string_equal(address_text(addr, text), cases[i][1]);
		snprintf(expected, sizeof(expected), "[%s]:65535", cases[i][1]);
		assert_string_equal(endpoint_text(addr, htons(65535), text), expected);
		assert_string_equal(family_name(addr), "IPv6");
		assert_int_equal(address_family(addr), AF_INET6);
	}
}

static void mistakes(void **state)
{
	static const char *const cases[][2] = {
		{ "", "not an IPv4 address such as 192.0.2.10, nor an IPv6 address" },
		{ "10.1.2.3:80", "10.1.2.3:80: not an IPv4 address" },
		{ "2001:db8::1::2", "2001:db8::1::2: not an IPv4 address" },
		{ "2001:db8", "nor an IPv6 address such as 2001:db8::10" },
		{ "[2001:db8::1]", "[2001:db8::1]: not an IPv4 address" },
		{ "2001:db8::g", "not an IPv4 address" },
		{ "1:2:3:4:5:6:7:8:9", "not an IPv4 address" },
		{ "fe80::1%eth0", "not an IPv4 address" },
		{ "::", "::: not the address of a host" },
		{ "::1", "::1: not the address of a host" },
		{ "ff02::1", "ff02::1: not the address of a host" },
		{ "fe80::1", "fe80::1: a link-local address" },
		{ "febf:ffff::1", "a link-local address" },
		{ "::ffff:192.0.2.1", "an IPv4 address is written as in 192.0.2.10" },
		{ "2001:db8::", "2001:db8::: a subnet's anycast address" },
		{ "0.0.0.0", "not the address of a host" },
		{ "127.0.0.1", "not the address of a host" },
		{ "224.0.0.1", "not the address of a host" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		__be32 addr[4];

		said_reset();
		if (parse_address(cases[i][0], addr) != -EINVAL)
			fail_msg("\"%s\" is taken for an address", cases[i][0]);
		assert_said(cases[i][0], cases[i][1]);
	}
}

static int endpoint(const char *text, __be32 addr[4], __be16 *port)
{
	said_reset();
	return parse_endpoint(text, strlen(text), addr, port);
}

static void endpoints(void **state)
{
	static const struct {
		const char *text, *address;
		__u16 port;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1", 0 },
		{ "10.0.0.1:80", "10.0.0.1", 80 },
		{ "fd00::1", "fd00::1", 0 },
		{ "[fd00::1]", "fd00::1", 0 },
		{ "[fd00::1]:80", "fd00::1", 80 },
		{ "[fd00::1]:65535", "fd00::1", 65535 },
		/* Without brackets no part is a port. */
		{ "fd00::1:80", "fd00::1:80", 0 },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[ADDRESS_TEXT];
		__be32 addr[4];
		__be16 port;

		assert_int_equal(endpoint(cases[i].text, addr, &port), 0);
		assert_string_equal(address_text(addr, text), cases[i].address);
		assert_int_equal(ntohs(port), cases[i].port);
	}
}

static void endpoint_mistakes(void **state)
{
	static const char *const cases[][2] = {
		{ "[fd00::1", "[fd00::1: an IPv6 address and port are written as in" },
		{ "[fd00::1]80", "[fd00::1]80: an IPv6 address and port" },
		{ "[fd00::1]]:80", "an IPv6 address and port" },
		{ "[]", "an IPv6 address and port" },
		{ "[", "an IPv6 address and port" },
		{ "[]:80", "an IPv6 address and port" },
		{ "[10.0.0.1]:80", "[10.0.0.1]:80: an IPv6 address and port" },
		{ "[[fd00::1]]:80", "an IPv6 address and port" },
		{ "[fe80::1%eth0]:80", "an IPv6 address and port" },
		{ "[fd00::1]:", "a number from 1 to 65535" },
		{ "[fd00::1]:0", "port 0: a number" },
		{ "[fd00::1]:65536", "port 65536: a number" },
		{ "[fd00::1]:80:80", "port 80:80: a number" },
		{ "[fe80::1]:80", "fe80::1: a link-local address" },
		{ "[::]:80", "::: not the address of a host" },
		{ "fd00:::1", "fd00:::1: not an IPv4 address" },
		{ "fd00::1]:80", "fd00::1]:80: not an IPv4 address" },
		{ "10.0.0.1:80:90", "port 80:90: a number" },
		{ "fd00:80", "fd00: not an IPv4 address" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		__be32 addr[4];
		__be16 port;

		if (endpoint(cases[i][0], addr, &port) != -EINVAL)
			fail_msg("\"%s\" is taken for an endpoint", cases[i][0]);
		assert_said(cases[i][0], cases[i][1]);
	}
}

/* Any address, written and read again. */
static void round_trip(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		__be32 in[4] = { htonl(random_from(0x20000000, 0x3fffffff)) }, out[4];
		char text[ADDRESS_TEXT], again[ADDRESS_TEXT];
		__be16 port = htons(random_from(1, 65535)), port_out;

		/* Zeros in all places, which :: may stand for. */
		for (int half = 2; half < 8; half++)
			((__be16 *)in)[half] = random_64() % 2 ? random_64() : 0;
		if (!xdplb_is_ipv6(in))
			in[3] = 1;
		endpoint_text(in, port, text);
		assert_int_equal(endpoint(text, out, &port_out), 0);
		assert_true(same_address(in, out));
		assert_int_equal(port, port_out);
		assert_string_equal(endpoint_text(out, port_out, again), text);
	}
}

static void comparing(void **state)
{
	static const __be32 none[4], four[4] = { 1 }, six[4] = { 0, 0, 0, 1 };

	(void)state;
	assert_false(is_address(none));
	assert_true(is_address(four) && is_address(six));
	assert_true(same_family(four, none));
	assert_false(same_family(four, six));
	assert_false(same_address(four, six));
	assert_true(same_address(six, six));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(endpoint_mistakes),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(comparing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
