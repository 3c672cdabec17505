// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/configuration.c, document.c, save*.c, difference*.c: what files say, each
 * mistake with its place, and that what is saved is read as the same.
 */
#include "../../loader/configuration.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/complete.h"
#include "../../loader/difference.h"
#include "../../loader/difference_json.h"
#include "../../loader/save.h"
#include "../../loader/save_json.h"
#include "../../loader/sets.h"
#include "file.h"
#include "unit.h"

static int read_bytes(const void *bytes, size_t length, struct configuration *configuration)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	said_reset();
	return configuration_read(file_path, configuration);
}

static int read_text(const char *text, struct configuration *configuration)
{
	return read_bytes(text, strlen(text), configuration);
}

static void assert_same(const struct configuration *a, const struct configuration *b)
{
	FILE *out = tmpfile();

	assert_int_equal(a->services, b->services);
	for (int i = 0; i < a->services; i++)
		assert_true(same_service(&a->service[i], &b->service[i]));
	assert_memory_equal(&a->settings, &b->settings, sizeof(a->settings));
	assert_int_equal(difference_print(out, a, b, true), 0);
	assert_int_equal(ftell(out), 0);
	fclose(out);
}

/* What is saved, one way or the other, is read as the same. */
static void assert_saved(const struct configuration *configuration)
{
	struct json_object *json = save_json(configuration);
	struct configuration again;
	char *save = NULL;
	size_t size;
	FILE *out = open_memstream(&save, &size);

	assert_int_equal(save_print(out, configuration), 0);
	fclose(out);
	if (read_text(save, &again))
		fail_msg("saved, but not read: %s", save);
	assert_same(configuration, &again);
	configuration_free(&again);
	if (read_text(json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE), &again))
		fail_msg("saved, but not read: %s", json_object_to_json_string(json));
	assert_same(configuration, &again);
	configuration_free(&again);
	json_object_put(json);
	free(save);
}

/* ---- what is right ------------------------------------------------------------------------- */

static void everything(void **state)
{
	static const char text[] =
		"settings:\n"
		"  echo: off\n"
		"  gue-port: 6081\n"
		"  icmp-rate: 0\n"
		"  registration-port: 7476\n"
		"  seed: 000000000000000100000000000000ff\n"
		"services:\n"
		"- service: 192.0.2.10:80\n"
		"  forward: nat\n"
		"  snat: [192.0.2.1, 192.0.2.2]\n"
		"  scheduler: wlc\n"
		"  affinity: client/24,60\n"
		"  slow-start: 30\n"
		"  timeout: {established: 100, closing: 5, udp: 7}\n"
		"  window: 50\n"
		"  backends:\n"
		"  - 10.0.0.1:8080,weight=2,state=drain,mac=02:00:00:00:00:01\n"
		"  - backend: 10.0.0.2\n"
		"    weight: 3\n"
		"    state: backup\n"
		"    mac: 02:00:00:00:00:02\n"
		"- {service: '[2001:db8::10]:53/udp', forward: dsr, scheduler: maglev,\n"
		"   table-size: 251, udp: stateless, backends: []}\n"
		"- service: 192.0.2.11:5000/udp\n"
		"  forward: local\n"
		"  udp: tracked\n"
		"  registration: user\n"
		"  registration-from: any\n"
		"  registration-key: 000102030405060708090a0b0c0d0e0F\n";
	struct configuration configuration;
	const struct wanted_service *one;

	(void)state;
	assert_int_equal(read_text(text, &configuration), 0);
	assert_int_equal(said_lines(), 0);
	assert_false(configuration.settings.echo);
	assert_int_equal(configuration.settings.gue_port, 6081);
	assert_int_equal(configuration.settings.icmp_rate, 0);
	assert_int_equal(configuration.settings.registration_port, 7476);
	assert_true(configuration.settings.seed[0] == 1 && configuration.settings.seed[1] == 255);
	assert_true(configuration.seed_given);
	assert_int_equal(configuration.services, 3);
	one = &configuration.service[0];
	assert_int_equal(one->forward, XDPLB_NAT);
	assert_int_equal(one->scheduler, XDPLB_WLC);
	assert_int_equal(one->snats, 2);
	assert_int_equal(one->affinity, 24);
	assert_int_equal(one->slow_start, 30);
	assert_int_equal(one->window, 50);
	assert_int_equal(one->timeout[XDPLB_TIMEOUT_ESTABLISHED], 100);
	assert_int_equal(one->timeout[XDPLB_TIMEOUT_CLOSING], 5);
	assert_int_equal(one->timeout[XDPLB_TIMEOUT_UDP], 7);
	assert_int_equal(one->timeout[XDPLB_TIMEOUT_AFFINITY], 60);
	assert_int_equal(one->backends, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(one->backend[i].weight, 2 + i);
		assert_int_equal(one->backend[i].port, htons(i ? 80 : 8080));
		assert_int_equal(one->backend[i].state, i ? XDPLB_BACKUP : XDPLB_DRAIN);
		assert_int_equal(one->backend[i].mac[5], 1 + i);
	}
	one = &configuration.service[1];
	assert_int_equal(one->table, 251);
	assert_int_equal(one->udp, WANTED_UDP_STATELESS);
	assert_int_equal(one->backends, 0);
	assert_int_equal(one->timeout[XDPLB_TIMEOUT_ESTABLISHED], 900);
	one = &configuration.service[2];
	assert_int_equal(one->registration.mode, XDPLB_REGISTRATION_USER);
	assert_true(one->registration.keyed && one->registration.anywhere);
	assert_int_equal(((const __u8 *)one->registration.key)[15], 15);
	assert_saved(&configuration);
	configuration_free(&configuration);
}

