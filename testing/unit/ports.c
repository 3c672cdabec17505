// SPDX-License-Identifier: GPL-2.0-only
/* loader/ports.c: which source ports nat may use. */
#include "../../loader/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static __u64 allowed[PORT_WORDS];

static bool is_allowed(__u32 port)
{
	return allowed[port / 64] >> (port % 64) & 1;
}

static int count_allowed(void)
{
	int count = 0;

	for (int i = 0; i < PORT_WORDS; i++)
		count += __builtin_popcountll(allowed[i]);
	return count;
}

static void allow_all(void)
{
	memset(allowed, 0xff, sizeof(allowed));
}

/* All but the `n` ports given are still allowed. */
static void assert_taken(const char *what, const __u32 *port, int n)
{
	for (int i = 0; i < n; i++)
		if (is_allowed(port[i]))
			fail_msg("\"%s\": port %u is not taken", what, port[i]);
	if (count_allowed() != 65536 - n)
		fail_msg("\"%s\": %d ports are taken, %d is right", what, 65536 - count_allowed(),
			 n);
}

/* ---- lists --------------------------------------------------------------------------- */

static void list_forms(void **state)
{
	static const struct {
		const char *list;
		__u32 port[8];
		int n;
	} cases[] = {
		{ "", {}, 0 },
		{ "\n", {}, 0 },
		{ "8080", { 8080 }, 1 },
		{ "8080\n", { 8080 }, 1 },
		{ "0", { 0 }, 1 },
		{ "65535\n", { 65535 }, 1 },
		{ "63-64", { 63, 64 }, 2 },
		{ "5-5", { 5 }, 1 },
		{ "1,2,3\n", { 1, 2, 3 }, 3 },
		{ "1-2,7,65534-65535\n", { 1, 2, 7, 65534, 65535 }, 5 },
		{ "8080,9148", { 8080, 9148 }, 2 },
		{ "65536", {}, 0 },
		{ "65535-65537", { 65535 }, 1 },
		{ "7-5", {}, 0 },
		{ "10,x,11", { 10 }, 1 },
		{ "words", {}, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		allow_all();
		ports_take_list(allowed, cases[i].list);
		assert_taken(cases[i].list, cases[i].port, cases[i].n);
	}
}

static void list_of_all(void **state)
{
	(void)state;
	allow_all();
	ports_take_list(allowed, "0-65535\n");
	assert_int_equal(count_allowed(), 0);
}

/* It takes and never gives. */
static void list_takes_only(void **state)
{
	(void)state;
	memset(allowed, 0, sizeof(allowed));
	ports_take_list(allowed, "1,5-9,65535");
	assert_int_equal(count_allowed(), 0);
}

/* Any set of ports, written the way the kernel writes it. */
static void list_random(void **state)
{
	static char list[1 << 19];
	static bool taken[65537];

	(void)state;
	for (int round = 0; round < 200; round++) {
		size_t length = 0;
		__u32 one_in = random_from(2, 3000);
		int n = 0;

		for (__u32 port = 0; port < 65536; port++)
			n += taken[port] = random_64() % one_in == 0;
		for (__u32 first = 0, last; first < 65536; first = last + 1) {
			for (last = first; taken[first] && taken[last + 1];)
				last++;
			if (!taken[first])
				continue;
			length += sprintf(list + length, last > first ? "%s%u-%u" : "%s%u",
					  length ? "," : "", first, last);
		}
		strcpy(list + length, "\n");
		if (length > 8192 && round % 20)
			continue; /* sscanf() measures what is left, each time */
		allow_all();
		ports_take_list(allowed, list);
		assert_int_equal(count_allowed(), 65536 - n);
		for (__u32 port = 0; port < 65536; port++)
			assert_int_equal(is_allowed(port), !taken[port]);
	}
}

/* ---- sockets ------------------------------------------------------------------------- */

static void take_from(const char *text)
{
	char path[] = "/tmp/xdplb-unit-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	allow_all();
	ports_take_sockets(allowed, path);
	unlink(path);
}

#define TCP_HEAD \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define TCP_REST " 00000000:00000000 00:00000000 00000000     0        0 10231 1\n"

static void sockets_ipv4(void **state)
{
	static const __u32 ports[] = { 8000, 22, 65535, 40001, 39999 };

	(void)state;
	take_from(TCP_HEAD "   0: 0100007F:1F40 00000000:0000 0A" TCP_REST
			   "   1: 00000000:0016 00000000:0000 0A" TCP_REST
			   "   2: 0A0200C0:FFFF 0B0200C0:01BB 01" TCP_REST
			   " 123: 0A0200C0:9C41 0B0200C0:0050 06" TCP_REST
			   "12345: 0A0200C0:9c3f 0B0200C0:0050 06" TCP_REST);
	assert_taken("tcp", ports, COUNT(ports));
}

static void sockets_ipv6(void **state)
{
	static const __u32 ports[] = { 8080, 53 };

	(void)state;
	take_from("  sl  local_address                         remote_address                   \n"
		  "   0: 00000000000000000000000000000000:1F90 "
		  "00000000000000000000000000000000:0000 0A" TCP_REST
		  "   1: B80D0120000000000000000001000000:0035 "
		  "00000000000000000000000000000000:0000 07" TCP_REST);
	assert_taken("tcp6", ports, COUNT(ports));
}

/* The remote port, the header and what is not a socket say nothing. */
static void sockets_other_lines(void **state)
{
	(void)state;
	take_from(TCP_HEAD);
	assert_taken("a header", NULL, 0);
	take_from("");
	assert_taken("an empty file", NULL, 0);
	take_from("\n\n   0:\n   0: 0100007F\n   0: 0100007F:\nx\n   0: 0100007F:10000 \n");
	assert_taken("no socket", NULL, 0);
	take_from("   0: 0100007F:0050"); /* no newline at the end */
	assert_taken("the last line", (const __u32[]){ 80 }, 1);
}

static void sockets_no_file(void **state)
{
	(void)state;
	allow_all();
	said_reset();
	ports_take_sockets(allowed, "/nonexistent/tcp6");
	assert_taken("no file", NULL, 0);
	assert_int_equal(said_lines(), 0);
}

/* ---- this machine ----------------------------------------------------------------------- */

static bool set_sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	file = fopen(path, "we");
	if (!file)
		return false;
	good = fputs(value, file) >= 0;
	return fclose(file) == 0 && good;
}

