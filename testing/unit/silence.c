// SPDX-License-Identifier: GPL-2.0-only
/* loader/daemon/silence.c: whose flows get no answer. */
#include "../../loader/daemon/silence.h"

#include "unit.h"

static const struct passive_options usual = { .share = 50, .flows = 10, .limit = { .number = 1 } };

static void assert_judged(const struct passive_options *options, struct silence *silence, int count,
			  const char *expected)
{
	silence_judge(silence, count, options);
	for (int i = 0; i < count; i++)
		if (silence[i].silent != (expected[i] == 's'))
			fail_msg("backend %d, expected of all: %s", i, expected);
}

static void one_is_silent(void **state)
{
	struct silence silence[] = { { .waiting = 10 }, { .further = 10 }, { .further = 3 } };

	(void)state;
	assert_judged(&usual, silence, 3, "s--");
	silence[0].waiting = 9; /* too few to tell */
	assert_judged(&usual, silence, 3, "---");
	silence[0].further = 9;
	assert_judged(&usual, silence, 3, "s--");
	silence[0].further = 10; /* less than half */
	assert_judged(&usual, silence, 3, "---");
}

/* A flood of SYNs, clients that have gone: it is not one backend's. */
static void all_are_silent(void **state)
{
	struct silence silence[] = { { .waiting = 100 }, { .waiting = 60, .further = 40 } };
	struct silence alone = { .waiting = 100 };

	(void)state;
	assert_judged(&usual, silence, 2, "--");
	silence[1].waiting = 20;
	assert_judged(&usual, silence, 2, "--");
	silence[1].waiting = 10;
	assert_judged(&usual, silence, 2, "s-");
	assert_judged(&usual, &alone, 1, "s");
}

/* Those that were silent stay so before others become. */
static void limit(void **state)
{
	const struct passive_options half = { .share = 50,
					      .flows = 10,
					      .limit = { .number = 50, .percent = true } };
	struct silence silence[] = { { .waiting = 50 },
				     { .waiting = 50, .was = true },
				     { .waiting = 5, .further = 900 },
				     { .further = 900 } };

	(void)state;
	assert_judged(&usual, silence, 4, "-s--");
	assert_judged(&half, silence, 4, "ss--");
	silence[1].waiting = 0;
	assert_judged(&usual, silence, 4, "s---");
}

static void as_many_as_there_can_be(void **state)
{
	struct silence silence[] = { { .waiting = 0xffffffff, .further = 0xffffffff },
				     { .further = 0xffffffff } };

	(void)state;
	assert_judged(&usual, silence, 2, "s-");
	assert_judged(&usual, silence, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_silent),
		cmocka_unit_test(all_are_silent),
		cmocka_unit_test(limit),
		cmocka_unit_test(as_many_as_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
