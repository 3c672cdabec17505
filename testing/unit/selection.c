// SPDX-License-Identifier: GPL-2.0-only
/* xdp/selection.h: who is chosen among listeners, exactly or by lots. */
#include "../../xdp/selection.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct xdplb_selection selection;

/* As the program makes it of weights (xdp/listeners.h); listener i has id i + 1. */
static void make(const __u32 *weight, __u32 count)
{
	__u32 divisor = 0;

	memset(&selection, 0, sizeof(selection));
	for (__u32 i = 0; i < count; i++)
		divisor = greatest_divisor(weight[i], divisor);
	for (__u32 i = 0; i < XDPLB_CHOICES; i++)
		selection.sum[i] = ~0U;
	for (__u32 i = 0; i < count; i++) {
		selection.word[i] = (i + 1) | XDPLB_SLOT_SECOND(weight[i]);
		selection.total += weight[i] / divisor;
		selection.sum[i] = selection.total;
	}
	selection.count = count;
	selection.stride = selection_stride(selection.total, count);
	for (int i = 0; i < 64 && greatest_divisor(selection.total, selection.stride) != 1; i++)
		selection.stride++;
	/* The golden section is always near a number that will do. */
	assert_int_equal(greatest_divisor(selection.total, selection.stride), 1);
}

static __u32 linear_find(__u32 point)
{
	__u32 place = 0;

	while (selection.sum[place] <= point)
		place++;
	return selection.word[place];
}

static void draw(__u32 *weight, __u32 count, __u32 most)
{
	for (__u32 i = 0; i < count; i++)
		weight[i] = random_from(1, most);
}

static void find_as_linear(void **state)
{
	__u32 weight[XDPLB_CHOICES];

	(void)state;
	for (__u32 count = 1; count <= XDPLB_CHOICES; count++) {
		draw(weight, count, count % 3 ? 9 : 65535);
		make(weight, count);
		for (__u32 i = 0; i < count; i++)
			for (__u32 off = 0; off < 3; off++) { /* around each border */
				__u32 point = selection.sum[i] + off - 2;

				if (point < selection.total)
					assert_int_equal(selection_find(&selection, point),
							 linear_find(point));
			}
		for (int i = 0; i < 100; i++) {
			__u32 point = random_from(0, selection.total - 1);

			assert_int_equal(selection_find(&selection, point), linear_find(point));
		}
	}
}

/* ---- turns ----------------------------------------------------------------------------- */

/* Any window of `total` turns, from `from` on, has each as often as its weight says. */
static void assert_window(__u64 from)
{
	__u32 got[XDPLB_CHOICES + 1] = {}, before = 0;

	for (__u32 i = 0; i < selection.total; i++)
		got[XDPLB_SLOT_OWNER(selection_turn(&selection, from + i))]++;
	for (__u32 i = 0; i < selection.count; i++) {
		assert_int_equal(got[i + 1], selection.sum[i] - before);
		before = selection.sum[i];
	}
	assert_int_equal(got[0], 0);
}

static void exact_windows(void **state)
{
	__u32 weight[XDPLB_CHOICES];

	(void)state;
	for (__u32 count = 1; count <= XDPLB_CHOICES; count += count < 16 ? 1 : 15) {
		for (__u32 most = 1; most <= 1000; most *= 10) {
			draw(weight, count, most);
			make(weight, count);
			assert_window(0);
			assert_window(random_64() >> random_from(1, 40));
			assert_window(selection.total - 1);
		}
	}
}

static void exact_extremes(void **state)
{
	static const __u32 few[][3] = { { 65535, 1, 1 },     { 1, 65535, 65535 },
					{ 65535, 65534, 1 }, { 65535, 65535, 65535 },
					{ 2, 4, 65534 },     { 32768, 65535, 3 } };
	__u32 weight[XDPLB_CHOICES];

	(void)state;
	for (size_t i = 0; i < COUNT(few); i++) {
		make(few[i], 3);
		assert_window(random_64() >> 1);
	}
	for (__u32 i = 0; i < XDPLB_CHOICES; i++)
		weight[i] = 65535;
	make(weight, XDPLB_CHOICES);
	assert_int_equal(selection.total, XDPLB_CHOICES); /* over their common divisor */
	assert_window(12345);
	weight[7] = 65534;
	make(weight, XDPLB_CHOICES);
	assert_int_equal(selection.total, XDPLB_CHOICES * 65535 - 1);
	assert_window(random_64() >> 2); /* 16 million turns */
}

