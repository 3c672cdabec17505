// SPDX-License-Identifier: GPL-2.0-only
/* loader/wanted.c: the words of the command line, each form and each mistake. */
#include "../../loader/wanted.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/words.h"
#include "unit.h"

/* A backend of a service on port 80. */
static int parse(const char *text, struct wanted_backend *backend)
{
	const struct service_address service = { .port = htons(80), .proto = IPPROTO_TCP };

	said_reset();
	return parse_backend(text, &service, backend);
}

/* ---- services --------------------------------------------------------------- */

static void service_forms(void **state)
{
	static const struct {
		const char *text, *canonical;
		__u8 addr[4];
		__u16 port;
		__u8 proto;
	} cases[] = {
		{ "192.0.2.10:80/tcp", "192.0.2.10:80/tcp", { 192, 0, 2, 10 }, 80, 6 },
		{ "192.0.2.10:80", "192.0.2.10:80/tcp", { 192, 0, 2, 10 }, 80, 6 },
		{ "192.0.2.10:53/udp", "192.0.2.10:53/udp", { 192, 0, 2, 10 }, 53, 17 },
		{ "1.0.0.0:1/udp", "1.0.0.0:1/udp", { 1, 0, 0, 0 }, 1, 17 },
		{ "126.255.255.255:65535/tcp",
		  "126.255.255.255:65535/tcp",
		  { 126, 255, 255, 255 },
		  65535,
		  6 },
		{ "128.0.0.1:256", "128.0.0.1:256/tcp", { 128, 0, 0, 1 }, 256, 6 },
		{ "223.255.255.255:255/udp",
		  "223.255.255.255:255/udp",
		  { 223, 255, 255, 255 },
		  255,
		  17 },
		{ "10.0.0.1:00080", "10.0.0.1:80/tcp", { 10, 0, 0, 1 }, 80, 6 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct service_address service;
		char text[ADDRESS_TEXT];

		memset(&service, 0xff, sizeof(service));
		said_reset();
		assert_int_equal(parse_service(cases[i].text, &service), 0);
		assert_int_equal(said_lines(), 0);
		assert_memory_equal(service.addr, cases[i].addr, 4);
		assert_int_equal(service.addr[1] | service.addr[2] | service.addr[3], 0);
		assert_int_equal(ntohs(service.port), cases[i].port);
		assert_int_equal(service.proto, cases[i].proto);
		assert_string_equal(service_text(&service, text), cases[i].canonical);
	}
}

/* A text, and what its error has to say. */
struct mistake {
	const char *text, *said;
};

static void service_mistakes(void **state)
{
	static const struct mistake cases[] = {
		{ "", "not an IPv4 address" },
		{ "192.0.2.10", "192.0.2.10: a service has a port" },
		{ "192.0.2.10/udp", "192.0.2.10/udp: a service has a port" },
		{ "192.0.2.10:", "a number from 1 to 65535" },
		{ "192.0.2.10:0", "port 0: a number from 1 to 65535" },
		{ "192.0.2.10:65536/tcp", "port 65536: a number from 1 to 65535" },
		{ "192.0.2.10:99999999999999999999", "port 99999999999999999999: a number" },
		{ "192.0.2.10:-1", "port -1: a number" },
		{ "192.0.2.10:+80", "port +80: a number" },
		{ "192.0.2.10: 80", "port  80: a number" },
		{ "192.0.2.10:80 ", "port 80 : a number" },
		{ "192.0.2.10:0x50", "port 0x50: a number" },
		{ "192.0.2.10:http", "port http: a number" },
		{ "192.0.2.10:80:90", "port 80:90: a number" },
		{ "192.0.2.10:*/tcp", "every port is not in this version" },
		{ "192.0.2.10:*", "every port is not in this version" },
		{ "192.0.2.10:80/", "the protocol is tcp or udp" },
		{ "192.0.2.10:80/TCP", "192.0.2.10:80/TCP: the protocol is tcp or udp" },
		{ "192.0.2.10:80/sctp", "192.0.2.10:80/sctp: the protocol is tcp or udp" },
		{ "192.0.2.10:80/tcp/udp", "the protocol is tcp or udp" },
		{ "192.0.2.10:80/tcp ", "the protocol is tcp or udp" },
		{ "/tcp", "not an IPv4 address" },
		{ ":80/tcp", "not an IPv4 address" },
		{ "192.0.2:80", "192.0.2: not an IPv4 address" },
		{ "192.0.2.256:80", "192.0.2.256: not an IPv4 address" },
		{ "192.0.2.10.1:80", "192.0.2.10.1: not an IPv4 address" },
		{ "192.0.2.010:80", "192.0.2.010: not an IPv4 address" },
		{ " 192.0.2.10:80", "not an IPv4 address" },
		{ "www.example.net:80", "www.example.net: not an IPv4 address" },
		{ "0.0.0.0:80", "0.0.0.0: not the address of a host" },
		{ "0.1.2.3:80", "0.1.2.3: not the address of a host" },
		{ "224.0.0.1:80", "224.0.0.1: not the address of a host" },
		{ "255.255.255.255:80", "255.255.255.255: not the address of a host" },
		{ "[2001:db8::10]", "as in 192.0.2.10:80/tcp or [2001:db8::10]:80/tcp" },
		{ "2001:db8::10", "2001:db8::10: a service has a port" },
		{ "2001:db8::10:80/tcp", "a service has a port, as in" },
		{ "[2001:db8::10]:*", "every port is not in this version" },
		{ "[2001:db8::10]:0", "port 0: a number from 1 to 65535" },
		{ "[2001:db8::10/tcp", "[2001:db8::10: an IPv6 address and port" },
		{ "[192.0.2.10]:80",
		  "an IPv6 address and port are written as in [2001:db8::10]:80" },
		{ "[fe80::1]:80", "fe80::1: a link-local address" },
	};
	struct service_address service;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		said_reset();
		if (parse_service(cases[i].text, &service) != -EINVAL)
			fail_msg("\"%s\" is taken for a service", cases[i].text);
		assert_said(cases[i].text, cases[i].said);
	}
}

