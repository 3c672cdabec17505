// SPDX-License-Identifier: GPL-2.0-only
/* loader/directory.c: every key is found, in the buckets where the program looks. */
#include "../../loader/directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "../../xdp/hash.h"

/* How people number their addresses: the n-th of some patterns. */
struct place {
	__u32 addr;
	__u16 port;
	__u8 proto;
};

#define PATTERNS 5

static struct place place_of(int pattern, __u32 base, __u32 n)
{
	switch (pattern) {
	case 0: /* one address, many ports; then the next address */
		return (struct place){ base + n / 40000, 1024 + n % 40000, IPPROTO_TCP };
	case 1: /* many addresses, one port */
		return (struct place){ base + n, 80, IPPROTO_TCP };
	case 2: /* a network each */
		return (struct place){ base + (n << 8), 443, IPPROTO_TCP };
	case 3: /* addresses by ports, both protocols */
		return (struct place){ base + n / 64, 8000 + n / 2 % 32,
				       n % 2 ? IPPROTO_TCP : IPPROTO_UDP };
	default: /* 250 hosts in each of many networks */
		return (struct place){ base + ((n / 250) << 16) + n % 250, 80, IPPROTO_UDP };
	}
}

static struct place nth(enum xdplb_kind kind, int pattern, __u32 n)
{
	return place_of(pattern, kind == XDPLB_KIND_SERVICE ? 0xc0000200 : 0x0a000000, n);
}

static int add(struct balancer *balancer, enum xdplb_kind kind, struct place at, __u32 index)
{
	const __be32 addr[4] = { htonl(at.addr) };

	return directory_add(balancer, kind, addr, htons(at.port), at.proto, index);
}

static __u32 find(const struct balancer *balancer, enum xdplb_kind kind, struct place at)
{
	const __be32 addr[4] = { htonl(at.addr) };
	struct xdplb_directory_entry *entry =
		directory_find(balancer, kind, addr, htons(at.port), at.proto);

	return entry ? entry->index : 0;
}

static void take_out(struct balancer *balancer, enum xdplb_kind kind, struct place at)
{
	const __be32 addr[4] = { htonl(at.addr) };

	directory_remove(balancer, kind, addr, htons(at.port), at.proto);
}

static struct balancer *balancer_make(void)
{
	struct balancer *balancer = calloc(1, sizeof(*balancer));

	assert_non_null(balancer);
	balancer->directory = calloc(XDPLB_DIRECTORY_BUCKETS, sizeof(*balancer->directory));
	balancer->config = calloc(1, sizeof(*balancer->config));
	balancer->services = calloc(XDPLB_SERVICES, sizeof(*balancer->services));
	balancer->backends = calloc(XDPLB_BACKENDS, sizeof(*balancer->backends));
	balancer->pools = calloc(XDPLB_POOLS, sizeof(*balancer->pools));
	assert_true(balancer->directory && balancer->config && balancer->services &&
		    balancer->backends && balancer->pools);
	said_reset();
	return balancer;
}

static void balancer_delete(struct balancer *balancer)
{
	free(balancer->directory);
	free(balancer->config);
	free(balancer->services);
	free(balancer->backends);
	free(balancer->pools);
	free(balancer);
}

/*
 * Every key lies where the program looks for it: in its first bucket, or in its
 * second, and then the first says so.
 */
static void assert_sound(const struct balancer *balancer)
{
	static __u32 spilled[XDPLB_DIRECTORY_BUCKETS];

	memset(spilled, 0, sizeof(spilled));
	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		for (int w = 0; w < XDPLB_WAYS; w++) {
			__u64 key = balancer->directory[b].way[w].key;
			__u32 at[2];

			if (!key)
				continue;
			xdplb_directory_buckets(key, at);
			assert_true(at[0] < XDPLB_DIRECTORY_BUCKETS);
			assert_true(at[1] < XDPLB_DIRECTORY_BUCKETS);
			assert_true(b == at[0] || b == at[1]);
			spilled[at[0]] += b != at[0];
		}
	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		assert_int_equal(spilled[b] > 0, balancer->directory[b].way[0].spilled > 0);
}

