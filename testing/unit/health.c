// SPDX-License-Identifier: GPL-2.0-only
/* loader/daemon/health.c: rise, fall and damping. */
#include "../../loader/daemon/health.h"

#include "unit.h"

#define SECOND 1000000ULL

static const struct check_options check = { .rise = 2, .fall = 3 };
static const struct damping_options undamped = {};

/* Takes results such as "++-", one a second from *now on, and gives the verdicts after each
 * likewise. */
static const char *verdicts(struct health *health, const struct damping_options *damping,
			    const char *results, uint64_t *now)
{
	static char text[256];
	size_t i = 0;

	for (; results[i]; i++) {
		bool before = health->up;
		bool changed = health_result(health, &check, damping, results[i] == '+', *now);

		assert_true(changed == (before != health->up));
		text[i] = health->up ? '+' : '-';
		*now += SECOND;
	}
	text[i] = '\0';
	return text;
}

static void is_as_found_at_first(void **state)
{
	struct health health;

	(void)state;
	health_begin(&health, true);
	assert_true(health.up && health.last);
	health_begin(&health, false);
	assert_false(health.up || health.last);
}

static void rises_and_falls(void **state)
{
	struct health health;
	uint64_t now = SECOND;

	(void)state;
	health_begin(&health, true);
	assert_string_equal(verdicts(&health, &undamped, "--+--+---", &now), "++++++++-");
	assert_true(health.since == now - SECOND);
	assert_string_equal(verdicts(&health, &undamped, "+-+-++", &now), "-----+");
	assert_true(health.since == now - SECOND);
}

/* One result is enough where that is asked for; many change nothing. */
static void one_is_enough(void **state)
{
	const struct check_options quick = { .rise = 1, .fall = 1 };
	struct health health;

	(void)state;
	health_begin(&health, true);
	for (int i = 0; i < 70000; i++) {
		assert_true(health_result(&health, &quick, &undamped, i % 2, SECOND * i));
		assert_true(health.up == i % 2);
	}
	for (int i = 0; i < 70000; i++)
		assert_false(health_result(&health, &quick, &undamped, true, SECOND * i));
}

static void many_failures_are_counted_once(void **state)
{
	const struct check_options slow = { .rise = 1000, .fall = 1000 };
	struct health health;

	(void)state;
	health_begin(&health, true);
	for (int i = 1; i < 1000; i++)
		assert_false(health_result(&health, &slow, &undamped, false, i));
	assert_true(health_result(&health, &slow, &undamped, false, 1000));
	for (int i = 0; i < 100000; i++)
		assert_false(health_result(&health, &slow, &undamped, false, 1001 + i));
}

/* The third failure in a minute: it has to be well for ten seconds. */
static void flapping_is_damped(void **state)
{
	const struct damping_options damping = { .flaps = 3, .within = 60000, .hold = 10000 };
	struct health health;
	uint64_t now = SECOND;

	(void)state;
	health_begin(&health, true);
	assert_string_equal(verdicts(&health, &damping, "---++---++---", &now), "++--+++--+++-");
	assert_true(health_is_flapping(&health, &damping, now));
	/* The passes in a row begin with the first; a failure between begins them anew. */
	assert_string_equal(verdicts(&health, &damping, "+++++-", &now), "------");
	assert_true(health.damped);
	assert_string_equal(verdicts(&health, &damping, "+++++++++++", &now), "----------+");
	assert_false(health.damped);
}

/* Long ago is forgotten, also what lies around in the ring. */
static void old_flaps_are_forgotten(void **state)
{
	const struct damping_options damping = { .flaps = 10, .within = 60000, .hold = 10000 };
	struct health health;
	uint64_t now = SECOND;

	(void)state;
	health_begin(&health, true);
	for (int i = 0; i < 100; i++) {
		assert_string_equal(verdicts(&health, &damping, "---++", &now), "++--+");
		now += 5 * SECOND;
	}
	assert_false(health_is_flapping(&health, &damping, now));
	/* Twice as fast, the tenth falls into a minute before all ten are of these. */
	for (int i = 0; i < 9; i++)
		verdicts(&health, &damping, "---++", &now);
	assert_true(health.damped);
}

/* A failure while nobody may flap at all. */
static void no_damping(void **state)
{
	struct health health;
	uint64_t now = SECOND;

	(void)state;
	health_begin(&health, true);
	for (int i = 0; i < 100; i++)
		assert_string_equal(verdicts(&health, &undamped, "---++", &now), "++--+");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_as_found_at_first),
		cmocka_unit_test(rises_and_falls),
		cmocka_unit_test(one_is_enough),
		cmocka_unit_test(many_failures_are_counted_once),
		cmocka_unit_test(flapping_is_damped),
		cmocka_unit_test(old_flaps_are_forgotten),
		cmocka_unit_test(no_damping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