static void forms(void **state)
{
	static const char *const texts[] = {
		"services: []",
		"{\"services\": [], \"settings\": {\"echo\": \"on\"}}",
		"---\nservices: []\n...\n",
		"services:\n- &a {service: 192.0.2.1:1/udp, backends: [10.0.0.1]}\n"
		"- {service: 192.0.2.1:1/tcp, backends: [10.0.0.1]}\n",
		"settings: {}\nservices: [{service: '192.0.2.1:1'}]",
		"services: [{service: '192.0.2.1:1', registration-from: any,\n"
		"registration-key: 000102030405060708090a0b0c0d0e0f}]",
	};
	struct configuration configuration;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (read_text(texts[i], &configuration))
			fail_msg("not read: %s", texts[i]);
		assert_false(configuration.seed_given);
		assert_saved(&configuration);
		configuration_free(&configuration);
	}
}

/* ---- what is wrong ------------------------------------------------------------------------- */

#define SERVICE "services:\n- service: 192.0.2.10:80/tcp\n"
#define LOCAL "services:\n- service: 192.0.2.10:80/udp\n  forward: local\n"

static void mistakes(void **state)
{
	static const struct {
		const char *text, *place, *said;
	} cases[] = {
		{ "", "", "services: is missing; where none shall be: services: []" },
		{ "# nothing\n", "", "services: is missing" },
		{ "settings: {}\n", ":1:1: ", "services: is missing" },
		{ "- a\n", ":1:1: ", "a list is here: the file is a mapping" },
		{ "servcies: []\n", ":1:1: ", "servcies: no key of the file, which has: settings" },
		{ "settings: {ecco: on}\n", ":1:12: ", "ecco: no key of settings" },
		{ "settings: {echo: }\nservices: []\n", ":1:18: echo: ", "nothing is here" },
		{ "services:\n",
		  ":1:10: services: ", "a plain value is here: services are a list" },
		{ "services: {}\n", ":1:11: services: ", "a mapping is here: services are a list" },
		{ "services: [a]\n",
		  ":1:12: services: ", "service: is missing, as in service: 192.0.2.10" },
		{ "services: []\nservice: []\n",
		  ":2:1: ", "service: no key of the file, which has: settings, services" },
		{ "services: []\nservices: []\n", ":2:1: ", "services: given twice" },
		{ "services: [\n", ":2:1: ", "YAML is expected, as in xdplb.yaml(5)" },
		{ "services:\n\t- a\n", ":2:1: ", "found character that cannot start any token" },
		{ "services: []\n---\nservices: []\n", ":2:1: ", "a second document begins" },
		{ "services: *a\n", ":1:11: ", "found undefined alias" },
		{ "settings: []\nservices: []\n", ":1:11: settings: ", "settings is a mapping" },
		{ "settings: {echo: maybe}\nservices: []\n",
		  ":1:18: echo: ", "echo=maybe: on or off is expected" },
		{ "settings: {gue-port: 0}\nservices: []\n",
		  ":1:22: gue-port: ", "gue-port 0: a number from 1 to 65535 is expected" },
		{ "settings: {gue-port: [1]}\nservices: []\n",
		  ":1:22: gue-port: ", "a list is here: a plain value is expected" },
		{ "settings: {seed: 12}\nservices: []\n",
		  ":1:18: seed: ", "32 hexadecimal digits are expected" },
		{ "settings: {port: 12}\nservices: []\n", ":1:12: ",
		  "port: no key of settings, which has: echo, gue-port, icmp-rate, seed" },
		{ "services:\n- scheduler: rr\n", ":2:3: ", "service: is missing" },
		{ "services:\n- service: 192.0.2.10\n",
		  ":2:12: service: ", "a service has a port" },
		{ "services:\n- service: [2001:db8::1]:80\n", ":2:", "" },
		{ SERVICE "  schedulr: rr\n", ":3:3: ",
		  "schedulr: no key of a service, which has: service, scheduler, forward" },
		{ SERVICE "  scheduler: fast\n", ":3:14: scheduler: ", "fast" },
		{ SERVICE "  forward: teleport\n", ":3:12: forward: ", "teleport" },
		{ SERVICE "  snat: nowhere\n", ":3:9: snat: ", "nowhere" },
		{ SERVICE "  snat: [10.0.0.1, 10.0.0.300]\n", ":3:20: snat: ", "10.0.0.300" },
		{ SERVICE "  affinity: server\n",
		  ":3:13: affinity: ", "client[/PREFIX][,SECONDS]" },
		{ SERVICE "  slow-start: long\n", ":3:15: slow-start: ", "a number from 0" },
		{ SERVICE "  timeout: 30\n", ":3:12: timeout: ", "timeout is a mapping" },
		{ SERVICE "  timeout: {udp: 0}\n", ":3:18: udp: ", "a number from 1 to 32767" },
		{ SERVICE "  timeout: {tcp: 1}\n",
		  ":3:13: ", "tcp: no key of timeout, which has: established, closing, udp" },
		{ SERVICE "  table-size: 1000\n  scheduler: sh\n",
		  ":3:15: table-size: ", "a prime is expected" },
		{ SERVICE "  udp: each\n", ":3:8: udp: ", "192.0.2.10:80/tcp is no udp service" },
		{ SERVICE "  backends: 10.0.0.1\n",
		  ":3:13: backends: ", "a plain value is here: backends are a list" },
		{ SERVICE "  backends:\n  - 10.0.0.1:80,wight=2\n",
		  ":4:5: backends: ", "wight=2: a backend's options are weight=, state= and mac=" },
		{ SERVICE "  backends:\n  - weight: 2\n",
		  ":4:5: backends: ", "backend: is missing" },
		{ SERVICE "  backends:\n  - backend: 10.0.0.1,weight=2\n",
		  ":4:14: backend: ", "only ADDR[:PORT] is expected here" },
		{ SERVICE "  backends:\n  - backend: 10.0.0.1\n    weight: 70000\n",
		  ":5:13: weight: ", "a number from 1 to 65535 is expected" },
		{ SERVICE "  backends:\n  - backend: 10.0.0.1\n    weigth: 7\n",
		  ":5:5: ", "weigth: no key of a backend, which has: backend, weight, state, mac" },
		{ SERVICE "  backends: [10.0.0.1, 10.0.0.1]\n",
		  ":3:24: backends: ", "backend 10.0.0.1:80 is given twice" },
		{ SERVICE "  backends:\n  - 10.0.0.2\n  - backend: 10.0.0.1\n  - 10.0.0.1:80\n",
		  ":6:5: backends: ", "backend 10.0.0.1:80 is given twice" },
		{ SERVICE "  backends:\n  - 10.0.0.2\n  - backend: 'fd00::1'\n",
		  ":5:14: backends: ", "nat needs an IPv4 address here" },
		{ SERVICE "  backends: [10.0.0.1, 192.0.2.10]\n",
		  ":3:24: backends: ", "is the service itself" },
		{ SERVICE "  forward: dsr\n  backends: ['10.0.0.1:81']\n",
		  ":4:14: backends: ", "dsr changes no port" },
		{ SERVICE "  forward: dsr\n  snat: 10.0.0.1\n",
		  ":4:9: snat: ", "dsr keeps the client's address" },
		{ SERVICE "  table-size: 251\n", ":3:15: table-size: ", "wrr has no table" },
		{ "services:\n- service: 192.0.2.10:80/udp\n  udp: each\n",
		  ":3:8: udp: ", "forward local" },
		{ "services:\n- service: 127.0.0.1:80\n",
		  ":2:12: service: ", "not the address of a host on a network" },
		{ SERVICE "  registration: kernel\n",
		  ":3:17: registration: ", "only with --forward local" },
		{ LOCAL "  registration: kernel\n  registration-from: any\n",
		  ":5:22: registration-from: ", "without a key anybody" },
		{ LOCAL "  registration: kernel\n  registration-key: 00\n",
		  ":5:21: registration-key: ", "32 hexadecimal digits are expected" },
		{ LOCAL "  registration-key-file: /nowhere\n",
		  ":4:26: registration-key-file: ", "No such file" },
		{ SERVICE "- service: 192.0.2.10:80\n",
		  ":3:12: service: ", "service 192.0.2.10:80/tcp is given twice: once is right" },
		{ LOCAL "  registration: kernel\n- service: 192.0.2.10:7475/udp\n",
		  ":5:12: service: ",
		  "service 192.0.2.10:7475/udp: registrations with 192.0.2.10:80/udp come there" },
	};
	struct configuration configuration;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char place[512];

		if (!read_text(cases[i].text, &configuration))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(said_lines(), 1);
		snprintf(place, sizeof(place), "%s%s", file_path, cases[i].place);
		assert_said(cases[i].text, place);
		assert_said(cases[i].text, cases[i].said);
	}
}