static void service_ipv6(void **state)
{
	static const char *const cases[][2] = {
		{ "[2001:db8::10]:53/udp", "[2001:db8::10]:53/udp" },
		{ "[2001:DB8:0::0010]:80", "[2001:db8::10]:80/tcp" },
		{ "[2001:db8:1:2:3:4:5:6]:65535/tcp", "[2001:db8:1:2:3:4:5:6]:65535/tcp" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct service_address service;
		char text[ADDRESS_TEXT];

		said_reset();
		assert_int_equal(parse_service(cases[i][0], &service), 0);
		assert_int_equal(said_lines(), 0);
		assert_true(xdplb_is_ipv6(service.addr));
		assert_string_equal(service_text(&service, text), cases[i][1]);
	}
}

static void service_long(void **state)
{
	struct service_address service;
	char text[1000];

	(void)state;
	for (size_t length = 1; length < sizeof(text); length++) {
		memset(text, '1', length);
		text[length] = '\0';
		said_reset();
		assert_int_equal(parse_service(text, &service), -EINVAL);
		assert_int_equal(said_lines(), 1);
	}
}

static void service_round_trip(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct service_address in = {}, out;
		char text[ADDRESS_TEXT], again[ADDRESS_TEXT];

		in.addr[0] = htonl(random_from(0x01000000, 0x7effffff));
		if (i % 2)
			in.addr[0] = htonl(random_from(0x80000000, 0xdfffffff));
		in.port = htons(random_from(1, 65535));
		in.proto = i % 3 ? IPPROTO_TCP : IPPROTO_UDP;
		assert_int_equal(parse_service(service_text(&in, text), &out), 0);
		assert_memory_equal(in.addr, out.addr, sizeof(in.addr));
		assert_int_equal(in.port, out.port);
		assert_int_equal(in.proto, out.proto);
		assert_string_equal(service_text(&out, again), text);
	}
}

/* ---- backends --------------------------------------------------------------- */

