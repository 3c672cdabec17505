// SPDX-License-Identifier: GPL-2.0-only
/* loader/flows.c: which entries a scan of the flow table finds, and what it says of them. */
#include "../../loader/flows.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "../../xdp/hash.h"

#define NOW 100000
#define BUCKETS 1024
#define SERVICE 7

static struct xdplb_flow_bucket buckets[BUCKETS];
static struct xdplb_backend backends[XDPLB_BACKENDS];

static struct xdplb_flow_bucket old_buckets[BUCKETS / 4];

static const struct flow_table table = {
	.bucket = buckets,
	.buckets = BUCKETS,
	.backend = backends,
	.now = NOW,
};

static int clear(void **state)
{
	(void)state;
	memset(buckets, 0, sizeof(buckets));
	memset(old_buckets, 0, sizeof(old_buckets));
	memset(backends, 0, sizeof(backends));
	for (int i = 1; i < XDPLB_BACKENDS; i++)
		for (int j = 0; j < XDPLB_FLOW_STATES; j++)
			backends[i].timeout[j] = 10 * j;
	return 0;
}

/* An entry of a client whose address is its index. */
static void put(__u32 index, __u32 backend, __u32 state, __u32 idle, __u32 port)
{
	struct xdplb_flow *entry = &buckets[index / XDPLB_WAYS].way[index % XDPLB_WAYS];

	entry->key = xdplb_flow_key(xdplb_flow_name4(htonl(index + 1), htons(80)), SERVICE);
	entry->value = XDPLB_FIELD_OF(BACKEND, backend) | XDPLB_FIELD_OF(STATE, state) |
		       XDPLB_FIELD_OF(SEEN, NOW - idle) | XDPLB_FIELD_OF(PORT, port) |
		       XDPLB_FIELD_OF(SNAT, 3) | XDPLB_FIELD_OF(GENERATION, 9);
}

struct found {
	struct flow flow;
	int count;
};

static void find(const struct flow *flow, void *context)
{
	struct found *found = context;

	found->flow = *flow;
	found->count++;
}

static struct found scan(void)
{
	struct found found = {};

	flows_scan(&table, find, &found);
	return found;
}

static void empty(void **state)
{
	static struct flow_counts counts;

	(void)state;
	assert_int_equal(scan().count, 0);
	memset(&counts, 0xff, sizeof(counts));
	flows_count(&table, &counts);
	assert_int_equal(counts.entries, 0);
	for (int i = 0; i < XDPLB_BACKENDS; i++)
		assert_int_equal(counts.active[i] | counts.gone[i], 0);
}

static void one(void **state)
{
	struct found found;

	(void)state;
	for (__u32 index = 0; index < BUCKETS * XDPLB_WAYS; index += BUCKETS * XDPLB_WAYS - 1) {
		clear(NULL);
		put(index, XDPLB_BACKENDS - 1, XDPLB_FLOW_ESTABLISHED, 5, XDPLB_DSR);
		found = scan();
		assert_int_equal(found.count, 1);
		assert_int_equal(found.flow.backend, XDPLB_BACKENDS - 1);
		assert_int_equal(found.flow.state, XDPLB_FLOW_ESTABLISHED);
		assert_int_equal(found.flow.idle, 5);
		assert_false(found.flow.expired);
		assert_int_equal(flow_method(&found.flow), XDPLB_DSR);
		assert_int_equal((__u32)xdplb_flow_name(found.flow.key, SERVICE), htonl(index + 1));
	}
}

/* While the table changes its size, those of both are found. */
static void two_tables(void **state)
{
	struct flow_table two = table;
	struct found found = {};

	(void)state;
	two.old = old_buckets;
	two.old_buckets = sizeof(old_buckets) / sizeof(*old_buckets);
	put(7, 1, XDPLB_FLOW_ESTABLISHED, 5, XDPLB_DSR);
	old_buckets[BUCKETS / 4 - 1].way[XDPLB_WAYS - 1] = buckets[1].way[3];
	flows_scan(&two, find, &found);
	assert_int_equal(found.count, 2);
	buckets[1].way[3].value = 0;
	found.count = 0;
	flows_scan(&two, find, &found);
	assert_int_equal(found.count, 1);
	assert_int_equal((__u32)xdplb_flow_name(found.flow.key, SERVICE), htonl(8));
	assert_int_equal(scan().count, 0);
}

