// SPDX-License-Identifier: GPL-2.0-only
/* xdp/xdplb.h: hashes, buckets, keys and the fields of a flow's value. */
#include "../../xdp/hash.h"

#include <arpa/inet.h>
#include <stdlib.h>
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
		__u64 name = xdplb_flow_name4(client, port);
		__u64 key = xdplb_flow_key(name, service);

		assert_true(key != 0);
		assert_int_equal((__u32)key, client);
		assert_int_equal((__u16)(key >> 32), port);
		assert_int_equal(key >> 48, service);
		assert_true(!(key >> 63)); /* no IPv6 client's */
		assert_true(xdplb_flow_name(key, service) == name);
	}
	assert_true(xdplb_flow_key(xdplb_flow_name4(0, 0), 1) != 0);
	assert_true(XDPLB_SERVICES <= 1 << 15);
}

static void directory_keys(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__u8 kind = random_from(XDPLB_KIND_SERVICE, XDPLB_KIND_ADDRESS);
		__u8 proto = i % 2 ? 6 : 17;
		__be32 addr = random_64();
		__be16 port = random_64();
		__u64 key = xdplb_directory_key4(kind, addr, port, proto);

		assert_true(key != 0);
		assert_int_equal((__u32)key, addr);
		assert_int_equal((__u16)(key >> 32), port);
		assert_int_equal((__u8)(key >> 48), proto);
		assert_int_equal(key >> 56, kind);
		assert_true(!(key >> 63));
	}
}

/* IPv6 has its highest bit, and any bit of the rest counts. */
static void flow_keys_ipv6(void **state)
{
	static struct xdplb_config config;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		__be32 client[4] = { random_64(), random_64(), random_64(), random_64() };
		__be16 port = random_64();
		__u32 service = random_from(1, XDPLB_SERVICES - 1);
		__u64 name, key;

		if (i % 1000 == 0) {
			config.seed[0] = random_64();
			config.seed[1] = random_64();
			xdplb_name_keys(config.seed, config.name_key);
		}
		name = xdplb_flow_name6(&config, client, port);
		key = xdplb_flow_key(name, service);
		assert_true(name >> 63);
		assert_true(key >> 63);
		assert_true(xdplb_flow_name(key, service) == name);
		assert_true(key != xdplb_flow_key(name, service ^ 1 << i % 14));
		assert_true(name != xdplb_flow_name6(&config, client, port ^ 1 << i % 16));
		client[i % 4] ^= 1U << i / 4 % 32;
		assert_true(name != xdplb_flow_name6(&config, client, port));
	}
}

/* Every bit of a name is one half of the time, whatever is changed. */
static void names_spread_ipv6(void **state)
{
	static struct xdplb_config config;
	__u32 times[64] = {};

	(void)state;
	for (int i = 0; i < 40000; i++) {
		const __be32 client[4] = { htonl(0x20010db8), 0, i / 200, htonl(i % 200) };
		__u64 name;

		if (i % 100 == 0) {
			config.seed[0] = random_64();
			config.seed[1] = random_64();
			xdplb_name_keys(config.seed, config.name_key);
		}
		name = xdplb_flow_name6(&config, client, htons(40000 + i % 7));
		for (int bit = 0; bit < 63; bit++)
			times[bit] += name >> bit & 1;
	}
	/* 20000 each; names of one seed are not independent, so the limit is wide */
	for (int bit = 0; bit < 63; bit++)
		assert_in_range(times[bit], 18500, 21500);
}

static int compare_64(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* No two services share a key of one name. */
static void services_keep_apart(void **state)
{
	static __u64 bits[XDPLB_SERVICES];

	(void)state;
	for (__u32 service = 0; service < XDPLB_SERVICES; service++) {
		bits[service] = xdplb_service_bits(XDPLB_IS_IPV6, service);
		assert_false(bits[service] >> 63);
	}
	qsort(bits, XDPLB_SERVICES, sizeof(*bits), compare_64);
	for (__u32 i = 1; i < XDPLB_SERVICES; i++)
		assert_true(bits[i] != bits[i - 1]);
}

static void directory_keys_ipv6(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		__u8 kind = random_from(XDPLB_KIND_SERVICE, XDPLB_KIND_ADDRESS);
		__be32 addr[4] = { random_64(), random_64(), random_64(), random_64() };
		__be16 port = random_64();
		__u64 key = xdplb_directory_key6(kind, addr, port, 6);

		assert_true(key >> 63);
		assert_true(key != xdplb_directory_key6(kind, addr, port, 17));
		assert_true(key != xdplb_directory_key6(kind ^ 1, addr, port, 6));
		assert_true(key != xdplb_directory_key6(kind, addr, port ^ 1 << i % 16, 6));
		addr[i % 4] ^= 1U << i / 4 % 32;
		assert_true(key != xdplb_directory_key6(kind, addr, port, 6));
	}
}

