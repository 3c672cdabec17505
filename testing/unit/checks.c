// SPDX-License-Identifier: GPL-2.0-only
/* loader/read_health.c, read_check.c: what files say of checks, each mistake with its place. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/check_words.h"
#include "../../loader/configuration.h"
#include "../../loader/sets.h"
#include "file.h"
#include "unit.h"

/* A file with one service, which has these lines, and two backends, the second with `own`. */
static int read_lines(const char *lines, const char *own, struct configuration *configuration)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	fprintf(file, "services:\n- service: 192.0.2.10:80\n%s  backends:\n", lines);
	fprintf(file, "  - 10.0.0.1\n  - backend: 10.0.0.2\n%s", own);
	assert_int_equal(fclose(file), 0);
	said_reset();
	return configuration_read(file_path, configuration);
}

static const struct health_options *health_of(const struct configuration *configuration)
{
	return configuration->service[0].health;
}

/* ---- what is right -----------------------------------------------------------------------------
 */

static void usual(void **state)
{
	struct configuration configuration;
	const struct health_options *health;

	(void)state;
	assert_int_equal(read_lines("", "", &configuration), 0);
	health = health_of(&configuration);
	assert_int_equal(health->check.type, CHECK_OFF);
	assert_int_equal(health->on_fail, XDPLB_DOWN);
	assert_int_equal(health->min_up.number, 1);
	assert_false(health->min_up.percent || health->agent.on || health->passive.on);
	assert_int_equal(health->damping.flaps, 5);
	assert_null(configuration.service[0].backend[0].check);
	configuration_free(&configuration);
	assert_int_equal(read_lines("  check: http\n", "", &configuration), 0);
	health = health_of(&configuration);
	assert_int_equal(health->check.type, CHECK_HTTP);
	assert_int_equal(health->check.interval, 2000);
	assert_int_equal(health->check.timeout, 1000);
	assert_int_equal(health->check.rise, 2);
	assert_int_equal(health->check.fall, 3);
	assert_int_equal(health->check.jitter, 10);
	assert_true(health->check.verify);
	assert_false(health->check.direct);
	configuration_free(&configuration);
}

static void every_key(void **state)
{
	struct configuration configuration;
	const struct health_options *health;

	(void)state;
	assert_int_equal(
		read_lines("  on-fail: drain\n"
			   "  min-up: 50%\n"
			   "  fallback: 10.0.0.9\n"
			   "  damping: {flaps: 2, within: 30, hold: 1.5s}\n"
			   "  agent: {port: 9000, path: /load, interval: 500ms, timeout: 0.2,\n"
			   "          smooth: 80, least: 5%, step: 20}\n"
			   "  passive: {act: fail, share: 70, flows: 9, limit: 25%}\n"
			   "  check: {interval: 0.5, timeout: 250ms, rise: 4, fall: 5, jitter: 0,\n"
			   "          port: 8443, through: direct, path: /a?b, host: h.test:1, "
			   "sni: s.test,\n"
			   "          status: [200, 300-302], body: well, verify: off, ca: /c, "
			   "type: https}\n",
			   "", &configuration),
		0);
	health = health_of(&configuration);
	assert_int_equal(health->on_fail, XDPLB_DRAIN);
	assert_int_equal(amount_of(health->min_up, 3), 2);
	assert_true(health->fallback);
	assert_int_equal(configuration.service[0].backends, 3);
	assert_int_equal(configuration.service[0].backend[2].state, XDPLB_BACKUP);
	assert_int_equal(health->damping.flaps, 2);
	assert_int_equal(health->damping.within, 30000);
	assert_int_equal(health->damping.hold, 1500);
	assert_true(health->agent.on);
	assert_int_equal(health->agent.port, htons(9000));
	assert_string_equal(health->agent.path, "/load");
	assert_int_equal(health->agent.interval, 500);
	assert_int_equal(health->agent.timeout, 200);
	assert_int_equal(health->agent.smooth, 80);
	assert_int_equal(health->agent.least, 5);
	assert_int_equal(health->agent.step, 20);
	assert_true(health->passive.on && health->passive.acts);
	assert_int_equal(health->passive.share, 70);
	assert_int_equal(health->passive.flows, 9);
	assert_int_equal(amount_of(health->passive.limit, 8), 2);
	assert_int_equal(health->check.type, CHECK_HTTPS);
	assert_int_equal(health->check.interval, 500);
	assert_int_equal(health->check.timeout, 250);
	assert_int_equal(health->check.rise, 4);
	assert_int_equal(health->check.fall, 5);
	assert_int_equal(health->check.jitter, 0);
	assert_int_equal(health->check.port, htons(8443));
	assert_true(health->check.direct);
	assert_false(health->check.verify);
	assert_int_equal(health->check.statuses, 2);
	assert_int_equal(health->check.status[1].from, 300);
	assert_int_equal(health->check.status[1].to, 302);
	assert_string_equal(health->check.path, "/a?b");
	assert_string_equal(health->check.host, "h.test:1");
	assert_string_equal(health->check.sni, "s.test");
	assert_string_equal(health->check.ca, "/c");
	assert_string_equal(health->check.body, "well");
	configuration_free(&configuration);
}

