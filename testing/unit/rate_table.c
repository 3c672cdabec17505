// SPDX-License-Identifier: GPL-2.0-only
/* loader/rate_table.c: lines that fit, whatever the width. */
#include "../../loader/rate_table.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static void assert_rate(double rate, const char *right)
{
	char text[RATE_TEXT];

	assert_string_equal(rate_text(true, rate, text), right);
}

static void rates(void **state)
{
	char text[RATE_TEXT];

	(void)state;
	assert_rate(0, "0");
	assert_rate(0.4, "0");
	assert_rate(0.5, "1");
	assert_rate(999.4, "999");
	assert_rate(999.5, "1.00k");
	assert_rate(1000, "1.00k");
	assert_rate(9994, "9.99k");
	assert_rate(9995, "10.0k");
	assert_rate(99949, "99.9k");
	assert_rate(99950, "100k");
	assert_rate(999499, "999k");
	assert_rate(999500, "1.00M");
	assert_rate(45.6e6, "45.6M");
	assert_rate(123e9, "123G");
	assert_rate(4e12, "4.00T");
	assert_rate(4e15, "4.00P");
	assert_rate(18446744073709551615.0, "18.4E");
	assert_string_equal(rate_text(false, 5, text), "-");
	for (double rate = 0.1; rate < 1e20; rate *= 1.003)
		assert_true(strlen(rate_text(true, rate, text)) <= 5);
}

/* Columns that a line takes: bytes that continue a character take none. */
static int columns_of(const char *line)
{
	int columns = 0;

	for (; *line; line++)
		columns += (*line & 0xc0) != 0x80;
	return columns;
}

static void shapes(void **state)
{
	struct table_shape shape;

	(void)state;
	shape = table_shape(80, 21);
	assert_int_equal(shape.name, 21);
	assert_int_equal(shape.columns, 5);
	assert_int_equal(shape.bars, 14);
	shape = table_shape(40, 21);
	assert_int_equal(shape.name, 20);
	assert_int_equal(shape.columns, 2);
	assert_int_equal(shape.bars, 0);
	shape = table_shape(80, 52);
	assert_int_equal(shape.name, 32);
	shape = table_shape(200, 21);
	assert_int_equal(shape.columns, 6);
	assert_int_equal(shape.bars, HISTORY);
	assert_int_equal(table_shape(10, 21).name, 10);
	assert_int_equal(table_shape(10, 21).columns, 0);
}

static const struct rates some = { .known = true,
				   .packets = 1234,
				   .bits = 5678901,
				   .new_flows = 12,
				   .replies = 999,
				   .reply_bits = 1e9 };

static struct history full_history(void)
{
	struct history history;

	for (int i = 0; i < HISTORY; i++)
		history.packets[i] = i;
	return history;
}

static void lines(void **state)
{
	struct table_shape shape = table_shape(80, 21);
	const struct rates none = {};
	struct history history = full_history();
	char line[TABLE_LINE];

	(void)state;
	assert_string_equal(
		table_head(&shape, line),
		"                      packets/s  bits/s  new/s  active replies/s  last minute");
	assert_string_equal(table_row(&shape, "192.0.2.10:80/tcp", &some, 42, &history, false,
				      line),
			    "192.0.2.10:80/tcp         1.23k   5.68M     12      42       999  "
			    "..::--==++**##");
	assert_string_equal(table_row(&shape, "  10.0.0.1:8080", &none, 42, NULL, false, line),
			    "  10.0.0.1:8080               -       -      -      42         -");
	shape = table_shape(40, 52);
	assert_string_equal(table_row(&shape, "[2001:db8:1:2:3:4:5:6]:65535/udp", &some, 42,
				      &history, true, line),
			    "~:3:4:5:6]:65535/udp     1.23k   5.68M");
}

/* Of no width a line is wider, or written beyond its room (the sanitizer's to see). */
static void every_width(void **state)
{
	static const char name[] = "  [2001:db8:1111:2222:3333:4444:5555:6666]:65535";
	struct history history = full_history();
	char line[TABLE_LINE];

	(void)state;
	for (int width = 0; width <= 2 * TABLE_WIDTH; width++) {
		int most = width < TABLE_WIDTH ? width : TABLE_WIDTH;
		int before = width ? table_shape(width - 1, 50).columns : 0;
		struct table_shape shape = table_shape(width, 50);

		assert_true(shape.columns >= before);
		assert_true(columns_of(table_head(&shape, line)) <= most);
		for (int utf8 = 0; utf8 <= 1; utf8++) {
			table_row(&shape, name, &some, 7, &history, utf8, line);
			assert_true(columns_of(line) <= most);
			if (shape.bars)
				assert_string_equal(line + strlen(line) - (utf8 ? 3 : 1),
						    utf8 ? "█" : "#");
		}
	}
}

