// SPDX-License-Identifier: GPL-2.0-only
/* loader/names.c: words and numbers go into each other and back. */
#include "../../loader/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "unit.h"

static void schedulers(void **state)
{
	static const char *const words[] = { "?", "rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c" };

	(void)state;
	for (int i = 0; i < 256; i++)
		assert_string_equal(scheduler_name(i), i < (int)COUNT(words) ? words[i] : "?");
	for (int i = 1; i < (int)COUNT(words); i++)
		assert_int_equal(scheduler_number(words[i]), i);
	assert_int_equal(COUNT(words), XDPLB_P2C + 1);
}

static void forwards(void **state)
{
	static const char *const words[] = { "?", "nat", "dnat", "dsr", "ipip", "gue", "local" };

	(void)state;
	for (int i = 0; i < 256; i++)
		assert_string_equal(forward_name(i), i < (int)COUNT(words) ? words[i] : "?");
	for (int i = 1; i < (int)COUNT(words); i++)
		assert_int_equal(forward_number(words[i]), i);
	assert_int_equal(COUNT(words), XDPLB_LOCAL + 1);
}

static void states(void **state)
{
	static const char *const words[] = { "?", "up", "drain", "down", "backup" };

	(void)state;
	for (int i = 0; i < 256; i++)
		assert_string_equal(state_name(i), i < (int)COUNT(words) ? words[i] : "?");
	for (int i = 1; i < (int)COUNT(words); i++)
		assert_int_equal(state_number(words[i]), i);
}

static void protocols(void **state)
{
	(void)state;
	assert_string_equal(proto_name(IPPROTO_TCP), "tcp");
	assert_string_equal(proto_name(IPPROTO_UDP), "udp");
}

/* Those that --timeout sets come first. */
static void timeouts(void **state)
{
	(void)state;
	assert_string_equal(timeout_name(XDPLB_TIMEOUT_ESTABLISHED), "established");
	assert_string_equal(timeout_name(XDPLB_TIMEOUT_CLOSING), "closing");
	assert_string_equal(timeout_name(XDPLB_TIMEOUT_UDP), "udp");
	for (int i = XDPLB_TIMEOUT_AFFINITY; i <= XDPLB_TIMEOUTS; i++)
		assert_null(timeout_name(i));
}

/* Drops, packets passed on, packets answered, what became of flows. */
static int group_of(int reason)
{
	return (reason >= XDPLB_DROPS) + (reason >= XDPLB_PASSES) + (reason >= XDPLB_ANSWERS);
}

/* Each has a word, of its own in its group. */
static void reasons(void **state)
{
	(void)state;
	for (int i = 0; i < XDPLB_REASONS; i++) {
		assert_non_null(reason_name(i));
		assert_true(strlen(reason_name(i)) > 0);
		assert_int_equal(strspn(reason_name(i), "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(reason_name(i)));
		for (int j = 0; j < i; j++)
			if (group_of(i) == group_of(j))
				assert_string_not_equal(reason_name(i), reason_name(j));
	}
	/* CONTRACT.md shows these two. */
	assert_string_equal(reason_name(XDPLB_DROP_NO_BACKEND), "no_backend");
	assert_string_equal(reason_name(XDPLB_DROP_NO_NEIGHBOUR), "no_neighbour");
}

/* Those of a flow are words; the entry's own are none. */
static void flow_states(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		bool known = i > XDPLB_FLOW_BUSY && i < XDPLB_FLOW_STATES;

		assert_non_null(flow_state_name(i));
		assert_int_equal(strcmp(flow_state_name(i), "?") != 0, known);
	}
	assert_string_equal(flow_state_name(XDPLB_FLOW_ESTABLISHED), "established");
	assert_string_equal(flow_state_name(XDPLB_FLOW_CLIENT_NEW), "sticky");
	assert_string_equal(flow_state_name(XDPLB_FLOW_CLIENT), "sticky");
}

static void unknown_words(void **state)
{
	static const char *const wrong[] = { "", "x", "RR", "rrr", "w", "nat ", " up", "?" };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		said_reset();
		assert_int_equal(scheduler_number(wrong[i]), -EINVAL);
		assert_said(wrong[i],
			    "no such scheduler; there are rr, wrr, lc, wlc, sh, maglev and p2c");
		said_reset();
		assert_int_equal(forward_number(wrong[i]), -EINVAL);
		assert_said(
			wrong[i],
			"no such way of forwarding; there are nat, dnat, dsr, ipip, gue and local");
		said_reset();
		assert_int_equal(state_number(wrong[i]), -EINVAL);
		assert_said(wrong[i], "a state is up, drain, down or backup");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedulers),	 cmocka_unit_test(forwards),
		cmocka_unit_test(states),	 cmocka_unit_test(protocols),
		cmocka_unit_test(reasons),	 cmocka_unit_test(flow_states),
		cmocka_unit_test(unknown_words), cmocka_unit_test(timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