static void families(void **state)
{
	(void)state;
	for (int word = 0; word < 4; word++)
		for (int bit = 0; bit < 32; bit++) {
			__be32 addr[4] = {};

			addr[word] = 1U << bit;
			assert_int_equal(xdplb_is_ipv6(addr), word > 0);
		}
}

/*
 * What CPython's hash() of 20 bytes gives, which is SipHash-1-3 too; the key is
 * what it makes of PYTHONHASHSEED 0, 1, 42 and 4294967295.
 */
static void siphash(void **state)
{
	static const struct {
		__u64 seed[2], first, second;
		__u32 third;
		__u64 hash;
	} cases[] = {
		{ { 0x0000000000000000ULL, 0x0000000000000000ULL },
		  0x0000000000000000ULL,
		  0x0000000000000000ULL,
		  0x00000000,
		  0x24de1cc795c400b0ULL },
		{ { 0x0000000000000000ULL, 0x0000000000000000ULL },
		  0x0706050403020100ULL,
		  0x0f0e0d0c0b0a0908ULL,
		  0x13121110,
		  0x639e355ae68c0100ULL },
		{ { 0x0000000000000000ULL, 0x0000000000000000ULL },
		  0xf2a74de452e6b438ULL,
		  0x6513270e269e0d37ULL,
		  0xa6a3a450,
		  0xc76ce2f9d0ce1ac0ULL },
		{ { 0xaed66ce184be2329ULL, 0xebe9bbf1f1499052ULL },
		  0x0000000000000000ULL,
		  0x0000000000000000ULL,
		  0x00000000,
		  0x9d0a9afa49e7e8d1ULL },
		{ { 0xaed66ce184be2329ULL, 0xebe9bbf1f1499052ULL },
		  0x0706050403020100ULL,
		  0x0f0e0d0c0b0a0908ULL,
		  0x13121110,
		  0xcd48cd0e7a31cb04ULL },
		{ { 0xaed66ce184be2329ULL, 0xebe9bbf1f1499052ULL },
		  0x128b2f330c5c7fd0ULL,
		  0x892f902bd23f0824ULL,
		  0x1818e811,
		  0x02e6ed67130572ffULL },
		{ { 0xdc504fd368cd90afULL, 0xb920bb9ffe99e9c1ULL },
		  0x0000000000000000ULL,
		  0x0000000000000000ULL,
		  0x00000000,
		  0x741d2ad029684894ULL },
		{ { 0xdc504fd368cd90afULL, 0xb920bb9ffe99e9c1ULL },
		  0x0706050403020100ULL,
		  0x0f0e0d0c0b0a0908ULL,
		  0x13121110,
		  0xa7dbb0b1fa0842a3ULL },
		{ { 0xdc504fd368cd90afULL, 0xb920bb9ffe99e9c1ULL },
		  0x9531985d5d9dc9f8ULL,
		  0xe8e25d940ed90475ULL,
		  0x81e74ef5,
		  0x6598a423252655e6ULL },
		{ { 0x8d85be4c852e2b23ULL, 0x778977fb98719852ULL },
		  0x0000000000000000ULL,
		  0x0000000000000000ULL,
		  0x00000000,
		  0xccf95a7c739519d8ULL },
		{ { 0x8d85be4c852e2b23ULL, 0x778977fb98719852ULL },
		  0x0706050403020100ULL,
		  0x0f0e0d0c0b0a0908ULL,
		  0x13121110,
		  0xde76f1c4b30b8dccULL },
		{ { 0x8d85be4c852e2b23ULL, 0x778977fb98719852ULL },
		  0x099950d836f675ccULL,
		  0x6f03675a1600a35aULL,
		  0x6b0d549b,
		  0x5cf5132605989470ULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(xdplb_siphash(cases[i].seed, cases[i].first, cases[i].second,
					  cases[i].third) == cases[i].hash);
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
	/* buckets are 1024 at most: the square root of twice that is 45 */
	if (sum < buckets - 6 * 45.0 || sum > buckets + 6 * 45)
		fail_msg("chi-squared of %u buckets is %.0f", buckets, sum);
}

static __u64 flow_key4(__u32 client, __u16 port, __u32 service)
{
	return xdplb_flow_key(xdplb_flow_name4(htonl(client), htons(port)), service);
}

/* One client's ports, a network's clients, and a stride: the keys that real traffic has. */
static __u64 patterned_key(int pattern, __u32 i)
{
	switch (pattern) {
	case 0:
		return flow_key4(0x0a000014, i, 1 + (i >> 16));
	case 1:
		return flow_key4(0x0a000000 + i, 40000, 1);
	case 2:
		return flow_key4(i << 12, 40000, 1);
	default:
		return flow_key4(0x0a000014, 40000, i & 0x7fff) ^ ((__u64)(i >> 15) << 32);
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

/* Names that real traffic has spread over slots, also of a number that is no power of two. */
static void slots_spread(void **state)
{
	static __u32 times[1021];

	(void)state;
	for (int round = 0; round < 20; round++) {
		const __u64 seed[2] = { random_64(), random_64() };
		__u32 slots = round % 2 ? COUNT(times) : 251;

		memset(times, 0, sizeof(times));
		for (__u32 i = 0; i < 1 << 18; i++) {
			__u64 name = round % 4 < 2 ?
					     xdplb_flow_name4(htonl(0x0a000014 + (i >> 16)), i) :
					     xdplb_flow_name4(htonl(i), 0);
			__u32 slot = xdplb_slot(seed, name, slots);

			assert_true(slot < slots);
			times[slot]++;
		}
		assert_even(times, slots, 1 << 18);
	}
}

/* The last slot of a table that fills 32 bits, and of one. */
static void slots_end(void **state)
{
	const __u64 seed[2] = { 1, 2 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(xdplb_slot(seed, random_64(), 1), 0);
		assert_true(xdplb_slot(seed, random_64(), 0xffffffff) < 0xffffffff);
	}
}

static void prefix_masks(void **state)
{
	(void)state;
	for (__u32 bits = 0; bits <= 128; bits++)
		for (__u32 bit = 0; bit < 128; bit++) {
			__u32 mask = xdplb_prefix_mask(bits, bit / 32);

			assert_int_equal(mask >> (31 - bit % 32) & 1, bit < bits);
		}
}

/* A word's parts, with the marks and without. */
static void slot_words(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__u32 owner = random_from(0, XDPLB_BACKENDS - 1);
		__u32 previous = random_from(0, XDPLB_BACKENDS - 1);
		__u32 weight = random_from(1, XDPLB_WEIGHT_MAX);
		__u32 word =
			owner | XDPLB_SLOT_SECOND(previous) | XDPLB_SLOT_LOOKUP | XDPLB_SLOT_ADOPT;

		assert_int_equal(XDPLB_SLOT_OWNER(word), owner);
		assert_int_equal(XDPLB_SLOT_PREVIOUS(word), previous);
		word = owner | XDPLB_SLOT_SECOND(weight);
		assert_int_equal(XDPLB_SLOT_OWNER(word), owner);
		assert_int_equal(XDPLB_SLOT_WEIGHT(word), weight);
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
		cmocka_unit_test(fields_round_trip),
		cmocka_unit_test(fields_fill_the_value),
		cmocka_unit_test(fields_keep_apart),
		cmocka_unit_test(flow_keys),
		cmocka_unit_test(directory_keys),
		cmocka_unit_test(flow_buckets_differ),
		cmocka_unit_test(flow_hash_spreads),
		cmocka_unit_test(flow_hash_needs_the_seed),
		cmocka_unit_test(hash_is_one_to_one),
		cmocka_unit_test(flow_keys_ipv6),
		cmocka_unit_test(directory_keys_ipv6),
		cmocka_unit_test(families),
		cmocka_unit_test(siphash),
		cmocka_unit_test(names_spread_ipv6),
		cmocka_unit_test(services_keep_apart),
		cmocka_unit_test(slots_spread),
		cmocka_unit_test(slots_end),
		cmocka_unit_test(prefix_masks),
		cmocka_unit_test(slot_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
