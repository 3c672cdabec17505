// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/announce*.c: what the file says of it, what that means for these
 * services, and what is in the kernel afterwards.
 */
#include "../../loader/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"
#include "../../loader/address.h"
#include "../../loader/announce_choice.h"
#include "../../loader/read_announce.h"

/* ---- the file ---------------------------------------------------------------------------- */

static int read_text(const char *text, struct announce_settings *settings)
{
	char path[] = "/tmp/xdplb-unit-XXXXXX";
	struct document document;
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	err = document_read(path, &document);
	unlink(path);
	assert_int_equal(err, 0);
	err = announce_settings_read(&document, document_top(&document), settings);
	document_free(&document);
	return err;
}

static void defaults(void **state)
{
	struct announce_settings settings;

	(void)state;
	said_reset();
	assert_int_equal(read_text("{}", &settings), 0);
	assert_true(settings.on);
	assert_false(settings.place.by_address);
	assert_false(settings.all);
	assert_int_equal(settings.place.table, 88);
	assert_int_equal(settings.place.protocol, 88);
	assert_int_equal(settings.hold, 5);
	assert_int_equal(settings.prefixes, 0);
	assert_string_equal(settings.place.interface, "lo");
	assert_int_equal(said_lines(), 0);
}

static void keys(void **state)
{
	struct announce_settings settings;
	char text[PREFIX_TEXT];

	(void)state;
	said_reset();
	assert_int_equal(
		read_text("addresses: [192.0.2.0/24, 2001:db8::1]\nby: route\ntable: main\n"
			  "protocol: 5\nneeds: all\nhold: 0\n",
			  &settings),
		0);
	assert_int_equal(settings.place.table, 254);
	assert_int_equal(settings.place.protocol, 5);
	assert_true(settings.all);
	assert_int_equal(settings.hold, 0);
	assert_int_equal(settings.prefixes, 2);
	assert_string_equal(prefix_text(&settings.prefix[0], text), "192.0.2.0/24");
	announce_settings_free(&settings);
	assert_int_equal(read_text("{by: address, interface: xdplb0}", &settings), 0);
	assert_true(settings.place.by_address);
	assert_string_equal(settings.place.interface, "xdplb0");
	assert_int_equal(said_lines(), 0);
}

static void wrong_keys(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "by: bgp", "route or address" },
		{ "needs: some", "any or all" },
		{ "table: 255", "the kernel's own" },
		{ "table: 0", "1 to" },
		{ "protocol: 4", "5 to 255" },
		{ "protocol: 256", "5 to 255" },
		{ "hold: -1", "0 to 3600" },
		{ "interface: a-name-that-is-too-long", "no name of an interface" },
		{ "addresses: [192.0.2.1, 192.0.2.1/32]", "twice" },
		{ "addresses: [192.0.2.1/24]", "it is in" },
		{ "addresses: 192.0.2.1", "a list" },
		{ "{by: address, addresses: [192.0.2.0/24]}", "by: route" },
		{ "tables: 1", "no key of announce" },
	};
	struct announce_settings settings;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		said_reset();
		if (read_text(cases[i].text, &settings) != -EINVAL &&
		    read_text(cases[i].text, &settings) != -EEXIST)
			fail_msg("taken: %s", cases[i].text);
		if (!strstr(said(), cases[i].says))
			fail_msg("%s: said %s", cases[i].text, said());
	}
}

/* ---- the choice -------------------------------------------------------------------------- */

/* "192.0.2.1+ 192.0.2.2-": services of these addresses, healthy or not. */
static int services_of(const char *words, struct announce_service *service)
{
	char copy[256], *rest = copy;
	int count = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
		size_t last = strlen(word) - 1;

		service[count].healthy = word[last] == '+';
		word[last] = '\0';
		assert_int_equal(parse_address(word, service[count++].addr), 0);
	}
	return count;
}

static void assert_chosen(const char *yaml, const char *words, const char *expected)
{
	struct announce_settings settings;
	struct announce_service service[16];
	struct prefix *prefix;
	char got[256] = "", text[PREFIX_TEXT];
	int count;

	assert_int_equal(read_text(yaml, &settings), 0);
	count = announce_choose(&settings, service, services_of(words, service), &prefix);
	for (int i = 0; i < count; i++) {
		strcat(got, i ? " " : "");
		strcat(got, prefix_text(&prefix[i], text));
	}
	assert_string_equal(got, expected);
	free(prefix);
	announce_settings_free(&settings);
}