static void backend_forms(void **state)
{
	static const struct {
		const char *text, *endpoint;
		__u16 weight;
		__u8 state;
		__u8 mac[6];
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1:80", 1, XDPLB_UP, {} },
		{ "10.0.0.1:8080", "10.0.0.1:8080", 1, XDPLB_UP, {} },
		{ "10.0.0.1:1", "10.0.0.1:1", 1, XDPLB_UP, {} },
		{ "10.0.0.1:65535", "10.0.0.1:65535", 1, XDPLB_UP, {} },
		{ "[fd00::1]:8080", "[fd00::1]:8080", 1, XDPLB_UP, {} },
		{ "[fd00::1]", "[fd00::1]:80", 1, XDPLB_UP, {} },
		{ "fd00::1", "[fd00::1]:80", 1, XDPLB_UP, {} },
		{ "fd00::1,weight=2", "[fd00::1]:80", 2, XDPLB_UP, {} },
		{ "[fd00::1]:80,weight=2,state=drain", "[fd00::1]:80", 2, XDPLB_DRAIN, {} },
		{ "10.0.0.1,weight=1", "10.0.0.1:80", 1, XDPLB_UP, {} },
		{ "10.0.0.1,weight=65535", "10.0.0.1:80", 65535, XDPLB_UP, {} },
		{ "10.0.0.1,state=up", "10.0.0.1:80", 1, XDPLB_UP, {} },
		{ "10.0.0.1,state=drain", "10.0.0.1:80", 1, XDPLB_DRAIN, {} },
		{ "10.0.0.1,state=down", "10.0.0.1:80", 1, XDPLB_DOWN, {} },
		{ "10.0.0.1,state=backup", "10.0.0.1:80", 1, XDPLB_BACKUP, {} },
		{ "10.0.0.1,mac=02:00:00:00:00:01",
		  "10.0.0.1:80",
		  1,
		  XDPLB_UP,
		  { 2, 0, 0, 0, 0, 1 } },
		{ "10.0.0.1,mac=FE:dc:BA:98:76:54",
		  "10.0.0.1:80",
		  1,
		  XDPLB_UP,
		  { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54 } },
		{ "10.0.0.1:81,weight=7,state=drain,mac=2:0:0:0:0:a",
		  "10.0.0.1:81",
		  7,
		  XDPLB_DRAIN,
		  { 2, 0, 0, 0, 0, 10 } },
		{ "10.0.0.1:81,mac=2:0:0:0:0:a,state=drain,weight=7",
		  "10.0.0.1:81",
		  7,
		  XDPLB_DRAIN,
		  { 2, 0, 0, 0, 0, 10 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wanted_backend backend;
		char text[ADDRESS_TEXT];

		memset(&backend, 0xff, sizeof(backend));
		assert_int_equal(parse(cases[i].text, &backend), 0);
		assert_int_equal(said_lines(), 0);
		assert_string_equal(endpoint_text(backend.addr, backend.port, text),
				    cases[i].endpoint);
		assert_int_equal(backend.weight, cases[i].weight);
		assert_int_equal(backend.state, cases[i].state);
		assert_memory_equal(backend.mac, cases[i].mac, 6);
	}
}

static void assert_no_backend(const char *text, const char *part)
{
	struct wanted_backend backend;

	if (parse(text, &backend) != -EINVAL)
		fail_msg("\"%s\" is taken for a backend", text);
	assert_said(text, part);
}

static void backend_mistakes(void **state)
{
	static const struct mistake cases[] = {
		{ "", "not an IPv4 address" },
		{ ",weight=1", "not an IPv4 address" },
		{ "10.0.0", "10.0.0: not an IPv4 address" },
		{ "10.0.0.1:", "a number from 1 to 65535" },
		{ "10.0.0.1:0", "port 0: a number from 1 to 65535" },
		{ "10.0.0.1:65536", "port 65536: a number from 1 to 65535" },
		{ "10.0.0.1:*", "port *: a number" },
		{ "10.0.0.1:80/tcp", "10.0.0.1:80/tcp: not a backend" },
		{ "127.0.0.1", "127.0.0.1: not the address of a host" },
		{ "0.0.0.0", "0.0.0.0: not the address of a host" },
		{ "239.1.1.1:80", "239.1.1.1: not the address of a host" },
		{ "[2001:db8::1]:0", "port 0: a number from 1 to 65535" },
		{ "[2001:db8::1", "an IPv6 address and port" },
		{ "[2001:db8::1]weight=2", "an IPv6 address and port" },
		{ "fe80::1,weight=2", "fe80::1: a link-local address" },
		{ "10.0.0.1,", "options are weight=, state= and mac=" },
		{ "10.0.0.1,,weight=1", "options are weight=, state= and mac=" },
		{ "10.0.0.1,weight", "weight: a backend's options are" },
		{ "10.0.0.1,wieght=2", "wieght=2: a backend's options are" },
		{ "10.0.0.1, weight=2", "a backend's options are" },
		{ "10.0.0.1,weight=", "weight : a number from 1 to 65535" },
		{ "10.0.0.1,weight=0", "weight 0: a number from 1 to 65535" },
		{ "10.0.0.1,weight=65536", "weight 65536: a number from 1 to 65535" },
		{ "10.0.0.1,weight=-1", "weight -1: a number from 1 to 65535" },
		{ "10.0.0.1,weight=1.5", "weight 1.5: a number" },
		{ "10.0.0.1,weight=18446744073709551617", "weight 18446744073709551617: a number" },
		{ "10.0.0.1,state=", "a state is up, drain, down or backup" },
		{ "10.0.0.1,state=UP", "state=UP: a state is up, drain, down or backup" },
		{ "10.0.0.1,state=gone", "state=gone: a state is up, drain, down or backup" },
		{ "10.0.0.1,mac=", "a station's MAC" },
		{ "10.0.0.1,mac=02:00:00:00:00", "mac=02:00:00:00:00: a station's MAC" },
		{ "10.0.0.1,mac=02:00:00:00:00:01:02", "a station's MAC" },
		{ "10.0.0.1,mac=02:00:00:00:00:001", "a station's MAC" },
		{ "10.0.0.1,mac=02:00:00:00:00:0g", "a station's MAC" },
		{ "10.0.0.1,mac=02-00-00-00-00-01", "a station's MAC" },
		{ "10.0.0.1,mac=01:00:5e:00:00:01", "mac=01:00:5e:00:00:01: a station's MAC" },
		{ "10.0.0.1,mac=ff:ff:ff:ff:ff:ff", "mac=ff:ff:ff:ff:ff:ff: a station's MAC" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_no_backend(cases[i].text, cases[i].said);
}

/* What sscanf() takes for a hexadecimal number need not be two digits. */
static void backend_mac_digits(void **state)
{
	(void)state;
	assert_no_backend("10.0.0.1,mac=-2:00:00:00:00:01", "a station's MAC");
	assert_no_backend("10.0.0.1,mac=+2:00:00:00:00:01", "a station's MAC");
	assert_no_backend("10.0.0.1,mac= 2:00:00:00:00:01", "a station's MAC");
	assert_no_backend("10.0.0.1,mac=02:00:00:00:00: 1", "a station's MAC");
}

/* All zero is "resolve it" inside, so it cannot be meant. */
static void backend_mac_zero(void **state)
{
	(void)state;
	assert_no_backend("10.0.0.1,mac=00:00:00:00:00:00", "a station's MAC");
}

static void backend_long_option(void **state)
{
	struct wanted_backend backend;
	char text[1000];

	(void)state;
	for (size_t length = 10; length < sizeof(text); length++) {
		snprintf(text, sizeof(text), "10.0.0.1,%0*d", (int)length - 9, 1);
		assert_int_equal(parse(text, &backend), -EINVAL);
		assert_int_equal(said_lines(), 1);
	}
}

static void backend_round_trip(void **state)
{
	static const char *const states[] = { "", "up", "drain", "down", "backup" };

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct wanted_backend out;
		char text[128], endpoint[ADDRESS_TEXT];
		__be32 addr[4] = { htonl(random_from(0x80000000, 0xdfffffff)) };
		__be16 port = htons(random_from(1, 65535));
		__u32 weight = random_from(1, 65535), word = random_from(1, 4);

		snprintf(text, sizeof(text), "%s,weight=%u,state=%s",
			 endpoint_text(addr, port, endpoint), weight, states[word]);
		assert_int_equal(parse(text, &out), 0);
		assert_memory_equal(addr, out.addr, sizeof(addr));
		assert_int_equal(port, out.port);
		assert_int_equal(weight, out.weight);
		assert_int_equal(word, out.state);
	}
}

/* ---- numbers ---------------------------------------------------- */

static void numbers(void **state)
{
	static const char *const wrong[] = {
		"", " ", "x", "1x", "1 ", " 1", "-", "+1", "0x1", "1e3"
	};
	long number;

	(void)state;
	assert_int_equal(parse_number("0", "n", 0, 9, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(parse_number("9", "n", 0, 9, &number), 0);
	assert_int_equal(number, 9);
	said_reset();
	assert_int_equal(parse_number("10", "n", 0, 9, &number), -EINVAL);
	assert_said("10", "n 10: a number from 0 to 9 is expected");
	for (size_t i = 0; i < COUNT(wrong); i++) {
		said_reset();
		assert_int_equal(parse_number(wrong[i], "n", 0, 9, &number), -EINVAL);
		assert_said(wrong[i], "a number from 0 to 9 is expected");
	}
}

/* ---- the whole wanted service -------------------------------------------------- */

static void wanted_make(struct wanted_service *wanted, int backends)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service("192.0.2.10:80/tcp", &wanted->at), 0);
	wanted->backend = calloc(backends + 1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	wanted->backends = backends;
	for (int i = 0; i < backends; i++) {
		wanted->backend[i].addr[0] = htonl(0x0a000001 + i / 4);
		wanted->backend[i].port = htons(80 + i % 4);
		wanted->backend[i].weight = 1;
		wanted->backend[i].state = XDPLB_UP;
	}
	said_reset();
}

static void wanted_good(void **state)
{
	static const int counts[] = { 0, 1, 2, 100, XDPLB_SET_BACKENDS_MAX };
	struct wanted_service wanted;

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		wanted_make(&wanted, counts[i]);
		assert_int_equal(wanted_check(&wanted), 0);
		assert_int_equal(said_lines(), 0);
		wanted_free(&wanted);
		assert_null(wanted.backend);
		assert_int_equal(wanted.backends, 0);
	}
}

static void wanted_too_many(void **state)
{
	struct wanted_service wanted;

	(void)state;
	wanted_make(&wanted, XDPLB_SET_BACKENDS_MAX + 1);
	assert_int_equal(wanted_check(&wanted), -E2BIG);
	assert_said("4097 backends", "4097 backends: a service has at most 4096");
	wanted_free(&wanted);
}

static void wanted_itself(void **state)
{
	struct wanted_service wanted;

	(void)state;
	wanted_make(&wanted, 3);
	memcpy(wanted.backend[2].addr, wanted.at.addr, sizeof(wanted.at.addr));
	wanted.backend[2].port = wanted.at.port;
	assert_int_equal(wanted_check(&wanted), -EINVAL);
	assert_said("itself", "backend 192.0.2.10:80 is the service itself");
	wanted.backend[2].port = htons(81);
	said_reset();
	assert_int_equal(wanted_check(&wanted), 0);
	wanted_free(&wanted);
}

static void wanted_twice(void **state)
{
	struct wanted_service wanted;
	int first, second;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		wanted_make(&wanted, random_from(2, 300));
		first = random_from(0, wanted.backends - 1);
		second = random_from(0, wanted.backends - 1);
		memcpy(wanted.backend[second].addr, wanted.backend[first].addr,
		       sizeof(wanted.backend[first].addr));
		wanted.backend[second].port = wanted.backend[first].port;
		wanted.backend[second].weight = 2; /* other weights make it no other backend */
		assert_int_equal(wanted_check(&wanted), first == second ? 0 : -EEXIST);
		if (first != second)
			assert_said("twice", "is given twice: once is right");
		wanted_free(&wanted);
	}
}

static void wanted_snat_twice(void **state)
{
	struct wanted_service wanted;

	(void)state;
	wanted_make(&wanted, 1);
	wanted.snats = XDPLB_SNATS;
	for (int i = 0; i < XDPLB_SNATS; i++)
		wanted.snat[i][0] = htonl(0x0a010001 + i);
	assert_int_equal(wanted_check(&wanted), 0);
	wanted.snat[XDPLB_SNATS - 1][0] = wanted.snat[0][0];
	assert_int_equal(wanted_check(&wanted), -EEXIST);
	assert_said("snat", "--snat 10.1.0.1 is given twice");
	wanted_free(&wanted);
}

/* ---- what each forward method asks for ------------------------------------------ */

static void wanted_of(struct wanted_service *wanted, __u8 forward, const char *service,
		      const char *const *backends)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service(service, &wanted->at), 0);
	wanted->forward = forward;
	wanted->backend = calloc(8, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	for (; *backends; backends++)
		assert_int_equal(parse_backend(*backends, &wanted->at,
					       &wanted->backend[wanted->backends++]),
				 0);
	said_reset();
}

static void assert_check(__u8 forward, const char *service, const char *backend,
			 const char *refused)
{
	const char *const backends[] = { backend, NULL };
	struct wanted_service wanted;
	int err;

	wanted_of(&wanted, forward, service, backends);
	err = wanted_check(&wanted);
	if (refused && !err)
		fail_msg("%u: %s for %s is taken", forward, backend, service);
	if (refused)
		assert_said(backend, refused);
	else
		assert_int_equal(err, 0);
	wanted_free(&wanted);
}

#define VIP4 "192.0.2.10:80"
#define VIP6 "[2001:db8::10]:80"

static void method_families(void **state)
{
	(void)state;
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++) {
		bool wraps = forward == XDPLB_IPIP || forward == XDPLB_GUE;

		assert_int_equal(forward_wraps(forward), wraps);
		assert_check(forward, VIP4, "10.0.0.1", NULL);
		assert_check(forward, VIP6, "fd00::1", NULL);
		assert_check(forward, VIP4, "fd00::1", wraps ? NULL : "needs an IPv4 address here");
		assert_check(forward, VIP6, "10.0.0.1",
			     wraps ? NULL : "needs an IPv6 address here");
	}
	/* Not known yet: that comes with the service that is there. */
	assert_check(0, VIP4, "fd00::1:8080", NULL);
}