/* A socket bound to that port. */
static int bound(int family, int type, __u16 port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	int err;

	assert_true(fd >= 0);
	if (family == AF_INET6)
		err = bind(fd, (struct sockaddr *)&six, sizeof(six));
	else
		err = bind(fd, (struct sockaddr *)&four, sizeof(four));
	assert_int_equal(err, 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* In a network namespace of its own, where all that counts is known. */
static void machine(void **state)
{
	int fd[4];

	(void)state;
	if (unshare(CLONE_NEWNET) || !set_sysctl("ip_local_port_range", "32768 60999\n") ||
	    !set_sysctl("ip_local_reserved_ports", "2000-2009,3000\n"))
		skip();
	fd[0] = bound(AF_INET, SOCK_STREAM, 4001);
	fd[1] = bound(AF_INET, SOCK_DGRAM, 4002);
	fd[2] = bound(AF_INET6, SOCK_STREAM, 4003);
	fd[3] = bound(AF_INET6, SOCK_DGRAM, 4004);
	assert_int_equal(ports_of_machine(allowed), 0);
	for (__u32 port = 0; port < 65536; port++) {
		bool taken = port < 1024 || (port >= 32768 && port <= 60999) ||
			     (port >= 2000 && port <= 2009) || port == 3000 ||
			     (port >= 4001 && port <= 4004);

		if (is_allowed(port) == taken)
			fail_msg("port %u is %s", port, taken ? "allowed" : "taken");
	}
	for (size_t i = 0; i < COUNT(fd); i++)
		close(fd[i]);
}

/* ---- telling the program ------------------------------------------------------------------ */

#define SOURCE 0x0a00000a

static struct balancer *balancer_make(void)
{
	struct balancer *balancer = calloc(1, sizeof(*balancer));

	assert_non_null(balancer);
	balancer->config = calloc(1, sizeof(*balancer->config));
	balancer->services = calloc(XDPLB_SERVICES, sizeof(*balancer->services));
	balancer->pools = calloc(XDPLB_POOLS, sizeof(*balancer->pools));
	assert_true(balancer->config && balancer->services && balancer->pools);
	return balancer;
}

static void balancer_delete(struct balancer *balancer)
{
	free(balancer->config);
	free(balancer->services);
	free(balancer->pools);
	free(balancer);
}

static void add_service(struct balancer *balancer, __u32 id, __u32 addr, __u16 port)
{
	balancer->services[id] = (struct xdplb_service){
		.set = { 1, 1 },
		.addr = { htonl(addr) },
		.port = htons(port),
		.proto = IPPROTO_TCP,
	};
}

/* Only services whose address is a source address of nat cost a port. */
static void publish_services(void **state)
{
	struct balancer *balancer = balancer_make();

	(void)state;
	assert_int_equal(ports_of_machine(allowed), 0);
	if (!is_allowed(5000) || !is_allowed(5001) || !is_allowed(5002) || !is_allowed(5003))
		skip();
	balancer->pools[1].proto = IPPROTO_TCP;
	balancer->pools[1].addr[0] = htonl(SOURCE);
	add_service(balancer, 1, SOURCE, 5000);
	add_service(balancer, XDPLB_SERVICES - 1, SOURCE, 5001);
	add_service(balancer, 2, SOURCE + 1, 5002);
	add_service(balancer, 3, SOURCE, 5003);
	/* being made: its port must go before packets come */
	memset(balancer->services[3].set, 0, sizeof(balancer->services[3].set));
	balancer->services[3].table = 1; /* and registrations come to its address */
	balancer->config->registration_port = htons(7475);
	assert_int_equal(ports_publish(balancer), 0);
	memcpy(allowed, balancer->config->port_allowed, sizeof(allowed));
	assert_false(is_allowed(5000));
	assert_false(is_allowed(5001));
	assert_true(is_allowed(5002));
	assert_false(is_allowed(5003));
	assert_false(is_allowed(7475));
	assert_true(is_allowed(7474) || is_allowed(7476)); /* not for want of a range */
	balancer_delete(balancer);
}

/* A pool's group is full exactly where no port of it may be used; other bits stay away. */
static void publish_pools(void **state)
{
	struct balancer *balancer = balancer_make();

	(void)state;
	balancer->pools[1].proto = IPPROTO_TCP;
	balancer->pools[XDPLB_POOLS - 1].proto = IPPROTO_UDP;
	memset(balancer->pools[1].full, 0xff, sizeof(balancer->pools[1].full));
	assert_int_equal(ports_publish(balancer), 0);
	for (int group = 0; group < XDPLB_GROUPS; group++) {
		bool full = !balancer->config->port_allowed[group];
		int word = group / 64, bit = group % 64;

		assert_int_equal(balancer->pools[1].full[word] >> bit & 1, full);
		assert_int_equal(balancer->pools[XDPLB_POOLS - 1].full[word] >> bit & 1, full);
		assert_int_equal(balancer->pools[2].full[word], 0);
	}
	assert_int_equal(balancer->pools[1].full[0] & 0xffff, 0xffff); /* ports below 1024 */
	balancer_delete(balancer);
}

/* Here the machine wants every port for itself. */
static void publish_no_port(void **state)
{
	struct balancer *balancer = balancer_make();

	(void)state;
	if (unshare(CLONE_NEWNET) || !set_sysctl("ip_local_port_range", "1024 65535\n")) {
		balancer_delete(balancer);
		skip();
	}
	balancer->config->port_allowed[100] = 0x55;
	said_reset();
	assert_int_equal(ports_publish(balancer), 0); /* who has no nat needs none */
	assert_int_equal(said_lines(), 0);
	assert_int_equal(balancer->config->port_allowed[100], 0x55);
	balancer->pools[1].proto = IPPROTO_TCP;
	assert_int_equal(ports_publish(balancer), -ENOSPC);
	assert_said("no port", "no source port is left for nat: narrow");
	assert_int_equal(balancer->config->port_allowed[100], 0x55); /* nothing is changed */
	balancer_delete(balancer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_forms),
		cmocka_unit_test(list_of_all),
		cmocka_unit_test(list_takes_only),
		cmocka_unit_test(list_random),
		cmocka_unit_test(sockets_ipv4),
		cmocka_unit_test(sockets_ipv6),
		cmocka_unit_test(sockets_other_lines),
		cmocka_unit_test(sockets_no_file),
		cmocka_unit_test(machine),
		cmocka_unit_test(publish_services),
		cmocka_unit_test(publish_pools),
		cmocka_unit_test(publish_no_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