static void choices(void **state)
{
	(void)state;
	said_reset();
	assert_chosen("{}", "192.0.2.1+ 192.0.2.2- 192.0.2.1-", "192.0.2.1");
	assert_chosen("needs: all", "192.0.2.1+ 192.0.2.2- 192.0.2.1-", "");
	assert_chosen("needs: all", "192.0.2.1+ 192.0.2.2- 192.0.2.1+", "192.0.2.1");
	assert_chosen("{}", "2001:db8::1- 192.0.2.1+ 2001:db8::1+", "2001:db8::1 192.0.2.1");
	assert_chosen("addresses: [192.0.2.2]", "192.0.2.1+ 192.0.2.2+", "192.0.2.2");
	assert_chosen("addresses: [192.0.2.3]", "192.0.2.1+ 192.0.2.2+", "");
	assert_chosen("{needs: all, addresses: [192.0.2.3]}", "192.0.2.1+", "");
	assert_chosen("addresses: [192.0.2.0/24]", "192.0.2.1- 192.0.2.2+", "192.0.2.0/24");
	assert_chosen("{needs: all, addresses: [192.0.2.0/24]}", "192.0.2.1- 192.0.2.2+", "");
	assert_chosen("{needs: all, addresses: [192.0.2.0/24]}", "192.0.3.1- 192.0.2.2+",
		      "192.0.2.0/24");
	assert_int_equal(said_lines(), 0);
}

/* ---- the kernel -------------------------------------------------------------------------- */

static bool shell(const char *command)
{
	return system(command) == 0;
}

/* A network namespace of its own; without the right to one these cases are skipped. */
static int namespace_make(void **state)
{
	static bool here;

	*state = &here;
	here = unshare(CLONE_NEWNET) == 0 && shell("ip link set lo up");
	return 0;
}

#define NEEDS_NAMESPACE()             \
	do {                          \
		if (!*(bool *)*state) \
			skip();       \
	} while (0)

/* What `command` prints, in one line, is this. */
static void assert_prints(const char *command, const char *expected)
{
	char line[512] = "", *end;
	FILE *pipe = popen(command, "r");
	size_t got;

	assert_non_null(pipe);
	got = fread(line, 1, sizeof(line) - 1, pipe);
	line[got] = '\0';
	pclose(pipe);
	while ((end = strchr(line, '\n')))
		*end = end[1] ? ' ' : '\0';
	if (strcmp(line, expected))
		fail_msg("%s: expected '%s', got '%s'", command, expected, line);
}

static int match(const struct announce_place *place, const char *words, bool everywhere)
{
	struct announce_service service[16];
	struct prefix prefix[16];
	int count = *words ? services_of(words, service) : 0;

	for (int i = 0; i < count; i++)
		prefix[i] = prefix_of(service[i].addr);
	return announce_match(place, prefix, count, everywhere);
}

#define ROUTES                                                                                     \
	"(ip -4 route show table all proto 88; ip -6 route show table all proto 88) | cut -d ' ' " \
	"-f 1-4"
/* All but loopback's; ip of Debian 12 does not show whose they are. */
#define ADDRESSES                                                       \
	"(ip -4 -o address show; ip -6 -o address show) | grep -v host" \
	" | awk '{ print $2, $4 }'"

static void routes(void **state)
{
	struct announce_place place = default_announce.place;

	NEEDS_NAMESPACE();
	said_reset();
	assert_int_equal(match(&place, "192.0.2.1+ 2001:db8::1+", true), 2);
	assert_prints(ROUTES, "unreachable 192.0.2.1 table 88 unreachable 2001:db8::1 dev lo");
	assert_int_equal(match(&place, "2001:db8::1+ 192.0.2.1+", false), 0);
	assert_int_equal(match(&place, "192.0.2.2+ 2001:db8::1+", false), 2);
	assert_prints(ROUTES, "unreachable 192.0.2.2 table 88 unreachable 2001:db8::1 dev lo");
	/* Somebody else's are none of ours. */
	assert_true(shell("ip route add unreachable 192.0.2.9 table 88 proto 77"));
	assert_int_equal(match(&place, "", true), 2);
	assert_prints("ip route show table 88", "unreachable 192.0.2.9 proto 77 ");
	assert_int_equal(said_lines(), 0);
	assert_int_equal(match(&place, "192.0.2.9+ 192.0.2.10+", true), -EEXIST);
	assert_said("192.0.2.9", "192.0.2.9 is in table 88 already, and not from here");
	assert_prints(ROUTES, "unreachable 192.0.2.10 table 88");
	assert_int_equal(match(&place, "", true), 1);
	assert_true(shell("ip route flush table 88"));
}