static void not_text(void **state)
{
	struct configuration configuration;

	(void)state;
	assert_true(read_bytes("services: []\0", 13, &configuration) < 0);
	assert_true(read_bytes("services: ['\xff']", 15, &configuration) < 0);
	assert_said("bytes", ":1:13: invalid leading UTF-8 octet; UTF-8 text is expected");
	assert_int_equal(configuration_read("/nowhere/xdplb.yaml", &configuration), -ENOENT);
	assert_true(configuration_read("/", &configuration) < 0);
}

/* ---- what is saved ------------------------------------------------------------------------- */

static const char *pick(const char *const *words, size_t count)
{
	return words[random_from(0, count - 1)];
}

/* Adds a service, if what was drawn goes together. */
static bool service_random(char *text, size_t size, int number)
{
	static const char *const schedulers[] = { "rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c" };
	static const char *const forwards[] = { "nat", "dnat", "dsr", "ipip", "gue" };
	static const char *const states[] = { "up", "drain", "down", "backup" };
	bool ipv6 = random_64() % 2;
	size_t length;

	length = snprintf(text, size, "- {service: '%s%x%s:80/%s', scheduler: %s, forward: %s, ",
			  ipv6 ? "[2001:db8::" : "192.0.2.", number, ipv6 ? "]" : "",
			  random_64() % 2 ? "tcp" : "udp", pick(schedulers, COUNT(schedulers)),
			  pick(forwards, COUNT(forwards)));
	if (random_64() % 2)
		length += snprintf(text + length, size - length, "affinity: 'client/%u,%u', ",
				   random_from(1, 32), random_from(1, 999));
	if (random_64() % 2)
		length += snprintf(text + length, size - length, "slow-start: %u, window: %u, ",
				   random_from(0, 99), random_from(1, 999));
	if (random_64() % 2)
		length +=
			snprintf(text + length, size - length, "timeout: {udp: %u, closing: %u}, ",
				 random_from(1, 99), random_from(1, 999));
	length += snprintf(text + length, size - length, "backends: [");
	for (int i = random_from(0, 5); i; i--)
		length += snprintf(text + length, size - length,
				   "{backend: '%s%x%s', weight: %u, state: %s}, ",
				   ipv6 ? "[fd00::" : "10.0.0.", i, ipv6 ? "]" : "",
				   random_from(1, 9), pick(states, COUNT(states)));
	length += snprintf(text + length, size - length, "]}\n");
	return length < size;
}