/* Adds `services` and `backends` in a pattern; all have to find a place. */
static void fill(struct balancer *balancer, int pattern, __u32 services, __u32 backends)
{
	__u32 refused = 0;

	for (__u32 n = 0; n < services; n++)
		refused += !!add(balancer, XDPLB_KIND_SERVICE, nth(XDPLB_KIND_SERVICE, pattern, n),
				 n + 1);
	for (__u32 n = 0; n < backends; n++)
		refused += !!add(balancer, XDPLB_KIND_BACKEND, nth(XDPLB_KIND_BACKEND, pattern, n),
				 n + 1);
	if (refused)
		fail_msg("pattern %d: %u of %u services and %u backends find no room", pattern,
			 refused, services, backends);
}

static void assert_found(const struct balancer *balancer, int pattern, __u32 services,
			 __u32 backends)
{
	for (__u32 n = 0; n < services; n++)
		assert_int_equal(find(balancer, XDPLB_KIND_SERVICE,
				      nth(XDPLB_KIND_SERVICE, pattern, n)),
				 n + 1);
	for (__u32 n = 0; n < backends; n++)
		assert_int_equal(find(balancer, XDPLB_KIND_BACKEND,
				      nth(XDPLB_KIND_BACKEND, pattern, n)),
				 n + 1);
}

static void empty(void **state)
{
	struct balancer *balancer = balancer_make();
	struct place at = nth(XDPLB_KIND_SERVICE, 1, 1);

	(void)state;
	assert_int_equal(find(balancer, XDPLB_KIND_SERVICE, at), 0);
	take_out(balancer, XDPLB_KIND_SERVICE, at);
	assert_sound(balancer);
	balancer_delete(balancer);
}

/* Kind, address, port and protocol each make another key. */
static void all_of_the_key_counts(void **state)
{
	struct balancer *balancer = balancer_make();
	const struct place at = { 0xc0000201, 80, IPPROTO_TCP };

	(void)state;
	assert_int_equal(add(balancer, XDPLB_KIND_SERVICE, at, 7), 0);
	assert_int_equal(find(balancer, XDPLB_KIND_SERVICE, at), 7);
	assert_int_equal(find(balancer, XDPLB_KIND_BACKEND, at), 0);
	assert_int_equal(
		find(balancer, XDPLB_KIND_SERVICE, (struct place){ at.addr, 80, IPPROTO_UDP }), 0);
	assert_int_equal(
		find(balancer, XDPLB_KIND_SERVICE, (struct place){ at.addr, 81, IPPROTO_TCP }), 0);
	assert_int_equal(find(balancer, XDPLB_KIND_SERVICE,
			      (struct place){ at.addr + 1, 80, IPPROTO_TCP }),
			 0);
	take_out(balancer, XDPLB_KIND_BACKEND, at);
	assert_int_equal(find(balancer, XDPLB_KIND_SERVICE, at), 7);
	balancer_delete(balancer);
}

/* The number DESIGN.md promises to be fast with, and backends besides. */
static void ten_thousand_services(void **state)
{
	(void)state;
	for (int pattern = 0; pattern < PATTERNS; pattern++) {
		struct balancer *balancer = balancer_make();

		fill(balancer, pattern, 10000, 1000);
		assert_found(balancer, pattern, 10000, 1000);
		assert_sound(balancer);
		balancer_delete(balancer);
	}
}

/* No other table is full when this one is. */
static void as_many_as_there_can_be(void **state)
{
	(void)state;
	for (int pattern = 0; pattern < PATTERNS; pattern++) {
		struct balancer *balancer = balancer_make();

		fill(balancer, pattern, XDPLB_SERVICES - 1, XDPLB_POOLS - 1);
		assert_found(balancer, pattern, XDPLB_SERVICES - 1, XDPLB_POOLS - 1);
		assert_sound(balancer);
		balancer_delete(balancer);
	}
}

