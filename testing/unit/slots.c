// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/slots.c: exact, smooth, and honest about what it had to reduce; hashed
 * tables with the right shares, whatever the order, in which little moves.
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

/* Everybody gains, the first of the richest has the turn and pays: step by step. */
static void assert_step_by_step(const __u32 *weight, __u32 n, const struct slots *slots)
{
	static __s64 gained[MOST];

	memset(gained, 0, n * sizeof(*gained));
	for (__u32 s = 0; s < slots->count; s++) {
		__u32 best = 0;

		for (__u32 i = 0; i < n; i++) {
			gained[i] += weight[i];
			if (gained[i] > gained[best])
				best = i;
		}
		gained[best] -= (__s64)sum_of(weight, n);
		assert_int_equal(slots->slot[s], best);
	}
}

/* The tournament finds the very same sequence. */
static void step_by_step(void **state)
{
	static __u32 weight[600];
	int tried = 0;

	(void)state;
	while (tried < 1500) {
		__u32 n = random_weights(weight, tried % 50 ? 20 : COUNT(weight));
		struct slots slots;

		if (sum_of(weight, n) / greatest_divisor(weight, n) > 6000)
			continue;
		assert_int_equal(slots_weighted(weight, n, &slots), 0);
		assert_step_by_step(weight, n, &slots);
		free(slots.slot);
		tried++;
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

/* ---- hashed tables -------------------------------------------------------------------- */

static __u64 seed[2];

/* `n` backends, of both families, none twice; weights of one of several shapes. */
static void backends_random(struct slots_backend *backend, __u32 n)
{
	static const __u32 limit[] = { 1, 3, 10, 1000, 65535 };
	__u32 most = limit[random_from(0, COUNT(limit) - 1)];

	seed[0] = random_64();
	seed[1] = random_64();
	for (__u32 i = 0; i < n; i++) {
		memset(&backend[i], 0, sizeof(backend[i]));
		backend[i].addr[0] = random_64();
		backend[i].addr[3] = i % 3 ? 0 : random_64();
		backend[i].port = i;
		backend[i].weight = random_from(1, most);
	}
	if (random_from(0, 9) == 0)
		backend[0].weight = 65535; /* a giant */
}

static double weights_of(const struct slots_backend *backend, __u32 n)
{
	double sum = 0;

	for (__u32 i = 0; i < n; i++)
		sum += backend[i].weight;
	return sum;
}

/*
 * Each has its share: a rounded quotient by one divisor, which is not further
 * from the quota than one half and what the others' halves change the divisor.
 */
static void assert_shares(const struct slots_backend *backend, __u32 n, const struct slots *slots)
{
	static __u32 times[MOST];
	double sum = weights_of(backend, n), low = 0, high = INFINITY;

	memset(times, 0, sizeof(times));
	for (__u32 s = 0; s < slots->count; s++) {
		assert_true(slots->slot[s] < n);
		times[slots->slot[s]]++;
	}
	for (__u32 i = 0; i < n; i++) {
		double quota = backend[i].weight / sum * slots->count;

		assert_true(fabs(times[i] - quota) <= 0.5 + quota * n / slots->count / 2 + 1e-6);
		low = fmax(low, backend[i].weight / (times[i] + 0.5));
		if (times[i])
			high = fmin(high, backend[i].weight / (times[i] - 0.5));
	}
	if (low > high * (1 + 1e-9))
		fail_msg("%u backends, %u slots: no divisor from %f to %f", n, slots->count, low,
			 high);
}

static void hashed_shares(void **state)
{
	static const __u32 counts[] = { 251, 1021, 4093, 16381 };
	static struct slots_backend backend[MOST];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		__u32 count = counts[random_from(0, round % 10 ? 1 : 3)];
		__u32 n = random_from(1, round % 10 ? 100 : MOST < count ? MOST : count);
		struct slots slots;

		backends_random(backend, n);
		assert_int_equal(slots_hashed(seed, backend, n, count, &slots), 0);
		assert_int_equal(slots.count, count);
		assert_shares(backend, n, &slots);
		free(slots.slot);
	}
}

/* With as many slots as the weights ask for, shares are within 1% of them. */
static void hashed_within_one_percent(void **state)
{
	static struct slots_backend backend[700];
	static __u32 times[COUNT(backend)];
	int tried = 0;

	(void)state;
	while (tried < 400) {
		__u32 n = random_from(1, tried % 20 ? 30 : COUNT(backend)), count, least = 65535;
		struct slots slots;
		double sum;

		backends_random(backend, n);
		sum = weights_of(backend, n);
		for (__u32 i = 0; i < n; i++)
			least = backend[i].weight < least ? backend[i].weight : least;
		if (ceil(sum / least) * 100 > 65537)
			continue;
		tried++;
		count = slots_hashed_count(backend, n);
		assert_int_equal(slots_hashed(seed, backend, n, count, &slots), 0);
		memset(times, 0, sizeof(times));
		for (__u32 s = 0; s < count; s++)
			times[slots.slot[s]]++;
		for (__u32 i = 0; i < n; i++) {
			double quota = backend[i].weight / sum * count;

			if (fabs(times[i] - quota) > quota / 100)
				fail_msg("%u slots for a quota of %f", times[i], quota);
		}
		free(slots.slot);
	}
}

static void shuffle(struct slots_backend *backend, __u32 *was, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		was[i] = i;
	for (__u32 i = n; i > 1; i--) {
		__u32 j = random_from(0, i - 1), place = was[j];
		struct slots_backend moved = backend[j];

		backend[j] = backend[i - 1];
		backend[i - 1] = moved;
		was[j] = was[i - 1];
		was[i - 1] = place;
	}
}

static void hashed_in_any_order(void **state)
{
	static struct slots_backend backend[300];
	static __u32 was[COUNT(backend)];

	(void)state;
	for (int round = 0; round < 1000; round++) {
		__u32 n = random_from(1, round % 10 ? 20 : COUNT(backend));
		__u32 count = round % 2 ? 1021 : 4093;
		struct slots one, other;

		backends_random(backend, n);
		assert_int_equal(slots_hashed(seed, backend, n, count, &one), 0);
		assert_int_equal(slots_hashed_count(backend, n), slots_hashed_count(backend, n));
		shuffle(backend, was, n);
		assert_int_equal(slots_hashed(seed, backend, n, count, &other), 0);
		for (__u32 s = 0; s < count; s++)
			assert_int_equal(one.slot[s], was[other.slot[s]]);
		free(one.slot);
		free(other.slot);
	}
}

/* Slots that change besides those of the one that goes, of all. */
static double moved_besides(struct slots_backend *backend, __u32 n, __u32 gone, __u32 count,
			    const struct slots *before)
{
	struct slots_backend removed = backend[gone];
	__u32 moved = 0, owned = 0;
	struct slots after;

	backend[gone] = backend[n - 1];
	assert_int_equal(slots_hashed(seed, backend, n - 1, count, &after), 0);
	for (__u32 s = 0; s < count; s++) {
		__u32 owner = after.slot[s] == gone ? n - 1 : after.slot[s];

		owned += before->slot[s] == gone;
		moved += before->slot[s] != owner;
	}
	backend[gone] = removed;
	free(after.slot);
	return (double)(moved - owned) / count;
}

/*
 * One of N that goes, of all kinds of weights and their table: no more than 2%
 * of the slots change but those it had. Says what it found.
 */
static void hashed_moves_little(void **state)
{
	static struct slots_backend backend[1000];
	double worst = 0, sum = 0;
	__u32 worst_of = 0;
	int tried = 0;

	(void)state;
	for (__u32 n = 2; n <= COUNT(backend); n = n < 45 ? n + 1 : n * 6 / 5 + 1)
		for (int round = 0; round < (n < 45 ? 10 : n < 200 ? 4 : 2); round++) {
			struct slots before;
			__u32 count;

			backends_random(backend, n);
			for (__u32 i = 0; round % 2 && i < n; i++)
				backend[i].weight = 1;
			count = slots_hashed_count(backend, n);
			if (count > 16381 && round > 3)
				continue; /* they cost */
			assert_int_equal(slots_hashed(seed, backend, n, count, &before), 0);
			for (int i = 0; i < 3; i++) {
				double moved = moved_besides(backend, n, random_from(0, n - 1),
							     count, &before);

				if (moved > worst) {
					worst = moved;
					worst_of = n;
				}
				sum += moved;
				tried++;
			}
			free(before.slot);
		}
	print_message("one of N goes: %.2f%% of the slots change besides, at most %.2f%% (N=%u)\n",
		      100 * sum / tried, 100 * worst, worst_of);
	assert_true(worst <= 0.02);
}

/* A weight that changes moves little more than it must. */
static void hashed_weight_moves_little(void **state)
{
	static struct slots_backend backend[100];

	(void)state;
	for (int round = 0; round < 100; round++) {
		__u32 n = random_from(2, COUNT(backend)), count = 16381, moved = 0;
		double share, sum = 0;
		struct slots before, after;

		backends_random(backend, n);
		for (__u32 i = 0; i < n; i++)
			sum += backend[i].weight = random_from(50, 100);
		assert_int_equal(slots_hashed(seed, backend, n, count, &before), 0);
		share = backend[0].weight / sum;
		sum += backend[0].weight;
		backend[0].weight *= 2;
		share = backend[0].weight / sum - share;
		assert_int_equal(slots_hashed(seed, backend, n, count, &after), 0);
		for (__u32 s = 0; s < count; s++)
			moved += before.slot[s] != after.slot[s];
		assert_true((double)moved / count <= share + 0.02);
		free(before.slot);
		free(after.slot);
	}
}

/*
 * The same on every machine, now and later: balancers of several versions may
 * stand side by side. Whoever changes this changes every table in use.
 */
static void hashed_by_hand(void **state)
{
	static const struct slots_backend backend[] = {
		{ { 0x0100000a }, 0x5000, 1 },
		{ { 0x0200000a }, 0x5000, 2 },
		{ { 0xb80d0120, 0, 0, 0x01000000 }, 0x901f, 3 },
	};
	static const __u64 same_seed[2] = { 1, 2 };
	__u64 sum = 0;
	struct slots slots;

	(void)state;
	assert_int_equal(slots_hashed(same_seed, backend, 3, 251, &slots), 0);
	for (__u32 s = 0; s < slots.count; s++)
		sum = sum * 0x9e3779b97f4a7c15ULL + slots.slot[s];
	if (sum != 0x4de0f9d4c9d6e00eULL)
		fail_msg("the table is another than it was: %016llx", (unsigned long long)sum);
	free(slots.slot);
}

/* Another seed, another table. */
static void hashed_needs_the_seed(void **state)
{
	static struct slots_backend backend[10];
	struct slots one, other;
	__u32 same = 0;

	(void)state;
	backends_random(backend, 10);
	for (int i = 0; i < 10; i++)
		backend[i].weight = 1;
	assert_int_equal(slots_hashed(seed, backend, 10, 16381, &one), 0);
	seed[1] ^= 1;
	assert_int_equal(slots_hashed(seed, backend, 10, 16381, &other), 0);
	for (__u32 s = 0; s < 16381; s++)
		same += one.slot[s] == other.slot[s];
	assert_in_range(same, 1638 - 6 * 40, 1638 + 6 * 40);
	free(one.slot);
	free(other.slot);
}

/* One, as many as there are slots, none; weights as far apart as can be. */
static void hashed_corners(void **state)
{
	static struct slots_backend backend[MOST];
	struct slots slots;

	(void)state;
	assert_int_equal(slots_hashed(seed, backend, 0, 251, &slots), 0);
	assert_int_equal(slots.count, 0);
	assert_null(slots.slot);
	backends_random(backend, MOST);
	for (__u32 i = 0; i < MOST; i++)
		backend[i].weight = i ? 1 : 65535;
	assert_int_equal(slots_hashed(seed, backend, 1, 251, &slots), 0);
	assert_shares(backend, 1, &slots);
	free(slots.slot);
	assert_int_equal(slots_hashed(seed, backend, 251, 251, &slots), 0);
	assert_shares(backend, 251, &slots);
	free(slots.slot);
	assert_int_equal(slots_hashed(seed, backend, MOST, 65537, &slots), 0);
	assert_shares(backend, MOST, &slots);
	free(slots.slot);
	assert_int_equal(slots_hashed(seed, backend, MOST, SLOTS_HASHED_MAX, &slots), 0);
	assert_shares(backend, MOST, &slots);
	free(slots.slot);
	for (__u32 i = 0; i < MOST; i++)
		backend[i].weight = i % 2 ? 1 : 65535;
	assert_int_equal(slots_hashed(seed, backend, MOST, 65537, &slots), 0);
	assert_shares(backend, MOST, &slots);
	free(slots.slot);
}

static void hashed_counts(void **state)
{
	static struct slots_backend backend[MOST];
	static const struct {
		__u32 n, weight, count;
	} cases[] = {
		{ 0, 1, 251 },	      { 1, 65535, 251 },  { 2, 7, 16381 },   { 3, 1, 16381 },
		{ 40, 65535, 16381 }, { 163, 1, 16381 },  { 164, 2, 65537 }, { 655, 1, 65537 },
		{ 656, 1, 65537 },    { MOST, 1, 65537 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (__u32 b = 0; b < cases[i].n; b++)
			backend[b].weight = cases[i].weight;
		assert_int_equal(slots_hashed_count(backend, cases[i].n), cases[i].count);
	}
	backend[0].weight = 1;
	backend[1].weight = 162;
	assert_int_equal(slots_hashed_count(backend, 2), 16381);
	backend[1].weight = 163;
	assert_int_equal(slots_hashed_count(backend, 2), 65537);
	backend[1].weight = 65535;
	assert_int_equal(slots_hashed_count(backend, 2), 65537);
}

static void primes(void **state)
{
	static bool composite[10000];

	(void)state;
	for (__u32 i = 2; i < COUNT(composite); i++)
		for (__u32 j = 2 * i; j < COUNT(composite); j += i)
			composite[j] = true;
	for (__u32 i = 2; i < COUNT(composite); i++)
		assert_int_equal(is_prime(i), !composite[i]);
	assert_false(is_prime(0));
	assert_false(is_prime(1));
	assert_true(is_prime(SLOTS_HASHED_MIN));
	assert_true(is_prime(SLOTS_HASHED_MAX));
	assert_true(is_prime(4294967291U));
	assert_false(is_prime(4294967295U));
	assert_false(is_prime(65521U * 65521U));
	assert_int_equal(slots_prime_near(0), 251);
	assert_int_equal(slots_prime_near(251), 251);
	assert_int_equal(slots_prime_near(1000), 997);
	assert_int_equal(slots_prime_near(1015), 1013);
	assert_int_equal(slots_prime_near(1017), 1019);
	assert_int_equal(slots_prime_near(65536), 65537);
	assert_int_equal(slots_prime_near(524288), 524287);
	assert_int_equal(slots_prime_near(4294967295U), 524287);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(none),
		cmocka_unit_test(exact),
		cmocka_unit_test(smooth),
		cmocka_unit_test(two_are_even),
		cmocka_unit_test(step_by_step),
		cmocka_unit_test(equal_is_round_robin),
		cmocka_unit_test(reduced),
		cmocka_unit_test(reduced_keeps_all),
		cmocka_unit_test(limit),
		cmocka_unit_test(most_backends),
		cmocka_unit_test(hashed_shares),
		cmocka_unit_test(hashed_within_one_percent),
		cmocka_unit_test(hashed_in_any_order),
		cmocka_unit_test(hashed_moves_little),
		cmocka_unit_test(hashed_weight_moves_little),
		cmocka_unit_test(hashed_by_hand),
		cmocka_unit_test(hashed_needs_the_seed),
		cmocka_unit_test(hashed_corners),
		cmocka_unit_test(hashed_counts),
		cmocka_unit_test(primes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
