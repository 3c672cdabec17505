// SPDX-License-Identifier: GPL-2.0-only
/* xdp/xdplb.h: hashes, buckets, keys and the fields of a flow's value. */
#include "../../xdp/xdplb.h"

#include <arpa/inet.h>
#include <string.h>

#include "unit.h"

/* ---- a flow's value ------------------------------------------------------------- */

struct fields {
	__u32 seen, state, generation, snat, port, backend;
};

static __u64 value_of(const struct fields *f)
{
	return XDPLB_FIELD_OF(SEEN, f->seen) | XDPLB_FIELD_OF(STATE, f->state) |
	       XDPLB_FIELD_OF(GENERATION, f->generation) | XDPLB_FIELD_OF(SNAT, f->snat) |
	       XDPLB_FIELD_OF(PORT, f->port) | XDPLB_FIELD_OF(BACKEND, f->backend);
}

static void assert_fields(__u64 value, const struct fields *f)
{
	assert_int_equal(XDPLB_FIELD(value, SEEN), f->seen);
	assert_int_equal(XDPLB_FIELD(value, STATE), f->state);
	assert_int_equal(XDPLB_FIELD(value, GENERATION), f->generation);
	assert_int_equal(XDPLB_FIELD(value, SNAT), f->snat);
	assert_int_equal(XDPLB_FIELD(value, PORT), f->port);
	assert_int_equal(XDPLB_FIELD(value, BACKEND), f->backend);
}

static void fields_round_trip(void **state)
{
	static const struct fields none, all = { 65535, 15, 15, 15, 65535, (1 << 20) - 1 };

	(void)state;
	assert_fields(value_of(&none), &none);
	assert_fields(value_of(&all), &all);
	for (int i = 0; i < 1000000; i++) {
		const struct fields f = {
			.seen = random_from(0, 65535),
			.state = random_from(0, XDPLB_FLOW_STATES - 1),
			.generation = random_from(0, 15),
			.snat = random_from(0, XDPLB_SNATS - 1),
			.port = random_from(0, 65535),
			.backend = random_from(0, XDPLB_BACKENDS - 1),
		};

		assert_fields(value_of(&f), &f);
	}
}

/* They fill 64 bits, each bit once. */
static void fields_fill_the_value(void **state)
{
	static const __u64 masks[] = {
		XDPLB_FIELD_MASK(SEEN), XDPLB_FIELD_MASK(STATE), XDPLB_FIELD_MASK(GENERATION),
		XDPLB_FIELD_MASK(SNAT), XDPLB_FIELD_MASK(PORT),	 XDPLB_FIELD_MASK(BACKEND),
	};
	__u64 all = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(masks); i++) {
		assert_true((all & masks[i]) == 0);
		all |= masks[i];
	}
	assert_true(all == ~0ULL);
	assert_true(XDPLB_FLOW_STATES <= 1 << XDPLB_STATE_BITS);
}

/* What does not fit spills into no other field. */
static void fields_keep_apart(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		__u64 x = random_64();

		assert_true((XDPLB_FIELD_OF(SEEN, x) & ~XDPLB_FIELD_MASK(SEEN)) == 0);
		assert_true((XDPLB_FIELD_OF(STATE, x) & ~XDPLB_FIELD_MASK(STATE)) == 0);
		assert_true((XDPLB_FIELD_OF(GENERATION, x) & ~XDPLB_FIELD_MASK(GENERATION)) == 0);
		assert_true((XDPLB_FIELD_OF(SNAT, x) & ~XDPLB_FIELD_MASK(SNAT)) == 0);
		assert_true((XDPLB_FIELD_OF(PORT, x) & ~XDPLB_FIELD_MASK(PORT)) == 0);
		assert_true((XDPLB_FIELD_OF(BACKEND, x) & ~XDPLB_FIELD_MASK(BACKEND)) == 0);
	}
}

/* ---- keys ------------------------------------------------------------------------ */

static void flow_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__be32 client = random_64();
		__be16 port = random_64();
		__u32 service = random_from(1, XDPLB_SERVICES - 1);
		__u64 key = xdplb_flow_key(client, port, service);

		assert_true(key != 0);
		assert_int_equal((__u32)key, client);
		assert_int_equal((__u16)(key >> 32), port);
		assert_int_equal(key >> 48, service);
	}
	assert_true(xdplb_flow_key(0, 0, 1) != 0);
	assert_true(XDPLB_SERVICES <= 1 << 16);
}

