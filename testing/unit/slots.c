// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/slots.c: exact, smooth, and honest about what it had to reduce.
 *
 * What the smooth weighted sequence guarantees, after any number of turns: a
 * backend is less than one turn ahead of its ideal share (only who is behind it
 * is chosen), and at most H(n) - 1 turns behind, H being the harmonic number
 * (as in the cup game, where the fullest of n cups is emptied). The cycle ends
 * where it began, so a window of it anywhere is off by less than H(n).
 */
#include "../../loader/slots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../xdp/xdplb.h"
#include "unit.h"

#define MOST 4096

/* Tries them all, from the largest on. */
static __u32 greatest_divisor(const __u32 *weight, __u32 n)
{
	for (__u32 divisor = weight[0]; divisor > 1; divisor--) {
		__u32 i = 0;

		while (i < n && weight[i] % divisor == 0)
			i++;
		if (i == n)
			return divisor;
	}
	return 1;
}

static __u64 sum_of(const __u32 *weight, __u32 n)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < n; i++)
		sum += weight[i];
	return sum;
}

/* One of several shapes of weights; all ones, small, any, one giant, powers, multiples. */
static __u32 random_weights(__u32 *weight, __u32 most)
{
	static const __u32 limit[] = { 1, 10, 1000, 3, 65535 };
	__u32 n = random_from(1, most), shape = random_from(0, 6);
	__u32 factor = random_from(2, 600);

	for (__u32 i = 0; i < n; i++)
		if (shape < COUNT(limit))
			weight[i] = random_from(1, limit[shape]);
		else if (shape == 5)
			weight[i] = 1U << random_from(0, 11);
		else
			weight[i] = factor * random_from(1, 100);
	if (shape == 3)
		weight[0] = random_from(1, 3000); /* a giant among dwarfs */
	return n;
}

/* ---- sequences worked out by hand ------------------------------------------------ */

static void assert_sequence(const __u32 *weight, __u32 n, const char *expected)
{
	struct slots slots;
	char text[64];

	assert_int_equal(slots_weighted(weight, n, &slots), 0);
	assert_int_equal(slots.count, strlen(expected));
	for (__u32 s = 0; s < slots.count; s++)
		text[s] = '0' + slots.slot[s];
	text[slots.count] = '\0';
	assert_string_equal(text, expected);
	assert_true(slots.error == 0);
	free(slots.slot);
}

static void by_hand(void **state)
{
	(void)state;
	assert_sequence((__u32[]){ 5, 1, 1 }, 3, "0010200");
	assert_sequence((__u32[]){ 65535 }, 1, "0");
	assert_sequence((__u32[]){ 1, 1 }, 2, "01");
	assert_sequence((__u32[]){ 1, 2 }, 2, "101");
	assert_sequence((__u32[]){ 2, 1 }, 2, "010");
	assert_sequence((__u32[]){ 3, 2, 1 }, 3, "010210");
	assert_sequence((__u32[]){ 65535, 65535, 65535 }, 3, "012");
	assert_sequence((__u32[]){ 50, 10, 10 }, 3, "0010200");
}

static void none(void **state)
{
	struct slots slots;

	(void)state;
	assert_int_equal(slots_weighted(NULL, 0, &slots), 0);
	assert_int_equal(slots.count, 0);
	assert_true(slots.error == 0);
	free(slots.slot);
}

/* ---- properties of thousands of random sets --------------------------------------- */

/* Each weight over the greatest common divisor, neither more nor less. */
static void exact(void **state)
{
	static __u32 weight[64], times[64];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		__u32 n = random_weights(weight, COUNT(weight));
		__u32 divisor = greatest_divisor(weight, n);
		__u64 sum = sum_of(weight, n) / divisor;
		struct slots slots;

		if (sum > (round % 20 ? SLOTS_MAX / 16 : SLOTS_MAX))
			continue; /* not exact, or not every time: they cost */
		assert_int_equal(slots_weighted(weight, n, &slots), 0);
		assert_int_equal(slots.count, sum);
		assert_true(slots.error == 0);
		memset(times, 0, sizeof(times));
		for (__u32 s = 0; s < slots.count; s++) {
			assert_true(slots.slot[s] < n);
			times[slots.slot[s]]++;
		}
		for (__u32 i = 0; i < n; i++)
			assert_int_equal(times[i], weight[i] / divisor);
		free(slots.slot);
	}
}

/* After each turn, how far everyone is from its ideal share; in turns. */
static void assert_smooth(const __u32 *weight, __u32 n, const struct slots *slots)
{
	double ahead[64] = {}, sum = sum_of(weight, n), behind_most = -1 + 1e-6;

	for (__u32 i = 1; i <= n; i++)
		behind_most += 1.0 / i;
	for (__u32 s = 0; s < slots->count; s++) {
		for (__u32 i = 0; i < n; i++)
			ahead[i] -= weight[i] / sum;
		ahead[slots->slot[s]] += 1;
		for (__u32 i = 0; i < n; i++)
			if (ahead[i] >= 1 || ahead[i] < -behind_most)
				fail_msg("%u of weight %u, %u in all: %f turns ahead after %u", i,
					 weight[i], (__u32)sum, ahead[i], s + 1);
	}
	for (__u32 i = 0; i < n; i++)
		assert_true(fabs(ahead[i]) < 1e-6);
}