/* Entries that are free, or being written, or cannot be. */
static void no_flows(void **state)
{
	(void)state;
	put(1, 1, XDPLB_FLOW_FREE, 0, XDPLB_DSR);
	put(2, 1, XDPLB_FLOW_BUSY, 0, XDPLB_DSR);
	put(3, 1, XDPLB_FLOW_STATES, 0, XDPLB_DSR);
	put(4, XDPLB_BACKENDS, XDPLB_FLOW_NEW, 0, XDPLB_DSR);
	put(5, 1, XDPLB_FLOW_NEW, 0, XDPLB_DSR);
	buckets[1].way[1].key = 0;
	assert_int_equal(scan().count, 0);
}

static void methods(void **state)
{
	(void)state;
	for (__u32 port = 0; port < 65536; port++) {
		const struct flow flow = { .value = XDPLB_FIELD_OF(PORT, port) };

		assert_int_equal(flow_method(&flow), port < 1024 ? port & 0xff : XDPLB_NAT);
		if (port == XDPLB_GUE)
			port = 1022;
	}
}

/* By the timeout of its backend and state; 0 is at once. */
static void expiry(void **state)
{
	(void)state;
	for (__u32 flow_state = XDPLB_FLOW_NEW; flow_state < XDPLB_FLOW_STATES; flow_state++)
		for (__u32 idle = 0; idle < 200; idle++) {
			put(9, 3, flow_state, idle, XDPLB_DSR);
			assert_int_equal(scan().flow.expired, idle > 10 * flow_state);
		}
	put(9, 3, XDPLB_FLOW_NEW, 0, XDPLB_DSR);
	backends[3].timeout[XDPLB_FLOW_NEW] = 0;
	assert_true(scan().flow.expired);
}

/* A CPU may be a tick ahead of us. */
static void from_the_future(void **state)
{
	(void)state;
	put(9, 3, XDPLB_FLOW_ESTABLISHED, -2, XDPLB_DSR);
	assert_int_equal(scan().flow.idle, 0);
	assert_false(scan().flow.expired);
}

static void clients(void **state)
{
	(void)state;
	for (__u32 i = 0; i < XDPLB_FLOW_STATES; i++) {
		const struct flow flow = { .state = i };

		assert_int_equal(flow_is_client(&flow),
				 i == XDPLB_FLOW_CLIENT_NEW || i == XDPLB_FLOW_CLIENT);
	}
}

static bool is_active(__u32 state)
{
	return state == XDPLB_FLOW_NEW || state == XDPLB_FLOW_ESTABLISHED ||
	       state == XDPLB_FLOW_UDP_NEW || state == XDPLB_FLOW_UDP ||
	       state == XDPLB_FLOW_ADOPTED;
}

/* Against counting by hand. */
static void counting(void **state)
{
	static struct flow_counts counts;
	__u32 active[8] = {}, gone[8] = {}, entries = 0;

	(void)state;
	for (__u32 i = 0; i < BUCKETS * XDPLB_WAYS; i++) {
		__u32 backend = random_from(1, 7), age = random_from(0, 200);
		__u32 flow_state = random_from(XDPLB_FLOW_FREE, XDPLB_FLOW_STATES - 1);
		bool expired = age > 10 * flow_state;

		put(i, backend, flow_state, age, XDPLB_GUE);
		if (flow_state <= XDPLB_FLOW_BUSY)
			continue;
		entries += !expired;
		active[backend] += is_active(flow_state) && !expired;
		gone[backend] += is_active(flow_state) && expired;
	}
	flows_count(&table, &counts);
	assert_int_equal(counts.entries, entries);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(counts.active[i], active[i]);
		assert_int_equal(counts.gone[i], gone[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, clear),
		cmocka_unit_test_setup(one, clear),
		cmocka_unit_test_setup(two_tables, clear),
		cmocka_unit_test_setup(no_flows, clear),
		cmocka_unit_test_setup(methods, clear),
		cmocka_unit_test_setup(expiry, clear),
		cmocka_unit_test_setup(from_the_future, clear),
		cmocka_unit_test_setup(clients, clear),
		cmocka_unit_test_setup(counting, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