/* Three services: of two backends, of none, of one. */
static struct service_counts services[3] = {
	{ .id = 1, .at = { .proto = IPPROTO_TCP }, .forward = XDPLB_NAT, .backends = 2 },
	{ .id = 2, .at = { .proto = IPPROTO_UDP }, .forward = XDPLB_NAT, .first = 2 },
	{ .id = 3,
	  .at = { .proto = IPPROTO_UDP },
	  .forward = XDPLB_LOCAL,
	  .first = 2,
	  .backends = 1 },
};
static struct backend_counts backends[3];

static struct sample sample_some(void)
{
	struct sample sample = { .counts = { .service = services,
					     .services = 3,
					     .backend = backends,
					     .backends = 3 },
				 .seconds = 1,
				 .total = some,
				 .active = 12345 };

	for (int i = 0; i < 3; i++) {
		services[i].at.addr[0] = htonl(0xc0000201);
		services[i].at.port = htons(80 + i);
		backends[i].addr[0] = htonl(0x0a000001 + i);
		backends[i].port = htons(8080);
	}
	return sample;
}

static void rows(void **state)
{
	static const char *const right[] = { "192.0.2.1:80/tcp", "  10.0.0.1:8080",
					     "  10.0.0.2:8080",	 "192.0.2.1:81/udp",
					     "192.0.2.1:82/udp", "  :8080" };
	struct sample sample = sample_some();
	char name[TABLE_NAME];

	(void)state;
	assert_int_equal(table_rows(&sample), COUNT(right));
	for (__u32 row = 0; row < COUNT(right); row++) {
		struct table_place place = table_place(&sample, row);

		assert_string_equal(table_name(&sample, &place, name), right[row]);
	}
	assert_int_equal(table_longest(&sample), 16);
	sample.counts.services = sample.counts.backends = 0;
	assert_int_equal(table_rows(&sample), 0);
	assert_int_equal(table_longest(&sample), 0);
}

static void assert_title(int width, const char *right)
{
	struct sample sample = sample_some();
	char line[TABLE_LINE];

	assert_string_equal(table_title(width, "12:34:56", &sample, line), right);
}

static void titles(void **state)
{
	(void)state;
	assert_title(90, "xdplb 12:34:56  3 services  packets/s 1.23k  bits/s 5.68M  new/s 12  "
			 "active 12.3k");
	assert_title(60, "xdplb 12:34:56  3 services  packets/s 1.23k  bits/s 5.68M");
	assert_title(40, "xdplb 12:34:56  3 services");
	assert_title(20, "xdplb 12:34:56");
	assert_title(7, "xdplb 1");
	assert_title(0, "");
}

static void drops(void **state)
{
	struct sample sample = sample_some();
	char line[TABLE_LINE];

	(void)state;
	assert_string_equal(table_drops(80, &sample, line), "drops/s: none");
	sample.seconds = 0;
	assert_string_equal(table_drops(80, &sample, line), "drops/s: -");
	sample.seconds = 1;
	sample.reason[XDPLB_DROP_TTL] = 3;
	sample.reason[XDPLB_DROP_NO_BACKEND] = 0.2;
	sample.reason[XDPLB_DROP_FRAGMENT] = 4000;
	assert_string_equal(table_drops(80, &sample, line),
			    "drops/s: fragment 4.00k ttl 3 no_backend 0");
	assert_string_equal(table_drops(40, &sample, line), "drops/s: fragment 4.00k ttl 3 ...");
	assert_string_equal(table_drops(30, &sample, line), "drops/s: fragment 4.00k ttl 3");
	assert_string_equal(table_drops(4, &sample, line), "drop");
	sample.verdict[XDP_TX] = 1500;
	assert_string_equal(table_verdicts(80, &sample, line),
			    "verdicts/s: tx 1.50k redirect 0 pass 0 drop 0");
	assert_string_equal(table_verdicts(40, &sample, line),
			    "verdicts/s: tx 1.50k redirect 0 pass 0");
}

static void feet(void **state)
{
	char line[TABLE_LINE];

	(void)state;
	assert_string_equal(table_foot(80, 0, 10, 10, line), "q leaves");
	assert_string_equal(table_foot(80, 2, 5, 37, line),
			    "rows 3 to 7 of 37; q leaves; arrow and page keys move");
	assert_string_equal(table_foot(40, 2, 5, 37, line), "rows 3 to 7 of 37; q leaves");
	assert_string_equal(table_foot(20, 2, 5, 37, line), "rows 3 to 7 of 37; ");
	assert_string_equal(table_foot(80, 5, 5, 7, line),
			    "rows 6 to 7 of 7; q leaves; arrow and page keys move");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),       cmocka_unit_test(shapes), cmocka_unit_test(lines),
		cmocka_unit_test(every_width), cmocka_unit_test(rows),	 cmocka_unit_test(titles),
		cmocka_unit_test(drops),       cmocka_unit_test(feet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