/* Another table than the last run's. */
static void moved(void **state)
{
	struct announce_place place = default_announce.place;

	NEEDS_NAMESPACE();
	said_reset();
	assert_int_equal(match(&place, "192.0.2.1+", true), 1);
	place.table = 1000;
	assert_int_equal(match(&place, "192.0.2.1+", false), 1);
	assert_prints(ROUTES, "unreachable 192.0.2.1 table 88 unreachable 192.0.2.1 table 1000");
	assert_int_equal(match(&place, "192.0.2.1+", true), 1);
	assert_prints(ROUTES, "unreachable 192.0.2.1 table 1000");
	place.by_address = true;
	assert_int_equal(match(&place, "192.0.2.1+ 2001:db8::1+", true), 3);
	assert_prints(ROUTES, "");
	assert_prints(ADDRESSES, "lo 192.0.2.1/32 lo 2001:db8::1/128");
	place.by_address = false;
	assert_int_equal(match(&place, "", true), 2);
	assert_prints(ADDRESSES, "");
	assert_int_equal(said_lines(), 0);
}

static void addresses(void **state)
{
	struct announce_place place = default_announce.place;

	NEEDS_NAMESPACE();
	said_reset();
	place.by_address = true;
	assert_int_equal(match(&place, "192.0.2.1+ 2001:db8::1+", true), 2);
	assert_int_equal(match(&place, "192.0.2.1+ 2001:db8::1+", true), 0);
	assert_prints(ADDRESSES, "lo 192.0.2.1/32 lo 2001:db8::1/128");
	assert_true(shell("ip address add 192.0.2.2/32 dev lo"));
	assert_int_equal(said_lines(), 0);
	assert_int_equal(match(&place, "192.0.2.2+", true), -EEXIST);
	assert_said("192.0.2.2", "192.0.2.2 is in interface lo already");
	/* The one that was not asked for is gone, the one that is not ours stays. */
	assert_int_equal(match(&place, "", true), 0);
	assert_prints(ADDRESSES, "lo 192.0.2.2/32");
	assert_true(shell("ip address del 192.0.2.2/32 dev lo"));
	said_reset();
	snprintf(place.interface, sizeof(place.interface), "nothing");
	assert_int_equal(match(&place, "192.0.2.2+", true), -ENODEV);
	assert_said("nothing", "no such interface");
	assert_int_equal(match(&place, "", true), 0);
}

/* Many at once, and all of them away again by a run that never saw them come. */
static void many(void **state)
{
	struct announce_place place = default_announce.place;
	struct prefix *prefix = calloc(3000, sizeof(*prefix));

	NEEDS_NAMESPACE();
	said_reset();
	for (int i = 0; i < 3000; i++) {
		__be32 addr[4] = { htonl(0x0a000001 + i) };

		if (i % 2) {
			addr[0] = htonl(0x20010db8);
			addr[3] = htonl(i);
		}
		prefix[i] = prefix_of(addr);
	}
	assert_int_equal(announce_match(&place, prefix, 3000, true), 3000);
	assert_int_equal(announce_match(&place, prefix, 3000, false), 0);
	assert_int_equal(announce_match(&place, prefix + 1, 2998, false), 2);
	assert_int_equal(announce_match(&place, NULL, 0, false), 2998);
	assert_int_equal(said_lines(), 0);
	free(prefix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),  cmocka_unit_test(keys),   cmocka_unit_test(wrong_keys),
		cmocka_unit_test(choices),   cmocka_unit_test(routes), cmocka_unit_test(moved),
		cmocka_unit_test(addresses), cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, namespace_make, NULL);
}