static void of_nobody(void **state)
{
	(void)state;
	memset(&selection, 0, sizeof(selection));
	assert_int_equal(selection_turn(&selection, 5), 0);
}

/* How many turns in a row one listener has at most. */
static __u32 longest_run(__u32 id)
{
	__u32 run = 0, longest = 0;

	for (__u32 i = 0; i < 2 * selection.total; i++) {
		run = XDPLB_SLOT_OWNER(selection_turn(&selection, i)) == id ? run + 1 : 0;
		if (run > longest && run < selection.total)
			longest = run;
	}
	return longest;
}

/* How the longest run of a listener's turns compares to what perfectly mixed ones would have. */
static double clustering(__u32 n)
{
	double own = selection.sum[n] - (n ? selection.sum[n - 1] : 0);

	return longest_run(n + 1) / (own / (selection.total - own) + 1);
}

/* One listener's turns lie apart, nearly always as well as can be. */
static void interleaved(void **state)
{
	__u32 weight[8], seen = 0, clustered = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		__u32 count = random_from(2, COUNT(weight));

		draw(weight, count, 60);
		make(weight, count);
		for (__u32 n = 0; n < count; n++, seen++) {
			clustered += clustering(n) > 1.5;
			if (clustering(n) > 5)
				fail_msg("%u turns in a row in %u", longest_run(n + 1),
					 selection.total);
		}
	}
	assert_true(clustered * 50 < seen);
}

static void even_ones_in_turn(void **state)
{
	__u32 weight[XDPLB_CHOICES];

	(void)state;
	for (__u32 count = 1; count <= XDPLB_CHOICES; count++) {
		for (__u32 i = 0; i < count; i++)
			weight[i] = 7;
		make(weight, count);
		for (__u32 i = 0; i < 2 * count; i++)
			assert_int_equal(XDPLB_SLOT_OWNER(selection_turn(&selection, i)),
					 1 + i % count);
	}
}

static void divisors(void **state)
{
	static const __u32 pairs[][3] = { { 0, 5, 5 },	 { 5, 0, 5 },
					  { 12, 18, 6 }, { 9227465, 14930352, 1 },
					  { 1, 1, 1 },	 { 16776960, 65535, 65535 } };

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++)
		assert_int_equal(greatest_divisor(pairs[i][0], pairs[i][1]), pairs[i][2]);
}

/* ---- lots -------------------------------------------------------------------------------- */

static void logarithm(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__u32 x = random_64() >> (32 + random_from(0, 31));
		double right;

		x = i < 100 ? (__u32)i + 1 : i < 200 ? ~0U - (i - 100) : x ? x : 1;
		right = 32 - log2(x);
		if (fabs(minus_log2(x) / 16777216.0 - right) >= 0.01)
			fail_msg("of %u it is %f, not %f", x, minus_log2(x) / 16777216.0, right);
	}
	assert_int_equal(minus_log2(1), 32 << 24);
	assert_int_equal(minus_log2(1U << 31), 1 << 24);
}

static const __u64 seed[2] = { 0x0123456789abcdefULL, 0xfedcba9876543210ULL };

/* The id that a name has. */
static __u32 named(__u64 name)
{
	struct lots lots = { .from = &selection, .name = name };

	for (__u32 i = 0; i < selection.count; i++)
		lot_draw(&lots, seed, selection.word[i], XDPLB_SLOT_WEIGHT(selection.word[i]));
	return XDPLB_SLOT_OWNER(lots.winner);
}

#define NAMES 40000