/* A backend's own check begins with the service's; of another type, with that type's usual values.
 */
static void of_its_own(void **state)
{
	static const char service[] = "  check: {type: http, path: /a, interval: 7, fall: 9}\n";
	struct configuration configuration;
	const struct check_options *own;

	(void)state;
	assert_int_equal(read_lines(service, "    check: {path: /b}\n", &configuration), 0);
	own = configuration.service[0].backend[1].check;
	assert_string_equal(own->path, "/b");
	assert_int_equal(own->interval, 7000);
	assert_string_equal(health_of(&configuration)->check.path, "/a");
	configuration_free(&configuration);
	assert_int_equal(read_lines(service, "    check: tcp\n", &configuration), 0);
	own = configuration.service[0].backend[1].check;
	assert_int_equal(own->type, CHECK_TCP);
	assert_null(own->path);
	assert_int_equal(own->fall, 9);
	configuration_free(&configuration);
	assert_int_equal(read_lines(service, "    check: off\n", &configuration), 0);
	assert_int_equal(configuration.service[0].backend[1].check->type, CHECK_OFF);
	configuration_free(&configuration);
}

static void durations(void **state)
{
	__u32 duration;

	(void)state;
	assert_int_equal(parse_duration("2", 1, 100000, &duration), 0);
	assert_int_equal(duration, 2000);
	assert_int_equal(parse_duration("0.0015s", 1, 100000, &duration), 0);
	assert_int_equal(duration, 2);
	assert_int_equal(parse_duration("29ms", 1, 100000, &duration), 0);
	assert_int_equal(duration, 29);
	for (size_t i = 0; i < 12; i++) {
		static const char *const wrong[] = { "",    "s",   "-1",  "1m",	 "0x10", "inf",
						     "nan", "1e9", "101", "0ms", "1 s",	 "+1" };

		said_reset();
		assert_int_equal(parse_duration(wrong[i], 1, 100000, &duration), -EINVAL);
		assert_said(wrong[i], "are expected, from 0.001 to 100");
	}
}

/* ---- what is wrong -----------------------------------------------------------------------------
 */

static void mistakes(void **state)
{
	static const struct {
		const char *lines, *part;
	} wrong[] = {
		{ "  check: ping\n", ":3:10: type: ping: off, tcp, http" },
		{ "  check: {interval: 2}\n", ":3:10: check: type: is missing" },
		{ "  check: {type: tcp, path: /}\n",
		  ":3:28: path: a check of type tcp has no such key" },
		{ "  check: {type: http, path: x}\n", ":3:29: path: x: a path begins with /" },
		{ "  check: {type: http, path: /a b}\n", "a blank or control character" },
		{ "  check: {type: http, host: \"a\\r\\nX: y\"}\n",
		  "a blank or control character" },
		{ "  check: {type: http, port: 0}\n", "port" },
		{ "  check: {type: http, status: 99}\n", "99: a status such as 200" },
		{ "  check: {type: http, status: 2000}\n", "2000: a status such as 200" },
		{ "  check: {type: http, status: 300-200}\n", "a status such as" },
		{ "  check: {type: http, status: [1xx]}\n", "a status such as" },
		{ "  check: {type: http, status: [200,201,202,203,204,205,206,207,208]}\n",
		  "at most 8" },
		{ "  check: {type: http, body: \"\"}\n", "it is empty" },
		{ "  check: {type: http, verify: off}\n", "type http has no such key" },
		{ "  check: {type: https, verify: maybe}\n", "maybe: off or on is expected" },
		{ "  check: {type: dns, query: a..b}\n", "a..b: a name such as" },
		{ "  check: {type: dns, query-type: ANY}\n", "ANY: A, AAAA" },
		{ "  check: {type: udp}\n", "send: is missing" },
		{ "  check: {type: command}\n", "command: is missing" },
		{ "  check: {type: tcp, rise: 0}\n", "rise" },
		{ "  check: {type: tcp, interval: 1ms}\n", "from 0.01 to 86400" },
		{ "  check: {type: tcp, nonsense: 1}\n", "no key of a check" },
		{ "  on-fail: up\n", "up: down or drain is expected" },
		{ "  min-up: 101%\n", "101" },
		{ "  min-up: many\n", "many" },
		{ "  fallback: nowhere\n", "nowhere" },
		{ "  damping: {flaps: 16}\n", "16" },
		{ "  damping: on\n", "on: off, or a mapping" },
		{ "  agent: {interval: 1}\n", "port: is missing" },
		{ "  agent: {port: 1, path: load}\n", "a path begins with /" },
		{ "  passive: {act: kill}\n", "kill: warn or fail is expected" },
	};
	struct configuration configuration;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_not_equal(read_lines(wrong[i].lines, "", &configuration), 0);
		assert_said(wrong[i].lines, wrong[i].part);
	}
	assert_int_not_equal(read_lines("", "    check: {path: /}\n", &configuration), 0);
	assert_said("a backend's own", "type: is missing");
}