/* Of any that is read. */
static void saved(void **state)
{
	static char text[65536];
	int read = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct configuration configuration;
		size_t length = snprintf(text, sizeof(text), "services:\n");

		for (int n = random_from(0, 4); n; n--) {
			assert_true(service_random(text + length, sizeof(text) - length, n));
			length += strlen(text + length);
		}
		if (!strcmp(text, "services:\n"))
			strcpy(text, "services: []\n");
		if (read_text(text, &configuration))
			continue;
		read++;
		assert_saved(&configuration);
		configuration_free(&configuration);
	}
	assert_true(read > 100);
}

/* ---- what would change --------------------------------------------------------------------- */

static const char before[] = "settings: {echo: off, seed: 000000000000000100000000000000ff}\n"
			     "services:\n"
			     "- {service: 192.0.2.1:80/tcp, backends: [10.0.0.1, 10.0.0.2, "
			     "10.0.0.3]}\n"
			     "- {service: 192.0.2.2:80/tcp, backends: [10.0.0.1, 10.0.0.2]}\n"
			     "- {service: 192.0.2.3:80/tcp}\n";
static const char after[] = "services:\n"
			    "- {service: '[2001:db8::4]:80/tcp', scheduler: rr, backends: "
			    "['fd00::1']}\n"
			    "- {service: 192.0.2.2:80/tcp, backends: [10.0.0.2, 10.0.0.1]}\n"
			    "- {service: 192.0.2.1:80/tcp, scheduler: lc, slow-start: 5, "
			    "backends: ['10.0.0.1:80,weight=2', 10.0.0.3, 10.0.0.4]}\n";