/* Too many: refused with a line that says so, and all others stay. */
static void full(void **state)
{
	struct balancer *balancer = balancer_make();
	__u32 n = 0, added = 0;

	(void)state;
	for (; n < XDPLB_DIRECTORY_BUCKETS * XDPLB_WAYS + 1; n++) {
		int err = add(balancer, XDPLB_KIND_SERVICE, nth(XDPLB_KIND_SERVICE, 1, n), n + 1);

		assert_true(!err || err == -ENOSPC);
		added += !err;
	}
	assert_true(added < n);
	assert_int_equal(said_lines(), n - added);
	assert_non_null(strstr(said(), "the directory is full"));
	assert_sound(balancer);
	for (__u32 i = 0; i < n; i++) {
		__u32 index = find(balancer, XDPLB_KIND_SERVICE, nth(XDPLB_KIND_SERVICE, 1, i));

		assert_true(index == 0 || index == i + 1);
		added -= !!index;
	}
	assert_int_equal(added, 0);
	balancer_delete(balancer);
}

/* Any order of adding and removing, against a plain list. */
static void comes_and_goes(void **state)
{
	enum {
		KEYS = 12000
	};
	static bool there[KEYS];
	struct balancer *balancer = balancer_make();

	(void)state;
	for (int i = 0; i < 300000; i++) {
		__u32 n = random_from(0, KEYS - 1);
		struct place at = nth(XDPLB_KIND_SERVICE, n % PATTERNS, n);

		assert_int_equal(find(balancer, XDPLB_KIND_SERVICE, at), there[n] ? n + 1 : 0);
		if (there[n]) {
			take_out(balancer, XDPLB_KIND_SERVICE, at);
			there[n] = false;
		} else {
			there[n] = !add(balancer, XDPLB_KIND_SERVICE, at, n + 1);
		}
	}
	assert_sound(balancer);
	for (__u32 n = 0; n < KEYS; n++)
		take_out(balancer, XDPLB_KIND_SERVICE, nth(XDPLB_KIND_SERVICE, n % PATTERNS, n));
	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		for (int w = 0; w < XDPLB_WAYS; w++)
			assert_true(balancer->directory[b].way[w].key == 0);
	assert_sound(balancer);
	balancer_delete(balancer);
}

/* ---- IPv6, whose keys are hashes -------------------------------------------------- */

static const enum xdplb_kind kinds[] = { XDPLB_KIND_SERVICE, XDPLB_KIND_BACKEND, XDPLB_KIND_DNAT,
					 XDPLB_KIND_TUNNEL, XDPLB_KIND_ADDRESS };

/* Puts an address where an entry of this kind leads to. */
static void place_address(struct balancer *balancer, enum xdplb_kind kind, __u32 index,
			  const __be32 addr[4])
{
	__be32 *at = kind == XDPLB_KIND_BACKEND ? balancer->pools[index].backend_addr :
		     kind == XDPLB_KIND_SERVICE || kind == XDPLB_KIND_ADDRESS ?
						  balancer->services[index].addr :
						  balancer->backends[index].addr;

	memcpy(at, addr, 16);
}

static void ipv6_of_each_kind(void **state)
{
	struct balancer *balancer = balancer_make();
	const __be32 addr[4] = { htonl(0x20010db8), 0, 0, htonl(1) };
	const __be32 other[4] = { htonl(0x20010db8), 0, 0, htonl(2) };

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		place_address(balancer, kinds[i], 10 + i, addr);
		assert_null(directory_find(balancer, kinds[i], addr, htons(80), 6));
		assert_false(balancer->config->kinds & 1 << kinds[i]);
		assert_int_equal(directory_add(balancer, kinds[i], addr, htons(80), 6, 10 + i), 0);
		assert_true(balancer->config->kinds & 1 << kinds[i]);
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		assert_int_equal(directory_find(balancer, kinds[i], addr, htons(80), 6)->index,
				 10 + i);
		assert_null(directory_find(balancer, kinds[i], addr, htons(81), 6));
		assert_null(directory_find(balancer, kinds[i], addr, htons(80), 17));
		assert_null(directory_find(balancer, kinds[i], other, htons(80), 6));
	}
	for (size_t i = 0; i < COUNT(kinds); i++) {
		directory_remove(balancer, kinds[i], other, htons(80), 6);
		assert_non_null(directory_find(balancer, kinds[i], addr, htons(80), 6));
		directory_remove(balancer, kinds[i], addr, htons(80), 6);
		assert_null(directory_find(balancer, kinds[i], addr, htons(80), 6));
	}
	assert_sound(balancer);
	balancer_delete(balancer);
}

