// SPDX-License-Identifier: GPL-2.0-only
/* loader/listening.c: which sockets receive what comes to an address and port. */
#include "../../loader/listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static void read_address(const char *text, __be32 addr[4])
{
	memset(addr, 0, 16);
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, addr), 1);
}

/* ---- lines of /proc/net -------------------------------------------------------------- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static void lines(void **state)
{
	static const struct {
		const char *line, *addr;
		__u16 port;
		__u8 state;
	} cases[] = {
		{ "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
		  "0        0 1019 1 00000000ce1a7f5d 100 0 0 10 0\n",
		  "0.0.0.0", 2024, 10 },
		{ "12345: 0100007F:0035 0200007F:FFFF 01 00000000:00000000 00:00000000 00000000",
		  "127.0.0.1", 53, 1 },
		{ " 4242: 010200C0:FFFF 00000000:0000 07 00000000:00000000 00:00000000 00000000",
		  "192.0.2.1", 65535, 7 },
		{ "  0: 00000000000000000000000000000000:0050 "
		  "00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000\n",
		  "::", 80, 10 },
		{ "  1: B80D0120000000000000000001000000:14E9 "
		  "B80D0120000000000000000002000000:0001 07 00000000:00000000 00:00000000\n",
		  "2001:db8::1", 5353, 7 },
		{ "  1: 0000000000000000FFFF0000010200C0:0001 "
		  "0000000000000000FFFF000000000000:0000 07 00000000:00000000 00:00000000\n",
		  "::ffff:192.0.2.1", 1, 7 },
	};
	struct listener listener;
	__be32 addr[4];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		read_address(cases[i].addr, addr);
		if (!listener_read(cases[i].line, &listener))
			fail_msg("not read: %s", cases[i].line);
		assert_memory_equal(listener.addr, addr, 16);
		assert_int_equal(listener.ipv6, strchr(cases[i].addr, ':') != NULL);
		assert_false(listener.ipv6_only);
		assert_int_equal(ntohs(listener.port), cases[i].port);
		assert_int_equal(listener.state, cases[i].state);
	}
}
#endif

static void other_lines(void **state)
{
	static const char *const cases[] = {
		"",
		"\n",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid\n",
		"  sl  local_address                         remote_address                     "
		"st\n",
		"   0:",
		"   0: 00000000",
		"   0: 00000000:07E8",
		"   0: 00000000:07E8 00000000:0000",
		"   0: 00000000:07E8 00000000:0000 ",
		"   0: 0000000000000000:07E8 00000000:0000 0A",
		"   0: 000000000000000000000000:07E8 00000000:0000 0A",
		"   0 00000000:07E8 00000000:0000 0A",
		"words",
	};
	struct listener listener;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (listener_read(cases[i], &listener))
			fail_msg("read: \"%s\"", cases[i]);
}

/* ---- which take a packet --------------------------------------------------------------- */

#define TCP_LISTENS 10
#define UDP_ALONE 7

static void states(void **state)
{
	struct listener listener = { .port = htons(80) };
	__be32 addr[4];

	(void)state;
	read_address("192.0.2.1", addr);
	for (int i = 0; i < 16; i++) {
		listener.state = i;
		assert_int_equal(listener_takes(&listener, addr, htons(80), IPPROTO_TCP),
				 i == TCP_LISTENS);
		assert_int_equal(listener_takes(&listener, addr, htons(80), IPPROTO_UDP),
				 i == UDP_ALONE);
		assert_false(listener_takes(&listener, addr, htons(81), IPPROTO_TCP));
		assert_false(listener_takes(&listener, addr, htons(81), IPPROTO_UDP));
	}
}

/* What is bound where, and which of `asked` it takes. */
static const char *const asked[] = { "127.0.0.1", "192.0.2.1", "::1", "2001:db8::1" };

static const struct binding {
	const char *addr;
	bool only;
	const char *takes; /* 1 or 0 for each */
	const char *by_proc;
} bindings[] = {
	{ "0.0.0.0", false, "1100", "1100" },
	{ "127.0.0.1", false, "1000", "1000" },
	{ "192.0.2.1", false, "0100", "0100" },
	{ "192.0.2.2", false, "0000", "0000" },
	{ "::", false, "1111", "1111" },
	{ "::", true, "0011", "1111" },
	{ "::1", false, "0010", "0010" },
	{ "::1", true, "0010", "0010" },
	{ "2001:db8::1", false, "0001", "0001" },
	{ "2001:db8::2", false, "0000", "0000" },
	{ "::ffff:0.0.0.0", false, "1100", "1100" },
	{ "::ffff:127.0.0.1", false, "1000", "1000" },
	{ "::ffff:192.0.2.1", false, "0100", "0100" },
};

static void addresses(void **state)
{
	__be32 addr[4];

	(void)state;
	for (size_t i = 0; i < COUNT(bindings); i++) {
		struct listener listener = { .port = htons(80),
					     .ipv6 = strchr(bindings[i].addr, ':'),
					     .ipv6_only = bindings[i].only,
					     .state = TCP_LISTENS };

		read_address(bindings[i].addr, listener.addr);
		for (size_t j = 0; j < COUNT(asked); j++) {
			read_address(asked[j], addr);
			if (listener_takes(&listener, addr, htons(80), IPPROTO_TCP) !=
			    (bindings[i].takes[j] == '1'))
				fail_msg("%s at %s", asked[j], bindings[i].addr);
		}
	}
}

/* ---- real sockets ------------------------------------------------------------------------ */

#define PORT 4001