static void differences(void **state)
{
	static const char wanted[] = "  settings:\n"
				     "-   echo: off\n"
				     "  - service: 192.0.2.1:80/tcp\n"
				     "-   scheduler: wrr\n"
				     "+   scheduler: lc\n"
				     "+   slow-start: 5\n"
				     "-     - 10.0.0.1:80\n"
				     "+     - 10.0.0.1:80,weight=2\n"
				     "-     - 10.0.0.2:80\n"
				     "+     - 10.0.0.4:80\n"
				     "  - service: 192.0.2.2:80/tcp\n"
				     "+     # the backends in another order\n"
				     "- - service: 192.0.2.3:80/tcp\n"
				     "-   scheduler: wrr\n"
				     "-   forward: nat\n"
				     "+ - service: \"[2001:db8::4]:80/tcp\"\n"
				     "+   scheduler: rr\n"
				     "+   forward: nat\n"
				     "+     - \"[fd00::1]:80\"\n";
	struct configuration old, new;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(read_text(before, &old), 0);
	assert_int_equal(read_text(after, &new), 0);
	assert_int_equal(difference_print(out, &old, &new, false), 0);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
	configuration_free(&old);
	configuration_free(&new);
}

static void json_is(const char *old, const char *new, const char *wanted)
{
	struct configuration before, after;
	struct json_object *difference;

	assert_int_equal(read_text(old, &before), 0);
	assert_int_equal(read_text(new, &after), 0);
	difference = difference_json(&before, &after);
	assert_string_equal(
		json_object_to_json_string_ext(difference, JSON_C_TO_STRING_NOSLASHESCAPE), wanted);
	json_object_put(difference);
	configuration_free(&before);
	configuration_free(&after);
}

static void differences_json(void **state)
{
	(void)state;
	json_is(before, after,
		"{\"settings\":{\"echo\":{\"before\":false,\"after\":true}},\"services\":["
		"{\"service\":\"192.0.2.1:80/tcp\",\"change\":\"change\",\"options\":{"
		"\"scheduler\":{\"before\":\"wrr\",\"after\":\"lc\"},"
		"\"slow_start\":{\"before\":null,\"after\":5}},\"backends\":["
		"{\"address\":\"10.0.0.1\",\"port\":80,\"before\":{\"weight\":1,\"state\":\"up\"},"
		"\"after\":{\"weight\":2,\"state\":\"up\"}},"
		"{\"address\":\"10.0.0.2\",\"port\":80,\"before\":{\"weight\":1,\"state\":\"up\"},"
		"\"after\":null},"
		"{\"address\":\"10.0.0.4\",\"port\":80,\"before\":null,"
		"\"after\":{\"weight\":1,\"state\":\"up\"}}],\"reordered\":false},"
		"{\"service\":\"192.0.2.2:80/tcp\",\"change\":\"change\",\"options\":{},"
		"\"backends\":[],\"reordered\":true},"
		"{\"service\":\"192.0.2.3:80/tcp\",\"change\":\"remove\",\"options\":{"
		"\"scheduler\":{\"before\":\"wrr\",\"after\":null},"
		"\"forward\":{\"before\":\"nat\",\"after\":null}},"
		"\"backends\":[],\"reordered\":false},"
		"{\"service\":\"[2001:db8::4]:80/tcp\",\"change\":\"add\",\"options\":{"
		"\"scheduler\":{\"before\":null,\"after\":\"rr\"},"
		"\"forward\":{\"before\":null,\"after\":\"nat\"}},\"backends\":["
		"{\"address\":\"fd00::1\",\"port\":80,\"before\":null,"
		"\"after\":{\"weight\":1,\"state\":\"up\"}}],\"reordered\":false}]}");
	json_is(before, before, "{\"settings\":{},\"services\":[]}");
	/* What list does not show, and a table's size that is to be automatic. */
	json_is("services: [{service: 192.0.2.1:80/udp, forward: dsr, scheduler: sh, table-size: "
		"251}]",
		"services: [{service: 192.0.2.1:80/udp, forward: dsr, scheduler: sh, udp: "
		"tracked}]",
		"{\"settings\":{},\"services\":[{\"service\":\"192.0.2.1:80/udp\","
		"\"change\":\"change\",\"options\":{\"table_size\":{\"before\":251,\"after\":null},"
		"\"udp\":{\"before\":null,\"after\":\"tracked\"}},\"backends\":[],"
		"\"reordered\":false}]}");
}