static void method_ports(void **state)
{
	(void)state;
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++) {
		bool maps = forward == XDPLB_NAT || forward == XDPLB_DNAT;

		assert_check(forward, VIP4, "10.0.0.1:80", NULL);
		assert_check(forward, VIP4, "10.0.0.1:8080",
			     maps ? NULL : "changes no port, so it is the service's, 80; leave it");
	}
	assert_check(XDPLB_DSR, VIP4, "192.0.2.10", "is the service itself");
	assert_check(XDPLB_DSR, VIP6, "2001:db8::10", "[2001:db8::10]:80 is the service itself");
}

static void assert_snats(__u8 forward, const char *service, const char *backend,
			 const char *const *snats, const char *refused)
{
	const char *const backends[] = { backend, NULL };
	struct wanted_service wanted;
	int err;

	wanted_of(&wanted, forward, service, backends);
	for (; *snats; snats++)
		assert_int_equal(parse_address(*snats, wanted.snat[wanted.snats++]), 0);
	err = wanted_check(&wanted);
	if (refused && !err)
		fail_msg("%u: the source addresses are taken, \"%s\" is right", forward, refused);
	if (refused)
		assert_said("snat", refused);
	else
		assert_int_equal(err, 0);
	wanted_free(&wanted);
}

static void method_sources(void **state)
{
	static const char *const four[] = { "10.1.0.1", NULL }, *const six[] = { "fd01::1", NULL };
	static const char *const both[] = { "10.1.0.1", "fd01::1", NULL };
	static const char *const fours[] = { "10.1.0.1", "10.1.0.2", NULL };
	static const char *const twice[] = { "fd01::1", "fd01::1", NULL };

	(void)state;
	assert_snats(XDPLB_NAT, VIP4, "10.0.0.1", four, NULL);
	assert_snats(XDPLB_NAT, VIP4, "10.0.0.1", fours, NULL);
	assert_snats(XDPLB_NAT, VIP6, "fd00::1", six, NULL);
	assert_snats(XDPLB_NAT, VIP4, "10.0.0.1", six, "--snat fd01::1: nat needs an IPv4");
	assert_snats(XDPLB_NAT, VIP6, "fd00::1", both, "--snat 10.1.0.1: nat needs an IPv6");
	assert_snats(XDPLB_DNAT, VIP4, "10.0.0.1", four, "--snat 10.1.0.1: dnat keeps");
	assert_snats(XDPLB_DSR, VIP6, "fd00::1", six, "--snat fd01::1: dsr keeps");
	for (int forward = XDPLB_IPIP; forward <= XDPLB_GUE; forward++) {
		assert_snats(forward, VIP4, "fd00::1", four, NULL);
		assert_snats(forward, VIP4, "10.0.0.1", both, NULL);
		assert_snats(forward, VIP4, "10.0.0.1", fours, "one source address for IPv4");
		assert_snats(forward, "10.1.0.1:80", "10.0.0.1", four,
			     "--snat 10.1.0.1 is the service's address");
		assert_snats(forward, VIP4, "10.0.0.1", twice, "--snat fd01::1 is given twice");
	}
}