static int bound(const struct binding *binding, int type)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int family = strchr(binding->addr, ':') ? AF_INET6 : AF_INET;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	int yes = 1, only = binding->only, err;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_IP, IP_FREEBIND, &yes, sizeof(yes)), 0);
	if (family == AF_INET6) {
		assert_int_equal(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
		inet_pton(AF_INET6, binding->addr, &six.sin6_addr);
		err = bind(fd, (struct sockaddr *)&six, sizeof(six));
	} else {
		inet_pton(AF_INET, binding->addr, &four.sin_addr);
		err = bind(fd, (struct sockaddr *)&four, sizeof(four));
	}
	assert_int_equal(err, 0);
	return fd;
}

typedef int ask_function(const __be32 addr[4], __be16 port, __u8 proto);

static void assert_answers(ask_function *ask, const char *what, __u8 proto, const char *right)
{
	__be32 addr[4];

	for (size_t i = 0; i < COUNT(asked); i++) {
		int answer;

		read_address(asked[i], addr);
		answer = ask(addr, htons(PORT), proto);
		if (answer != right[i] - '0')
			fail_msg("%s, protocol %u, asked for %s: %d", what, proto, asked[i],
				 answer);
		assert_int_equal(ask(addr, htons(PORT + 1), proto), 0);
	}
}

static bool namespace_enter(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	bool good = !unshare(CLONE_NEWNET);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	good = good && !ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return good;
}

/* All that holds for one way of asking; `by_proc` says which. */
static void assert_all(ask_function *ask, bool by_proc)
{
	for (size_t i = 0; i < COUNT(bindings); i++) {
		const struct binding *binding = &bindings[i];
		const char *right = by_proc ? binding->by_proc : binding->takes;
		int udp = bound(binding, SOCK_DGRAM), tcp = bound(binding, SOCK_STREAM);

		assert_answers(ask, binding->addr, IPPROTO_UDP, right);
		assert_answers(ask, binding->addr, IPPROTO_TCP, "0000");
		close(udp);
		assert_int_equal(listen(tcp, 1), 0);
		assert_answers(ask, binding->addr, IPPROTO_UDP, "0000");
		assert_answers(ask, binding->addr, IPPROTO_TCP, right);
		close(tcp);
	}
	assert_answers(ask, "nothing", IPPROTO_UDP, "0000");
	assert_answers(ask, "nothing", IPPROTO_TCP, "0000");
}

static void skip_without_diag(void)
{
	__be32 addr[4] = { htonl(INADDR_LOOPBACK) };

	if (listening_by_diag(addr, htons(PORT), IPPROTO_UDP) < 0 ||
	    listening_by_diag(addr, htons(PORT), IPPROTO_TCP) < 0)
		skip();
}

static void by_diag(void **state)
{
	(void)state;
	if (!namespace_enter())
		skip();
	skip_without_diag();
	assert_all(listening_by_diag, false);
	assert_all(listening, false);
}

/* Where the kernel lacks a part, it says so at the end of an empty list. */
static void no_diag(void **state)
{
	__be32 addr[4] = { htonl(INADDR_LOOPBACK) };

	(void)state;
	skip_without_diag();
	assert_int_equal(listening_by_diag(addr, htons(PORT), 250), -ENOENT);
}

static void by_proc(void **state)
{
	(void)state;
	if (!namespace_enter())
		skip();
	assert_all(listening_by_proc, true);
}

/* A connected one of UDP gets packets of one peer; another beside it gets the rest. */
static void connected(void **state)
{
	struct sockaddr_in peer = { .sin_family = AF_INET,
				    .sin_port = htons(9),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	(void)state;
	if (!namespace_enter())
		skip();
	fd = bound(&bindings[0], SOCK_DGRAM);
	assert_answers(listening, "alone", IPPROTO_UDP, "1100");
	assert_int_equal(connect(fd, (struct sockaddr *)&peer, sizeof(peer)), 0);
	assert_answers(listening, "connected", IPPROTO_UDP, "0000");
	assert_answers(listening_by_proc, "connected", IPPROTO_UDP, "0000");
	close(fd);
}

/* Many at one port, of which the last that is shown is the right one, or none is. */
static void many(void **state)
{
	static int fd[600];
	__be32 addr[4];

	(void)state;
	if (!namespace_enter())
		skip();
	for (int i = 0; i < (int)COUNT(fd); i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.0.%d.%d", i / 200, i % 200 + 1);
		fd[i] = bound(&(struct binding){ .addr = text }, SOCK_DGRAM);
	}
	assert_answers(listening, "many", IPPROTO_UDP, "0000");
	for (int i = 0; i < (int)COUNT(fd); i++) {
		addr[0] = htonl(0x0a000001 + i / 200 * 256 + i % 200);
		memset(addr + 1, 0, 12);
		assert_int_equal(listening(addr, htons(PORT), IPPROTO_UDP), 1);
	}
	for (int i = 0; i < (int)COUNT(fd); i++)
		close(fd[i]);
}

/* One that is in another network namespace is not seen. */
static void elsewhere(void **state)
{
	int fd;

	(void)state;
	if (!namespace_enter())
		skip();
	fd = bound(&bindings[4], SOCK_DGRAM);
	assert_answers(listening, "here", IPPROTO_UDP, "1111");
	if (!namespace_enter())
		skip();
	assert_answers(listening, "elsewhere", IPPROTO_UDP, "0000");
	assert_answers(listening_by_proc, "elsewhere", IPPROTO_UDP, "0000");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		cmocka_unit_test(lines),
#endif
		cmocka_unit_test(other_lines),
		cmocka_unit_test(states),
		cmocka_unit_test(addresses),
		cmocka_unit_test(by_diag),
		cmocka_unit_test(no_diag),
		cmocka_unit_test(by_proc),
		cmocka_unit_test(connected),
		cmocka_unit_test(many),
		cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