/* Each key with what no key takes, and with nothing: refused, with a place. */
static void strange_values(void **state)
{
	static const char *const keys[] = {
		"  check: %s\n",
		"  on-fail: %s\n",
		"  min-up: %s\n",
		"  fallback: %s\n",
		"  agent: %s\n",
		"  passive: %s\n",
		"  damping: %s\n",
		"  check: {type: %s}\n",
		"  check: {type: tcp, interval: %s}\n",
		"  check: {type: tcp, timeout: %s}\n",
		"  check: {type: tcp, rise: %s}\n",
		"  check: {type: tcp, fall: %s}\n",
		"  check: {type: tcp, jitter: %s}\n",
		"  check: {type: tcp, port: %s}\n",
		"  check: {type: tcp, through: %s}\n",
		"  check: {type: tcp, send: %s}\n",
		"  check: {type: tcp, expect: %s}\n",
		"  check: {type: https, path: %s}\n",
		"  check: {type: https, host: %s}\n",
		"  check: {type: https, status: %s}\n",
		"  check: {type: https, status: [%s]}\n",
		"  check: {type: https, body: %s}\n",
		"  check: {type: https, sni: %s}\n",
		"  check: {type: https, verify: %s}\n",
		"  check: {type: https, ca: %s}\n",
		"  check: {type: dns, query: %s}\n",
		"  check: {type: dns, query-type: %s}\n",
		"  check: {type: command, command: %s}\n",
		"  agent: {port: %s}\n",
		"  agent: {port: 1, path: %s}\n",
		"  agent: {port: 1, send: %s}\n",
		"  agent: {port: 1, interval: %s}\n",
		"  agent: {port: 1, timeout: %s}\n",
		"  agent: {port: 1, smooth: %s}\n",
		"  agent: {port: 1, least: %s}\n",
		"  agent: {port: 1, step: %s}\n",
		"  passive: {act: %s}\n",
		"  passive: {share: %s}\n",
		"  passive: {flows: %s}\n",
		"  passive: {limit: %s}\n",
		"  damping: {flaps: %s}\n",
		"  damping: {within: %s}\n",
		"  damping: {hold: %s}\n",
	};
	static const char *const values[] = { "", "\"a\\0b\"", "[[]]", "{a: b}" };
	struct configuration configuration;
	char line[64];

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		for (size_t j = 0; j < COUNT(values); j++) {
			snprintf(line, sizeof(line), keys[i], values[j]);
			if (!read_lines(line, "", &configuration))
				fail_msg("accepted: %s", line);
			assert_said(line, ":3:");
		}
}

/* What has no room where it is sent from is refused, and what just has it is not. */
static void long_texts(void **state)
{
	static const struct {
		const char *lines;
		int most;
	} texts[] = {
		{ "  check: {type: udp, send: %.*s}\n", CHECK_SEND },
		{ "  check: {type: tcp, send: %.*s}\n", CHECK_SEND },
		{ "  agent: {port: 1, send: %.*s}\n", CHECK_SEND },
		{ "  agent: {port: 1, path: /%.*s}\n", CHECK_PATH - 1 },
		{ "  check: {type: http, path: /%.*s}\n", CHECK_PATH - 1 },
		{ "  check: {type: http, host: %.*s}\n", CHECK_HOST },
		{ "  check: {type: tls, sni: %.*s}\n", CHECK_HOST },
	};
	struct configuration configuration;
	char text[1024], lines[sizeof(text) + 64];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(lines, sizeof(lines), texts[i].lines, texts[i].most, text);
		assert_int_equal(read_lines(lines, "", &configuration), 0);
		configuration_free(&configuration);
		snprintf(lines, sizeof(lines), texts[i].lines, texts[i].most + 1, text);
		assert_int_not_equal(read_lines(lines, "", &configuration), 0);
		assert_said(lines, "bytes: at most");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual),      cmocka_unit_test(every_key),
		cmocka_unit_test(of_its_own), cmocka_unit_test(durations),
		cmocka_unit_test(mistakes),   cmocka_unit_test(strange_values),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests(tests, file_begin, file_end);
}