static void sources_by_family(void **state)
{
	static const __be32 four[4] = { 1 }, six[4] = { 0, 0, 0, 1 };
	struct wanted_service wanted = { .snats = 1, .snat = { { 0, 0, 0, 5 } } };

	(void)state;
	assert_null(wanted_source(&wanted, four));
	assert_ptr_equal(wanted_source(&wanted, six), wanted.snat[0]);
	wanted.snats = 2;
	wanted.snat[1][0] = 7;
	assert_ptr_equal(wanted_source(&wanted, four), wanted.snat[1]);
	assert_ptr_equal(wanted_source(&wanted, six), wanted.snat[0]);
}

/* wanted_check() of a service with these options; `refused` NULL: it is taken. */
static void assert_options_of(const char *service, const struct wanted_service *options,
			      const char *refused)
{
	static const char *const backends[] = { "10.0.0.1", "10.0.0.2", NULL };
	struct wanted_service wanted, all = *options;
	int err;

	wanted_of(&wanted, options->forward, service, backends);
	all.at = wanted.at;
	all.backend = wanted.backend;
	all.backends = wanted.backends;
	said_reset();
	err = wanted_check(&all);
	if (refused && !err)
		fail_msg("taken, \"%s\" is right", refused);
	if (refused)
		assert_said("options", refused);
	else
		assert_int_equal(err, 0);
	wanted_free(&wanted);
}

