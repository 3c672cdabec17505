// SPDX-License-Identifier: GPL-2.0-only
/* loader/setup.c: what a backend is told, by method and families. */
#include "../../loader/setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define VIP4 "192.0.2.10:80/tcp"
#define VIP6 "[2001:db8::10]:80/tcp"

static struct setup setup_make(__u8 forward, const char *service, const char *backend)
{
	struct setup setup = { .forward = forward, .direct = true, .mtu = 1500, .gue_port = 6080 };

	assert_int_equal(parse_service(service, &setup.at), 0);
	assert_int_equal(parse_endpoint(backend, strlen(backend), setup.backend, &setup.port), 0);
	setup.port = setup.port ? setup.port : setup.at.port;
	assert_int_equal(parse_address(xdplb_is_ipv6(setup.backend) ? "fd00::9" : "10.0.0.9",
				       setup.balancer),
			 0);
	return setup;
}

/* The text; valid until the next. */
static const char *text_of(const struct setup *setup)
{
	static char *text;
	size_t length;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &length);
	assert_non_null(out);
	setup_print(out, setup);
	fclose(out);
	return text;
}

static void assert_has(const struct setup *setup, const char *part)
{
	const char *text = text_of(setup);

	if (!strstr(text, part))
		fail_msg("has no \"%s\":\n%s", part, text);
}

static void assert_has_not(const struct setup *setup, const char *part)
{
	const char *text = text_of(setup);

	if (strstr(text, part))
		fail_msg("has \"%s\":\n%s", part, text);
}

static void nat(void **state)
{
	const struct setup setup = setup_make(XDPLB_NAT, VIP4, "10.0.0.1");

	(void)state;
	/* comments alone */
	for (const char *line = text_of(&setup); *line; line = strchr(line, '\n') + 1)
		assert_int_equal(*line, '#');
}

static void dnat(void **state)
{
	struct setup setup = setup_make(XDPLB_DNAT, VIP4, "10.0.0.1:8080");

	(void)state;
	assert_has(&setup, "\nip route replace default via 10.0.0.9 table 4087\n");
	/* IPv4 keeps what it learns of a path by address: ports would hide it. */
	assert_has(&setup, "\nip rule add from 10.0.0.1 lookup 4087\n");
	assert_has_not(&setup, "sport");
	setup.at.proto = IPPROTO_UDP;
	assert_has(&setup, "\nip rule add from 10.0.0.1 lookup 4087\n");
	assert_has(&setup, "\nip rule add ipproto 17 sport 8080 lookup 4087\n");
	setup.direct = false;
	assert_has_not(&setup, "\nip ");
	setup = setup_make(XDPLB_DNAT, VIP6, "fd00::1");
	assert_has(&setup, "\nip -6 rule add from fd00::1 ipproto 6 sport 80 lookup 4087\n");
	setup = setup_make(XDPLB_DNAT, "[2001:db8::10]:53/udp", "fd00::1");
	assert_has(&setup, "\nip -6 route replace default via fd00::9 table 4087\n");
	assert_has(&setup, "\nip -6 rule add ipproto 17 sport 53 lookup 4087\n");
}

static void dsr(void **state)
{
	struct setup setup = setup_make(XDPLB_DSR, VIP4, "10.0.0.1");

	(void)state;
	assert_has(&setup, "arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n"
			   "ip address replace 192.0.2.10/32 dev lo\n");
	assert_has_not(&setup, "advmss");
	assert_has_not(&setup, "accept_local");
	memcpy(setup.balancer, setup.at.addr, sizeof(setup.balancer));
	assert_has(&setup, "net.ipv4.conf.all.accept_local=1\n");
	setup = setup_make(XDPLB_DSR, VIP6, "fd00::1");
	memcpy(setup.balancer, setup.at.addr, sizeof(setup.balancer));
	assert_has_not(&setup, "accept_local");
	assert_has(&setup, "\nip address replace 2001:db8::10/128 dev lo preferred_lft 0\n");
	assert_has_not(&setup, "arp_");
}

/* Each of four: which device takes it, where the address is, and what fits. */
static void tunnels(void **state)
{
	static const struct {
		const char *service, *backend, *device, *address;
		bool filter; /* IPv4 alone looks at where a source is */
		int ipip, gue; /* the segments that fit 1500 bytes */
	} cases[] = {
		{ VIP4, "10.0.0.1", "xdplb-4in4 type ipip local 10.0.0.1\n",
		  "192.0.2.10/32 dev xdplb-4in4\n", true, 1440, 1432 },
		{ VIP6, "10.0.0.1", "xdplb-6in4 type sit local 10.0.0.1\n",
		  "2001:db8::10/128 dev lo preferred_lft 0\n", false, 1420, 1412 },
		{ VIP4, "fd00::1", "xdplb-in6 type ip6tnl mode any local fd00::1\n",
		  "192.0.2.10/32 dev xdplb-in6\n", true, 1420, 1412 },
		{ VIP6, "fd00::1", "xdplb-in6 type ip6tnl mode any local fd00::1\n",
		  "2001:db8::10/128 dev lo preferred_lft 0\n", false, 1400, 1392 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * 2; i++) {
		__u8 forward = i % 2 ? XDPLB_GUE : XDPLB_IPIP;
		struct setup setup =
			setup_make(forward, cases[i / 2].service, cases[i / 2].backend);
		char segment[32];

		assert_has(&setup, cases[i / 2].device);
		assert_has(&setup, cases[i / 2].address);
		snprintf(segment, sizeof(segment), " advmss %d\n",
			 i % 2 ? cases[i / 2].gue : cases[i / 2].ipip);
		assert_has(&setup, segment);
		(cases[i / 2].filter ? assert_has : assert_has_not)(&setup, "rp_filter=2");
		(i % 2 ? assert_has : assert_has_not)(&setup, "modprobe fou\n");
		setup.at.proto = IPPROTO_UDP;
		assert_has_not(&setup, "advmss");
		setup.at.proto = IPPROTO_TCP;
		setup.mtu = 0;
		assert_has_not(&setup, "advmss");
	}
}

static void gue_ports(void **state)
{
	struct setup setup = setup_make(XDPLB_GUE, VIP4, "10.0.0.1");

	(void)state;
	assert_has(&setup, "ip fou add port 6080 gue\n");
	setup.gue_port = 7000;
	assert_has(&setup, "ip fou add port 7000 gue\n");
	setup = setup_make(XDPLB_GUE, VIP4, "fd00::1");
	assert_has(&setup, "ip fou add port 6080 gue -6\n");
}

/* The sources that ipip makes up are told of where they may matter. */
static void outer_source(void **state)
{
	struct setup setup = setup_make(XDPLB_IPIP, VIP4, "10.0.0.1");

	(void)state;
	assert_has(&setup, "172.16.0.0/16");
	setup.fixed_source = true;
	assert_has_not(&setup, "172.16.0.0/16");
	setup = setup_make(XDPLB_IPIP, VIP4, "fd00::1");
	assert_has_not(&setup, "172.16.0.0/16");
	setup = setup_make(XDPLB_GUE, VIP4, "10.0.0.1");
	assert_has_not(&setup, "172.16.0.0/16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat),	     cmocka_unit_test(dnat),
		cmocka_unit_test(dsr),	     cmocka_unit_test(tunnels),
		cmocka_unit_test(gue_ports), cmocka_unit_test(outer_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