/* Nobody's key is printed. */
static void secrets(void **state)
{
	static const char format[] =
		"services: [{service: 192.0.2.1:80, forward: local, registration: "
		"kernel, registration-key: 000000000000000000000000deadbe%s}]\n";
	char other[256];
	struct configuration old, new;
	char line[256], *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	snprintf(line, sizeof(line), format, "ef");
	assert_int_equal(read_text(line, &old), 0);
	snprintf(line, sizeof(line), format, "ee");
	assert_int_equal(read_text(line, &new), 0);
	snprintf(other, sizeof(other), format, "ef");
	json_is(other, line,
		"{\"settings\":{},\"services\":[{\"service\":\"192.0.2.1:80/tcp\","
		"\"change\":\"change\",\"options\":{\"registration_key\":{\"before\":true,"
		"\"after\":true}},\"backends\":[],\"reordered\":false}]}");
	assert_int_equal(difference_print(out, &old, &new, true), 0);
	fclose(out);
	assert_null(strstr(text, "dead"));
	assert_non_null(strstr(text, "\033[32m+   registration-key: (not shown)\033[0m\n"));
	free(text);
	configuration_free(&old);
	configuration_free(&new);
}

/* Where xdplbd serves its page: for this machine alone unless said otherwise. */
static void http(void **state)
{
	static const struct {
		const char *word;
		__u32 addr; /* host order */
		__u16 port; /* 0: it is off */
		bool both;
	} right[] = {
		{ NULL, 0x7f000001, 9475, false },	   { "off", 0, 0, false },
		{ "192.0.2.1:80", 0xc0000201, 80, false }, { "0.0.0.0:9000", 0, 9000, false },
		{ "'[::]:9000'", 0, 9000, true },
	};
	static const char *const wrong[][2] = {
		{ "on", "on: " },
		{ "9475", "9475: " },
		{ "127.0.0.1", "a port is expected too, as in 127.0.0.1:9475; or off" },
		{ "'[::]'", "a port is expected" },
		{ "224.0.0.1:80", "224.0.0.1: " },
		{ "127.0.0.1:0", "port" },
	};
	struct configuration configuration;
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		const struct listen_place *place = &configuration.daemon.http;

		snprintf(text, sizeof(text), "services: []\n%s%s\n",
			 right[i].word ? "daemon:\n  http: " : "",
			 right[i].word ? right[i].word : "");
		assert_int_equal(read_text(text, &configuration), 0);
		assert_int_equal(place->on, right[i].port != 0);
		assert_int_equal(ntohl(place->addr[0]), right[i].addr);
		assert_int_equal(ntohs(place->port), right[i].port);
		assert_int_equal(place->both, right[i].both);
		configuration_free(&configuration);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(text, sizeof(text), "services: []\ndaemon:\n  http: %s\n", wrong[i][0]);
		assert_int_equal(read_text(text, &configuration), -EINVAL);
		assert_said(text, wrong[i][1]);
		assert_said(text, "http");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(forms),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(not_text),
		cmocka_unit_test(saved),
		cmocka_unit_test(differences),
		cmocka_unit_test(differences_json),
		cmocka_unit_test(secrets),
		cmocka_unit_test(http),
	};

	return cmocka_run_group_tests(tests, file_begin, file_end);
}