static void assert_options(const struct wanted_service *options, const char *refused)
{
	assert_options_of("192.0.2.10:53/udp", options, refused);
}

static void stateless(void **state)
{
	struct wanted_service wanted = { .udp = WANTED_UDP_STATELESS };

	(void)state;
	for (int scheduler = 0; scheduler <= XDPLB_P2C; scheduler++)
		for (int forward = 0; forward <= XDPLB_GUE; forward++) {
			bool hashes = scheduler == XDPLB_MAGLEV || scheduler == XDPLB_SH;
			const char *refused = NULL;

			if (forward == XDPLB_NAT || forward == XDPLB_DNAT)
				refused = "remembers its flows; dsr, ipip or gue is needed";
			if (scheduler && !hashes)
				refused = "remembers its flows; maglev or sh is needed";
			wanted.scheduler = scheduler;
			wanted.forward = forward;
			assert_options(&wanted, refused);
		}
	wanted.scheduler = XDPLB_MAGLEV;
	wanted.forward = XDPLB_DSR;
	wanted.affinity = 24;
	assert_options(&wanted, "udp stateless: affinity remembers clients; --affinity none");
	wanted.affinity = 0;
	assert_options_of("192.0.2.10:53/tcp", &wanted,
			  "udp stateless: 192.0.2.10:53/tcp is no udp service");
	wanted.affinity = 24;
	wanted.udp = WANTED_UDP_TRACKED;
	assert_options(&wanted, NULL);
}

static void tables(void **state)
{
	struct wanted_service wanted = { .table = 251, .table_given = true };

	(void)state;
	for (int scheduler = 0; scheduler <= XDPLB_P2C; scheduler++) {
		bool hashes = scheduler == XDPLB_MAGLEV || scheduler == XDPLB_SH;

		wanted.scheduler = scheduler;
		wanted.table_given = true;
		assert_options(&wanted,
			       !scheduler || hashes ? NULL : "has no table; only maglev and sh do");
		wanted.table_given = false; /* given earlier, kept for later */
		assert_options(&wanted, NULL);
	}
	wanted.scheduler = XDPLB_SH;
	wanted.table = 1;
	assert_options(&wanted, "--table-size 1: too small for 2 backends");
}

/* ---- listeners on this machine ------------------------------------------------------ */

