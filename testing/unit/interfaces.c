// SPDX-License-Identifier: GPL-2.0-only
/* loader/interfaces.c: which interfaces the program is told of, and how frames leave by them. */
#include "../../loader/interfaces.h"

#include <arpa/inet.h>
#include <string.h>

#include "unit.h"

static struct xdplb_interface table[XDPLB_INTERFACES];

static void assert_entry(int at, __u32 ifindex, __u32 out, __u16 mtu, __u16 vlan, __u8 mac)
{
	assert_int_equal(table[at].ifindex, ifindex);
	assert_int_equal(table[at].out, out);
	assert_int_equal(table[at].mtu, mtu);
	assert_int_equal(ntohs(table[at].vlan), vlan);
	assert_int_equal(table[at].mac[5], mac);
}

static void kinds(void **state)
{
	const struct link links[] = {
		{ .ifindex = 1, .mtu = 65536 },
		/* a VLAN may come before the one it stands on, and is behind it all the same */
		{ .ifindex = 2, .lower = 4, .vlan = 100, .mtu = 1496, .mac = { 2, 0, 0, 0, 0, 2 } },
		{ .ifindex = 3, .mtu = 1500, .mac = { 2, 0, 0, 0, 0, 3 } },
		{ .ifindex = 4, .mtu = 1500, .xdp = true, .mac = { 2, 0, 0, 0, 0, 4 } },
		{ .ifindex = 5,
		  .mtu = 9000,
		  .xdp = true,
		  .veth = true,
		  .mac = { 2, 0, 0, 0, 0, 5 } },
		{ .ifindex = 6,
		  .lower = 5,
		  .vlan = 4094,
		  .mtu = 9000,
		  .mac = { 2, 0, 0, 0, 0, 6 } },
		{ .ifindex = 7, .lower = 3, .vlan = 7, .mtu = 1500 }, /* on one without XDP */
		{ .ifindex = 8, .lower = 2, .vlan = 8, .mtu = 1492 }, /* on a VLAN */
		{ .ifindex = 11, .lower = 8, .vlan = 9, .mtu = 1488 }, /* three tags */
		{ .ifindex = 12, .lower = 12, .vlan = 9, .mtu = 1488 }, /* on itself */
		{ .ifindex = 9, .lower = 4, .mtu = 1500 }, /* no VLAN */
		{ .ifindex = 10,
		  .lower = 99,
		  .vlan = 9,
		  .mtu = 1500 }, /* on one that is not here */
	};
	const struct xdplb_interface none = {};

	(void)state;
	memset(table, 0xff, sizeof(table));
	assert_int_equal(interfaces_of(links, COUNT(links), table), 5);
	assert_entry(0, 4, 4, 1500, 0, 4);
	assert_entry(1, 5, 5 | XDPLB_OUT_REDIRECT, 9000, 0, 5);
	assert_entry(2, 2, 4, 1496, 100, 2);
	assert_entry(3, 6, 5 | XDPLB_OUT_REDIRECT, 9000, 4094, 6);
	assert_entry(4, 8, 4, 1492, 0, 0);
	for (int i = 5; i < XDPLB_INTERFACES; i++)
		assert_memory_equal(&table[i], &none, sizeof(none));
}

/* A VLAN with a program of its own gets its frames without the tag. */
static void vlan_with_program(void **state)
{
	const struct link links[] = {
		{ .ifindex = 1, .mtu = 1500, .xdp = true },
		{ .ifindex = 2, .lower = 1, .vlan = 100, .mtu = 1500, .xdp = true },
		{ .ifindex = 3, .lower = 2, .vlan = 200, .mtu = 1500 },
	};

	(void)state;
	assert_int_equal(interfaces_of(links, COUNT(links), table), 3);
	assert_entry(0, 1, 1, 1500, 0, 0);
	assert_entry(1, 2, 2, 1500, 0, 0);
	assert_entry(2, 3, 2, 1500, 200, 0);
}

static void mtu_that_is_too_long(void **state)
{
	const struct link link = { .ifindex = 1, .mtu = 65536, .xdp = true };

	(void)state;
	assert_int_equal(interfaces_of(&link, 1, table), 1);
	assert_int_equal(table[0].mtu, 65535);
}

static void too_many(void **state)
{
	static struct link links[2 * XDPLB_INTERFACES];

	(void)state;
	for (int i = 0; i < XDPLB_INTERFACES; i++) {
		links[2 * i] = (struct link){ .ifindex = i + 1, .xdp = true, .mtu = 1500 };
		links[2 * i + 1] = (struct link){
			.ifindex = 1000 + i, .lower = i + 1, .vlan = 5, .mtu = 1500
		};
	}
	assert_int_equal(interfaces_of(links, COUNT(links), table), 2 * XDPLB_INTERFACES);
	for (int i = 0; i < XDPLB_INTERFACES; i++)
		assert_int_equal(table[i].ifindex, i + 1);
	assert_int_equal(interfaces_of(NULL, 0, table), 0);
	assert_int_equal(table[0].ifindex, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(vlan_with_program),
		cmocka_unit_test(mtu_that_is_too_long),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