static void directory_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__u8 kind = random_from(XDPLB_KIND_SERVICE, XDPLB_KIND_BACKEND);
		__u8 proto = i % 2 ? 6 : 17;
		__be32 addr = random_64();
		__be16 port = random_64();
		__u64 key = xdplb_directory_key(kind, addr, port, proto);

		assert_true(key != 0);
		assert_int_equal((__u32)key, addr);
		assert_int_equal((__u16)(key >> 32), port);
		assert_int_equal((__u8)(key >> 48), proto);
		assert_int_equal(key >> 56, kind);
	}
}

/* ---- buckets --------------------------------------------------------------------- */

static void flow_buckets_differ(void **state)
{
	static const __u64 corners[] = {
		0, ~0ULL, 1, 1ULL << 32, 0x100000001ULL, 0xffffffff, 0xffffffff00000000ULL,
	};
	__u32 bucket[2];

	(void)state;
	for (__u64 size = 2; size <= 1ULL << 32; size *= 2)
		for (int i = 0; i < 50000; i++) {
			__u64 hash = i < (int)COUNT(corners) ? corners[i] : random_64();

			/* Where chance would not make them meet. */
			if (i % 3 == 0)
				hash = (hash & 0xffffffff) | hash << 32;
			xdplb_flow_buckets(hash, size - 1, bucket);
			assert_true(bucket[0] != bucket[1]);
			assert_true(bucket[0] < size);
			assert_true(bucket[1] < size);
		}
}

/*
 * Chi-squared of `keys` keys over the counts' buckets; for an even spread it is
 * about the number of buckets, give or take some square roots of twice that.
 */
static void assert_even(const __u32 *times, __u32 buckets, __u32 keys)
{
	double expected = (double)keys / buckets, sum = 0;

	for (__u32 i = 0; i < buckets; i++)
		sum += (times[i] - expected) * (times[i] - expected) / expected;
	/* buckets is 1024: the square root of twice that is 45 */
	if (sum < buckets - 6 * 45 || sum > buckets + 6 * 45)
		fail_msg("chi-squared of %u buckets is %.0f", buckets, sum);
}

/* One client's ports, a network's clients, and a stride: the keys that real traffic has. */
static __u64 patterned_key(int pattern, __u32 i)
{
	switch (pattern) {
	case 0:
		return xdplb_flow_key(htonl(0x0a000014), htons(i), 1 + (i >> 16));
	case 1:
		return xdplb_flow_key(htonl(0x0a000000 + i), htons(40000), 1);
	case 2:
		return xdplb_flow_key(htonl(i << 12), htons(40000), 1);
	default:
		return xdplb_flow_key(htonl(0x0a000014), htons(40000), i & 0xffff) ^
		       ((__u64)(i >> 16) << 32);
	}
}

static void flow_hash_spreads(void **state)
{
	static __u32 first[1024], second[1024];
	__u32 bucket[2];

	(void)state;
	for (int pattern = 0; pattern < 4; pattern++)
		for (int round = 0; round < 5; round++) {
			const __u64 seed[2] = { random_64(), random_64() };

			memset(first, 0, sizeof(first));
			memset(second, 0, sizeof(second));
			for (__u32 i = 0; i < 1 << 18; i++) {
				__u64 hash = xdplb_hash(seed, patterned_key(pattern, i));

				xdplb_flow_buckets(hash, 1023, bucket);
				first[bucket[0]]++;
				second[bucket[1]]++;
			}
			assert_even(first, 1024, 1 << 18);
			assert_even(second, 1024, 1 << 18);
		}
}

/* Without the seed nobody can tell which keys share a bucket. */
static void flow_hash_needs_the_seed(void **state)
{
	int together = 0;

	(void)state;
	for (int i = 0; i < 1 << 20; i++) {
		const __u64 one[2] = { random_64(), random_64() };
		__u64 a = random_64(), b = a ^ 1ULL << random_from(0, 63);

		together += (xdplb_hash(one, a) & 1023) == (xdplb_hash(one, b) & 1023);
	}
	/* 1024 are to be expected, 32 is the square root */
	assert_in_range(together, 1024 - 6 * 32, 1024 + 6 * 32);
}

/* A bijection loses no key: different ones have different hashes. */
static void hash_is_one_to_one(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		const __u64 seed[2] = { random_64(), random_64() };
		__u64 a = random_64(), b = a ^ (random_64() | 1);

		assert_true(xdplb_hash(seed, a) != xdplb_hash(seed, b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_round_trip),  cmocka_unit_test(fields_fill_the_value),
		cmocka_unit_test(fields_keep_apart),  cmocka_unit_test(flow_keys),
		cmocka_unit_test(directory_keys),     cmocka_unit_test(flow_buckets_differ),
		cmocka_unit_test(flow_hash_spreads),  cmocka_unit_test(flow_hash_needs_the_seed),
		cmocka_unit_test(hash_is_one_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