static void smooth(void **state)
{
	static __u32 weight[64];
	int tried = 0;

	(void)state;
	while (tried < 2000) {
		__u32 n = random_weights(weight, tried % 10 ? 12 : COUNT(weight));
		struct slots slots;

		if (sum_of(weight, n) / greatest_divisor(weight, n) > 8000)
			continue;
		assert_int_equal(slots_weighted(weight, n, &slots), 0);
		assert_smooth(weight, n, &slots);
		free(slots.slot);
		tried++;
	}
}

/* Two backends have the best sequence there is: any window is off by less than one turn. */
static void two_are_even(void **state)
{
	(void)state;
	for (__u32 a = 1; a <= 24; a++)
		for (__u32 b = 1; b <= 24; b++) {
			const __u32 weight[] = { a, b };
			struct slots slots;

			assert_int_equal(slots_weighted(weight, 2, &slots), 0);
			for (__u32 from = 0; from < slots.count; from++) {
				double ahead = 0;

				for (__u32 k = 0; k < slots.count; k++) {
					ahead += !slots.slot[(from + k) % slots.count];
					ahead -= (double)a / (a + b);
					assert_true(fabs(ahead) < 1 - 1e-9);
				}
			}
			free(slots.slot);
		}
}

/* The order is everybody's in turn when all weigh the same. */
static void equal_is_round_robin(void **state)
{
	static __u32 weight[MOST];

	(void)state;
	for (__u32 n = 1; n <= MOST; n = n < 40 ? n + 1 : n * 3 / 2) {
		struct slots slots;

		for (__u32 i = 0; i < n; i++)
			weight[i] = 777;
		assert_int_equal(slots_weighted(weight, n, &slots), 0);
		assert_int_equal(slots.count, n);
		for (__u32 s = 0; s < n; s++)
			assert_int_equal(slots.slot[s], s);
		free(slots.slot);
	}
}

/* ---- reduced ------------------------------------------------------------------------ */

/* What is reported against what the sequence really gives. */
static void assert_reduced(const __u32 *weight, __u32 n)
{
	static __u32 times[MOST];
	double sum = sum_of(weight, n), worst = 0;
	struct slots slots;

	assert_int_equal(slots_weighted(weight, n, &slots), 0);
	assert_in_range(slots.count, n, SLOTS_MAX);
	memset(times, 0, sizeof(times));
	for (__u32 s = 0; s < slots.count; s++) {
		assert_true(slots.slot[s] < n);
		times[slots.slot[s]]++;
	}
	for (__u32 i = 0; i < n; i++) {
		assert_true(times[i] > 0);
		worst = fmax(worst, fabs(times[i] / (double)slots.count * sum / weight[i] - 1));
	}
	if (fabs(worst - slots.error) > 1e-9)
		fail_msg("an error of %.9f is reported, %.9f is right", slots.error, worst);
	free(slots.slot);
}

static void reduced(void **state)
{
	static __u32 weight[64];
	int tried = 0;

	(void)state;
	while (tried < 40) {
		__u32 n = random_from(5, COUNT(weight));

		for (__u32 i = 0; i < n; i++)
			weight[i] = random_from(tried % 3 ? 1 : 60000, 65535);
		if (sum_of(weight, n) / greatest_divisor(weight, n) <= SLOTS_MAX)
			continue;
		assert_reduced(weight, n);
		tried++;
	}
}

/* Nobody who has a weight is left without a turn, however small its share. */
static void reduced_keeps_all(void **state)
{
	static __u32 weight[64];

	(void)state;
	for (__u32 i = 0; i < COUNT(weight); i++)
		weight[i] = i < 60 ? 65535 - i : 1;
	assert_reduced(weight, COUNT(weight));
}

/* Less than fits, exactly as much, and more. */
static void limit(void **state)
{
	static const __u32 last[] = { 2, 4, 7 };
	struct slots slots;

	(void)state;
	for (size_t i = 0; i < COUNT(last); i++) {
		const __u32 weight[] = { 65535, 65535, 65535, 65535, last[i] };

		assert_int_equal(sum_of(weight, 5), SLOTS_MAX - 4 + last[i]);
		assert_int_equal(slots_weighted(weight, 5, &slots), 0);
		assert_int_equal(slots.error > 0, last[i] > 4);
		if (last[i] <= 4)
			assert_int_equal(slots.count, SLOTS_MAX - 4 + last[i]);
		free(slots.slot);
	}
	assert_reduced((__u32[]){ 65535, 65535, 65535, 65535, 7 }, 5);
}

/* As many and as heavy as can be. */
static void most_backends(void **state)
{
	static __u32 weight[MOST];

	(void)state;
	for (__u32 i = 0; i < MOST; i++)
		weight[i] = XDPLB_WEIGHT_MAX;
	weight[7] = 1; /* or they would all be divided by 65535 */
	assert_int_equal(MOST, XDPLB_SET_BACKENDS_MAX);
	assert_reduced(weight, MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),	cmocka_unit_test(none),
		cmocka_unit_test(exact),	cmocka_unit_test(smooth),
		cmocka_unit_test(two_are_even), cmocka_unit_test(equal_is_round_robin),
		cmocka_unit_test(reduced),	cmocka_unit_test(reduced_keeps_all),
		cmocka_unit_test(limit),	cmocka_unit_test(most_backends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