/* Another address with the same key: xdplb_directory_key6() solved for its last words. */
static void twin_of(const __be32 addr[4], __be32 twin[4])
{
	__u64 mixed[2];

	twin[0] = addr[0];
	twin[1] = random_64();
	for (int i = 0; i < 2; i++) {
		const __be32 *one = i ? twin : addr;
		__u64 key = xdplb_directory_key4(XDPLB_KIND_SERVICE, 0, htons(80), 6) ^
			    ((__u64)one[1] << 32 | one[0]);

		key = (key ^ key >> 32) * 0x9e3779b97f4a7c15ULL;
		mixed[i] = key ^ key >> 32;
	}
	mixed[0] ^= mixed[1] ^ ((__u64)addr[3] << 32 | addr[2]);
	twin[2] = mixed[0];
	twin[3] = mixed[0] >> 32;
}

/* It is not there, is not added, and takes nothing away. */
static void ipv6_twins(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct balancer *balancer = balancer_make();
		const __be32 addr[4] = { htonl(0x20010db8), random_64(), random_64(), random_64() };
		__be32 twin[4];

		twin_of(addr, twin);
		assert_memory_not_equal(addr, twin, 16);
		assert_true(xdplb_directory_key6(XDPLB_KIND_SERVICE, addr, htons(80), 6) ==
			    xdplb_directory_key6(XDPLB_KIND_SERVICE, twin, htons(80), 6));
		place_address(balancer, XDPLB_KIND_SERVICE, 1, addr);
		place_address(balancer, XDPLB_KIND_SERVICE, 2, twin);
		assert_int_equal(directory_add(balancer, XDPLB_KIND_SERVICE, addr, htons(80), 6, 1),
				 0);
		assert_null(directory_find(balancer, XDPLB_KIND_SERVICE, twin, htons(80), 6));
		assert_int_equal(directory_add(balancer, XDPLB_KIND_SERVICE, twin, htons(80), 6, 2),
				 -EEXIST);
		assert_said("twin", "another address has the same key");
		directory_remove(balancer, XDPLB_KIND_SERVICE, twin, htons(80), 6);
		assert_int_equal(
			directory_find(balancer, XDPLB_KIND_SERVICE, addr, htons(80), 6)->index, 1);
		balancer_delete(balancer);
	}
}

/* An entry of another kind, whose index is beyond this kind's table. */
static void ipv6_index_of_another_kind(void **state)
{
	struct balancer *balancer = balancer_make();
	const __be32 addr[4] = { htonl(0x20010db8), 0, 0, htonl(1) };
	__u32 bucket[2];
	__u64 key = xdplb_directory_key6(XDPLB_KIND_BACKEND, addr, htons(80), 6);

	(void)state;
	xdplb_directory_buckets(key, bucket);
	balancer->directory[bucket[0]].way[0] =
		(struct xdplb_directory_entry){ .key = key, .index = XDPLB_BACKENDS - 1 };
	assert_null(directory_find(balancer, XDPLB_KIND_BACKEND, addr, htons(80), 6));
	balancer_delete(balancer);
}

static void ipv6_services(void **state)
{
	struct balancer *balancer = balancer_make();

	(void)state;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const __be32 addr[4] = { htonl(0x20010db8), 0, htonl(id >> 7),
					 htonl(1 + id % 128) };

		place_address(balancer, XDPLB_KIND_SERVICE, id, addr);
		assert_int_equal(
			directory_add(balancer, XDPLB_KIND_SERVICE, addr, htons(443), 6, id), 0);
	}
	assert_sound(balancer);
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		assert_int_equal(directory_find(balancer, XDPLB_KIND_SERVICE,
						balancer->services[id].addr, htons(443), 6)
					 ->index,
				 id);
	balancer_delete(balancer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(all_of_the_key_counts),
		cmocka_unit_test(ten_thousand_services),
		cmocka_unit_test(as_many_as_there_can_be),
		cmocka_unit_test(full),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(ipv6_of_each_kind),
		cmocka_unit_test(ipv6_twins),
		cmocka_unit_test(ipv6_index_of_another_kind),
		cmocka_unit_test(ipv6_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