/* :PORT is a listener at the service's address. */
static void listener_forms(void **state)
{
	static const struct {
		const char *text;
		__u16 port, weight;
		__u8 state;
	} cases[] = {
		{ ":5001", 5001, 1, XDPLB_UP },
		{ ":1", 1, 1, XDPLB_UP },
		{ ":65535,weight=65535", 65535, 65535, XDPLB_UP },
		{ ":00080,state=drain,weight=3", 80, 3, XDPLB_DRAIN },
		{ ":80", 80, 1, XDPLB_UP }, /* the service's own port */
	};
	static const char *const services[] = { VIP4, VIP6 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t s = 0; s < COUNT(services); s++) {
			struct service_address service;
			struct wanted_backend got;
			char text[ADDRESS_TEXT], right[ADDRESS_TEXT];

			assert_int_equal(parse_service(services[s], &service), 0);
			said_reset();
			assert_int_equal(parse_backend(cases[i].text, &service, &got), 0);
			assert_memory_equal(got.addr, service.addr, sizeof(got.addr));
			assert_int_equal(ntohs(got.port), cases[i].port);
			assert_int_equal(got.weight, cases[i].weight);
			assert_int_equal(got.state, cases[i].state);
			assert_true(got.renew);
			snprintf(right, sizeof(right), ":%u", cases[i].port);
			assert_string_equal(backend_text(XDPLB_LOCAL, got.addr, got.port, text),
					    right);
			assert_string_equal(backend_text(XDPLB_NAT, got.addr, got.port, text),
					    endpoint_text(got.addr, got.port, right));
		}
}

static void listener_mistakes(void **state)
{
	static const struct mistake cases[] = {
		{ ":", ": : a number from 1 to 65535" },
		{ ":0", ":0 0: a number from 1 to 65535" },
		{ ":65536", "a number from 1 to 65535" },
		{ ":-1", "a number from 1 to 65535" },
		{ ":+1", "a number from 1 to 65535" },
		{ ": 1", "a number from 1 to 65535" },
		{ ":http", "a number from 1 to 65535" },
		{ ":5001:5002", "a number from 1 to 65535" },
		{ ":5001/udp", ":5001/udp: not a backend" },
		{ ":5001,", "empty after a comma" },
		{ ":5001,weight=0", "weight 0" },
		{ "::5001", "a number from 1 to 65535" },
		{ ":111111111111111111111111111111111111111111111111111111111111111111111111111111"
		  "1111111111111111111111111111111111111111111111111111111111111111111111111111111",
		  "too long for a port" },
	};
	struct wanted_backend got;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!parse(cases[i].text, &got))
			fail_msg("%s is taken", cases[i].text);
		assert_said(cases[i].text, cases[i].said);
	}
}

static void listeners_belong_to_local(void **state)
{
	(void)state;
	assert_check(XDPLB_LOCAL, VIP4, ":5001", NULL);
	assert_check(XDPLB_LOCAL, VIP4, ":80", NULL);
	assert_check(XDPLB_LOCAL, VIP6, ":80", NULL);
	assert_check(XDPLB_LOCAL, VIP4, "192.0.2.10:5001", NULL);
	assert_check(XDPLB_LOCAL, VIP4, "10.0.0.1:5001",
		     "backend 10.0.0.1:5001: local reaches listeners on this machine: :5001 is");
	assert_check(XDPLB_LOCAL, VIP6, "fd00::1", "on this machine: :80 is expected");
	assert_check(XDPLB_LOCAL, VIP4, ":5001,mac=02:00:00:00:00:01",
		     "backend :5001: a listener on this machine has no mac=");
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++)
		assert_check(forward, VIP4, ":5001", "--forward local reaches listeners");
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++)
		assert_check(forward, VIP4, ":80", "is the service itself");
	assert_check(0, VIP4, ":5001", NULL); /* by the service that is there */
}

/* wanted_check() of a local service with these options. */
static int check_local(const char *service, const struct wanted_service *options)
{
	static const char *const backends[] = { ":5001", ":5002", NULL };
	struct wanted_service wanted, all = *options;
	int err;

	wanted_of(&wanted, XDPLB_LOCAL, service, backends);
	all.at = wanted.at;
	all.backend = wanted.backend;
	all.backends = wanted.backends;
	said_reset();
	err = wanted_check(&all);
	wanted_free(&wanted);
	return err;
}

static void each_datagram(void **state)
{
	(void)state;
	for (int scheduler = XDPLB_RR; scheduler <= XDPLB_P2C; scheduler++)
		for (int which = 0; which < 16; which++) {
			struct wanted_service wanted = {
				.scheduler = scheduler,
				.forward = which & 1 ? XDPLB_LOCAL : XDPLB_NAT,
				.affinity = which & 2 ? 32 : 0,
				.udp = which & 4 ? WANTED_UDP_TRACKED : WANTED_UDP_AS_IT_IS,
				.at.proto = which & 8 ? IPPROTO_UDP : IPPROTO_TCP,
			};
			bool right = which == 9 && scheduler <= XDPLB_WRR;

			assert_true(wanted_each(&wanted) == right);
			if (!(which & 1) || which & 4)
				continue;
			wanted.udp = WANTED_UDP_EACH;
			assert_int_equal(check_local(which & 8 ? "192.0.2.10:53/udp" : VIP4,
						     &wanted),
					 right ? 0 : -EINVAL);
			if (!right)
				assert_said("each", "--udp each: a udp service with --forward");
		}
}