/* As clients of one network would have them: not random at all. */
static __u64 name_at(__u32 i)
{
	return xdplb_flow_name4(htonl(0x0a000000 + i / 4), htons(1024 + i % 4));
}

/* Five standard deviations and the parabola's error: shares are the weights. */
static void assert_shares(const __u32 *weight, __u32 count)
{
	__u32 got[XDPLB_CHOICES + 1] = {};
	double total = 0;

	make(weight, count);
	for (__u32 i = 0; i < count; i++)
		total += weight[i];
	for (__u32 i = 0; i < NAMES; i++)
		got[named(name_at(i))]++;
	assert_int_equal(got[0], 0);
	for (__u32 i = 0; i < count; i++) {
		double share = weight[i] / total, right = NAMES * share;

		if (fabs(got[i + 1] - right) > 5 * sqrt(right * (1 - share)) + 0.01 * right + 1)
			fail_msg("weight %u of %.0f has %u of %u names, not %.0f", weight[i], total,
				 got[i + 1], NAMES, right);
	}
}

static void shares(void **state)
{
	static const __u32 some[][4] = { { 1, 1, 1, 1 },	{ 1, 2, 3, 4 },
					 { 65535, 1, 1, 1 },	{ 65535, 65535, 65535, 1 },
					 { 100, 50, 25, 12 },	{ 9, 1, 9, 1 },
					 { 65535, 30000, 7, 7 } };
	__u32 weight[XDPLB_CHOICES];

	(void)state;
	for (size_t i = 0; i < COUNT(some); i++)
		assert_shares(some[i], 4);
	draw(weight, 40, 100);
	assert_shares(weight, 40);
	draw(weight, XDPLB_CHOICES, 65535);
	assert_shares(weight, XDPLB_CHOICES);
}

/* A name moves only to one whose weight grew, or from one whose weight shrank. */
static void moves_least(void **state)
{
	static __u32 before[NAMES];
	__u32 weight[20], changed = 6, to, moved;

	(void)state;
	for (int round = 0; round < 6; round++) {
		draw(weight, COUNT(weight), 50);
		make(weight, COUNT(weight));
		for (__u32 i = 0; i < NAMES; i++)
			before[i] = named(name_at(i));
		to = round % 2 ? weight[changed] + 20 : (weight[changed] + 1) / 2;
		selection.word[changed] = (changed + 1) | XDPLB_SLOT_SECOND(to);
		moved = 0;
		for (__u32 i = 0; i < NAMES; i++) {
			__u32 after = named(name_at(i));

			if (after == before[i])
				continue;
			moved++;
			assert_int_equal(to > weight[changed] ? after : before[i], changed + 1);
		}
		assert_true(moved || to == weight[changed]);
		/* And when it goes, all others stay. */
		selection.word[changed] = (changed + 1) | XDPLB_SLOT_SECOND(0);
		for (__u32 i = 0; i < NAMES; i++)
			if (before[i] != changed + 1 && named(name_at(i)) != before[i])
				fail_msg("a name moved that had another listener");
	}
}

/* Which place a listener has in the selection is nothing to a name. */
static void order_is_nothing(void **state)
{
	__u32 weight[16];

	(void)state;
	draw(weight, COUNT(weight), 50);
	make(weight, COUNT(weight));
	for (__u32 i = 0; i < 1000; i++) {
		__u32 before = named(name_at(i)), a = random_from(0, 15), b = random_from(0, 15);
		__u32 word = selection.word[a];

		selection.word[a] = selection.word[b];
		selection.word[b] = word;
		assert_int_equal(named(name_at(i)), before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_as_linear),   cmocka_unit_test(exact_windows),
		cmocka_unit_test(exact_extremes),   cmocka_unit_test(of_nobody),
		cmocka_unit_test(interleaved),	    cmocka_unit_test(even_ones_in_turn),
		cmocka_unit_test(divisors),	    cmocka_unit_test(logarithm),
		cmocka_unit_test(shares),	    cmocka_unit_test(moves_least),
		cmocka_unit_test(order_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
