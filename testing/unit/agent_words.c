// SPDX-License-Identifier: GPL-2.0-only
/* loader/daemon/agent_words.c: what an agent says, and the weight it makes. */
#include "../../loader/daemon/agent_words.h"

#include <string.h>

#include "unit.h"
#include "../../xdp/xdplb.h"

static bool reads(const char *line, struct agent_words *words)
{
	return agent_read((const unsigned char *)line, strlen(line), words);
}

static void assert_reads(const char *line, int percent, int wanted)
{
	struct agent_words words;

	assert_true(reads(line, &words));
	assert_int_equal(words.percent_given ? (int)words.percent : -1, percent);
	assert_int_equal(words.state_given ? words.state : 0, wanted);
}

static void lines(void **state)
{
	struct agent_words words;
	char longer[300] = "";

	(void)state;
	assert_reads("75%\n", 75, 0);
	assert_reads("75%\r\n", 75, 0);
	assert_reads("0%", 0, 0);
	assert_reads("250%", 100, 0);
	assert_reads("up", -1, XDPLB_UP);
	assert_reads("ready up 50%", 50, XDPLB_UP);
	assert_reads("up drain", -1, XDPLB_DRAIN);
	assert_reads("drain,up", -1, XDPLB_DRAIN);
	assert_reads("maint\t10%", 10, XDPLB_DRAIN);
	assert_reads("DOWN#disk is full 75%", -1, XDPLB_DOWN);
	assert_reads("stopped maxconn:3", -1, XDPLB_DOWN);
	assert_reads("fail", -1, XDPLB_DOWN);
	assert_false(reads("", &words));
	assert_false(reads("\n", &words));
	assert_false(reads("%", &words));
	assert_false(reads("-5%", &words));
	assert_false(reads("5%%", &words));
	assert_false(reads("99999999999%", &words));
	assert_false(reads("upper", &words));
	assert_false(reads("#50%", &words));
	memset(longer, ' ', 280);
	strcpy(longer + 280, "up");
	assert_false(reads(longer, &words));
}

static void line_ends(void **state)
{
	const unsigned char *text = (const unsigned char *)"75%\r\nmore";

	(void)state;
	assert_int_equal(agent_line(text, 3), 0);
	assert_int_equal(agent_line(text, 9), 4);
	assert_int_equal(agent_line((const unsigned char *)"", 1), 1);
}

static void smoothed(void **state)
{
	double value = 100;

	(void)state;
	assert_true(agent_smooth(100, 0, 0) == 0);
	assert_true(agent_smooth(100, 0, 50) == 50);
	for (int i = 0; i < 100; i++)
		value = agent_smooth(value, 20, 90);
	assert_true(value > 20 && value < 21);
}

/* In fives, within bounds, and not for every trifle. */
static void percents(void **state)
{
	(void)state;
	assert_int_equal(agent_percent(52, 100, 10, 10), 50);
	assert_int_equal(agent_percent(53, 50, 10, 10), 50);
	assert_int_equal(agent_percent(58, 50, 10, 10), 60);
	assert_int_equal(agent_percent(3, 100, 10, 10), 10);
	assert_int_equal(agent_percent(3, 100, 0, 10), 5);
	assert_int_equal(agent_percent(99, 95, 10, 10), 100);
	assert_int_equal(agent_percent(3, 100, 12, 10), 15);
}

static void weights(void **state)
{
	(void)state;
	assert_int_equal(agent_weight(1, 100, true), 20);
	assert_int_equal(agent_weight(1, 5, true), 1);
	assert_int_equal(agent_weight(3, 50, true), 30);
	assert_int_equal(agent_weight(60000, 50, false), 30000);
	assert_int_equal(agent_weight(1, 5, false), 1);
	/* A later instance finds the percent in the weight. */
	for (__u32 own = 1; own <= 65535; own += own < 4000 ? 1 : 97) {
		bool fine = agent_is_fine(own);

		for (__u32 percent = 5; percent <= 100; percent += 5) {
			__u16 weight = agent_weight(own, percent, fine);

			assert_true(weight >= 1);
			assert_in_range(agent_percent_of(own, weight), percent - (fine ? 0 : 1),
					percent);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),    cmocka_unit_test(line_ends), cmocka_unit_test(smoothed),
		cmocka_unit_test(percents), cmocka_unit_test(weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