static void local_sources_and_stateless(void **state)
{
	struct wanted_service wanted = { .forward = XDPLB_LOCAL, .scheduler = XDPLB_MAGLEV };

	(void)state;
	assert_int_equal(check_local("192.0.2.10:53/udp", &wanted), 0);
	wanted.udp = WANTED_UDP_STATELESS;
	assert_int_equal(check_local("192.0.2.10:53/udp", &wanted), -EINVAL);
	assert_said("stateless", "udp stateless: local remembers its flows");
	wanted.udp = WANTED_UDP_TRACKED;
	wanted.snats = 1;
	wanted.snat[0][0] = htonl(0x0a010001);
	assert_int_equal(check_local("192.0.2.10:53/udp", &wanted), -EINVAL);
	assert_said("snat", "--snat 10.1.0.1: local keeps the client's address");
}

static void registration(void **state)
{
	struct wanted_service wanted = { .forward = XDPLB_LOCAL, .scheduler = XDPLB_WRR };

	(void)state;
	for (int mode = 0; mode <= XDPLB_REGISTRATION_USER; mode++)
		for (int which = 0; which < 4; which++) {
			bool refused = mode && which == 1;

			wanted.registration = (struct wanted_registration){ .mode = mode,
									    .anywhere = which & 1,
									    .keyed = which & 2 };
			wanted.forward = XDPLB_LOCAL;
			assert_int_equal(check_local(VIP4, &wanted), refused ? -EINVAL : 0);
			if (refused)
				assert_said("any", "--registration-from any: without a key");
			assert_true(wanted_listens(&wanted) == !!mode);
		}
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++) {
		wanted.forward = forward;
		assert_false(wanted_listens(&wanted));
		assert_options(&wanted, "--registration: 192.0.2.10:53/udp is forwarded by");
	}
	wanted.forward = 0; /* by the service that is there */
	assert_options(&wanted, NULL);
}

/* The program compares so many at most. */
static void registration_of_many(void **state)
{
	struct wanted_service wanted;

	(void)state;
	for (int count = XDPLB_LISTENERS; count <= XDPLB_LISTENERS + 1; count++) {
		memset(&wanted, 0, sizeof(wanted));
		assert_int_equal(parse_service(VIP4, &wanted.at), 0);
		wanted.backend = calloc(count, sizeof(*wanted.backend));
		assert_non_null(wanted.backend);
		for (wanted.backends = 0; wanted.backends < count; wanted.backends++) {
			memcpy(wanted.backend[wanted.backends].addr, wanted.at.addr, 16);
			wanted.backend[wanted.backends].port = htons(1000 + wanted.backends);
		}
		wanted.forward = XDPLB_LOCAL;
		wanted.registration.mode = XDPLB_REGISTRATION_KERNEL;
		said_reset();
		assert_int_equal(wanted_check(&wanted), count > XDPLB_LISTENERS ? -E2BIG : 0);
		if (count > XDPLB_LISTENERS)
			assert_said("257", "257 backends: with registration a service has at most");
		wanted_free(&wanted);
	}
}

static void finding(void **state)
{
	static const char *const backends[] = { "10.0.0.1:8080", "fd00::1", NULL };
	struct wanted_service wanted;

	(void)state;
	wanted_of(&wanted, XDPLB_IPIP, VIP4, backends);
	assert_int_equal(wanted_need(&wanted, "10.0.0.1:8080"), 0);
	assert_int_equal(wanted_need(&wanted, "fd00::1"), 1);
	assert_int_equal(wanted_need(&wanted, "[fd00:0::1]:80"), 1);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(wanted_need(&wanted, "10.0.0.1"), -ENOENT);
	assert_said("10.0.0.1", "10.0.0.1:80: not a backend of 192.0.2.10:80/tcp");
	said_reset();
	assert_int_equal(wanted_need(&wanted, "fd00::1,weight=2"), -EINVAL);
	assert_said("fd00::1,weight=2", "only ADDR[:PORT] is expected here");
	wanted_free(&wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_forms),
		cmocka_unit_test(service_mistakes),
		cmocka_unit_test(service_ipv6),
		cmocka_unit_test(service_long),
		cmocka_unit_test(service_round_trip),
		cmocka_unit_test(backend_forms),
		cmocka_unit_test(backend_mistakes),
		cmocka_unit_test(backend_mac_digits),
		cmocka_unit_test(backend_mac_zero),
		cmocka_unit_test(backend_long_option),
		cmocka_unit_test(backend_round_trip),
		cmocka_unit_test(numbers),
		cmocka_unit_test(wanted_good),
		cmocka_unit_test(wanted_too_many),
		cmocka_unit_test(wanted_itself),
		cmocka_unit_test(wanted_twice),
		cmocka_unit_test(wanted_snat_twice),
		cmocka_unit_test(method_families),
		cmocka_unit_test(method_ports),
		cmocka_unit_test(method_sources),
		cmocka_unit_test(sources_by_family),
		cmocka_unit_test(stateless),
		cmocka_unit_test(tables),
		cmocka_unit_test(listener_forms),
		cmocka_unit_test(listener_mistakes),
		cmocka_unit_test(listeners_belong_to_local),
		cmocka_unit_test(each_datagram),
		cmocka_unit_test(local_sources_and_stateless),
		cmocka_unit_test(registration),
		cmocka_unit_test(registration_of_many),
		cmocka_unit_test(finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
