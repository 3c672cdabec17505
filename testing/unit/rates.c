// SPDX-License-Identifier: GPL-2.0-only
/* loader/rates.c: what two looks at counters say, whatever happened between them. */
#include "../../loader/rates.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <math.h>
#include <stdlib.h>

#include "unit.h"

#define SERVICES 8
#define BACKENDS 32

/* Room for what a test puts together. */
static struct sample sample_new(double time)
{
	struct sample sample = { .counts = { .balancer = 1, .time = time } };

	sample.counts.service = calloc(SERVICES, sizeof(*sample.counts.service));
	sample.counts.backend = calloc(BACKENDS, sizeof(*sample.counts.backend));
	assert_true(sample.counts.service && sample.counts.backend);
	return sample;
}

static struct counts times(__u64 n)
{
	return (struct counts){ .packets = n,
				.bytes = 100 * n,
				.reply_packets = 2 * n,
				.reply_bytes = 300 * n,
				.new_flows = n / 10,
				.active = 5 };
}

static void service_add(struct sample *sample, __u32 id, __u16 port, __u64 packets)
{
	struct all_counts *all = &sample->counts;
	struct service_counts *service = &all->service[all->services++];

	assert_true(all->services <= SERVICES);
	service->id = id;
	service->at.addr[0] = htonl(0xc0000201);
	service->at.port = htons(port);
	service->at.proto = IPPROTO_TCP;
	service->first = all->backends;
	service->counts = times(packets);
}

static void backend_add(struct sample *sample, __u16 port, __u64 packets)
{
	struct all_counts *all = &sample->counts;
	struct backend_counts *backend = &all->backend[all->backends++];

	assert_true(all->backends <= BACKENDS);
	backend->addr[0] = htonl(0x0a000001);
	backend->port = htons(port);
	backend->counts = times(packets);
	all->service[all->services - 1].backends++;
}

static void between(void **state)
{
	struct counts before = times(100), now = times(350);
	struct rates rates = rates_between(&before, &now, 2.5);

	(void)state;
	assert_true(rates.known);
	assert_float_equal(rates.packets, 100, 1e-9);
	assert_float_equal(rates.bits, 80000, 1e-9);
	assert_float_equal(rates.replies, 200, 1e-9);
	assert_float_equal(rates.reply_bits, 240000, 1e-9);
	assert_float_equal(rates.new_flows, 10, 1e-9);
	rates = rates_between(&now, &now, 1);
	assert_true(rates.known);
	assert_float_equal(rates.packets, 0, 0);
}

/* A counter that fell is no negative rate, whichever it is. */
static void fell(void **state)
{
	struct counts before = times(100);

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct counts now = times(200);
		__u64 *counter[] = { &now.packets, &now.bytes, &now.reply_packets, &now.reply_bytes,
				     &now.new_flows };

		*counter[i] = 0;
		assert_false(rates_between(&before, &now, 1).known);
		assert_float_equal(rates_between(&before, &now, 1).packets, 0, 0);
	}
	/* Flows that end are no counter that fell. */
	struct counts now = times(200);

	now.active = 0;
	assert_true(rates_between(&before, &now, 1).known);
	assert_false(rates_between(&before, &now, 0).known);
	assert_false(rates_between(&before, &now, -1).known);
}

static void first(void **state)
{
	struct sample now = sample_new(10);

	(void)state;
	service_add(&now, 3, 80, 100);
	backend_add(&now, 8080, 100);
	assert_int_equal(sample_compare(&now, NULL), 0);
	assert_float_equal(now.seconds, 0, 0);
	assert_false(now.service[0].known);
	assert_false(now.backend[0].known);
	assert_false(now.total.known);
	assert_int_equal(now.active, 5);
	assert_true(isnan(now.history[0].packets[HISTORY - 1]));
	sample_free(&now);
	assert_null(now.service);
}

/* Rows that stay are known wherever they are now; others are not. */
static void come_and_go(void **state)
{
	struct sample before = sample_new(10), now = sample_new(12);

	(void)state;
	service_add(&before, 1, 80, 1000);
	service_add(&before, 4, 81, 1000);
	backend_add(&before, 1, 500);
	backend_add(&before, 2, 500);
	service_add(&before, 9, 82, 1000);
	service_add(&before, 10, 85, 1000);
	before.counts.reason[XDPLB_DROP_TTL] = 10;
	before.counts.reason[XDPLB_DROP_VLAN] = 10;
	before.counts.verdict[XDP_TX] = 10;

	service_add(&now, 2, 83, 9999); /* new */
	service_add(&now, 4, 81, 1200);
	backend_add(&now, 3, 7777); /* new */
	backend_add(&now, 2, 600);
	backend_add(&now, 1, 100); /* began anew */
	service_add(&now, 9, 84, 2000); /* others with the same ids */
	service_add(&now, 10, 85, 2000);
	now.counts.service[3].at.addr[0]++;
	now.counts.reason[XDPLB_DROP_TTL] = 40;
	now.counts.verdict[XDP_TX] = 30;

	assert_int_equal(sample_compare(&before, NULL), 0);
	assert_int_equal(sample_compare(&now, &before), 0);
	assert_float_equal(now.seconds, 2, 1e-9);
	assert_false(now.service[0].known);
	assert_true(now.service[1].known);
	assert_float_equal(now.service[1].packets, 100, 1e-9);
	assert_false(now.backend[0].known);
	assert_float_equal(now.backend[1].packets, 50, 1e-9);
	assert_false(now.backend[2].known);
	assert_false(now.service[2].known);
	assert_false(now.service[3].known);
	assert_float_equal(now.total.packets, 100, 1e-9);
	assert_int_equal(now.active, 20);
	assert_float_equal(now.reason[XDPLB_DROP_TTL], 15, 1e-9);
	assert_float_equal(now.reason[XDPLB_DROP_VLAN], 0, 0);
	assert_float_equal(now.verdict[XDP_TX], 10, 1e-9);
	sample_free(&before);
	sample_free(&now);
}

/* Of another balancer's counters nothing follows. */
static void another_balancer(void **state)
{
	struct sample before = sample_new(10), now = sample_new(11);

	(void)state;
	service_add(&before, 1, 80, 1000);
	service_add(&now, 1, 80, 2000);
	now.counts.balancer = 2;
	now.counts.reason[0] = 5;
	assert_int_equal(sample_compare(&before, NULL), 0);
	assert_int_equal(sample_compare(&now, &before), 0);
	assert_false(now.service[0].known);
	assert_float_equal(now.seconds, 0, 0);
	assert_float_equal(now.reason[0], 0, 0);
	sample_free(&before);
	sample_free(&now);
}

/* A minute, in which seconds without a look have the rate of the time they are in. */
static void history(void **state)
{
	const double gaps[] = { 1, 1.01, 0.99, 3, 0.1, 1 };
	struct sample before = sample_new(0);
	int seen = 0;

	(void)state;
	service_add(&before, 1, 80, 0);
	assert_int_equal(sample_compare(&before, NULL), 0);
	for (size_t i = 0; i < COUNT(gaps); i++) {
		struct sample now = sample_new(before.counts.time + gaps[i]);

		service_add(&now, 1, 80, before.counts.service[0].counts.packets + 100);
		assert_int_equal(sample_compare(&now, &before), 0);
		sample_free(&before);
		before = now;
	}
	for (int i = 0; i < HISTORY; i++)
		seen += !isnan(before.history[0].packets[i]);
	assert_int_equal(seen, 8);
	assert_float_equal(before.history[0].packets[HISTORY - 1], 100, 0.01);
	for (int i = 3; i <= 5; i++)
		assert_float_equal(before.history[0].packets[HISTORY - i], 33.333, 0.01);

	struct sample late = sample_new(before.counts.time + 100000);

	service_add(&late, 1, 80, before.counts.service[0].counts.packets);
	assert_int_equal(sample_compare(&late, &before), 0);
	assert_float_equal(late.history[0].packets[0], 0, 0);
	sample_free(&before);
	sample_free(&late);
}

/* Whatever two looks see, no rate is negative, infinite or no number. */
static void anything(void **state)
{
	struct sample before = {}, now;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		__u32 id = 0;

		now = sample_new(before.counts.time + random_from(0, 3));
		now.counts.balancer = random_from(0, 9) != 0;
		while (random_from(0, 5) && now.counts.services < SERVICES) {
			id += random_from(1, 2);
			service_add(&now, id, random_from(80, 82), random_from(0, 1000));
			while (random_from(0, 3) && now.counts.backends < BACKENDS)
				backend_add(&now, random_from(1, 3), random_from(0, 1000));
		}
		for (int i = 0; i < XDPLB_REASONS; i++)
			now.counts.reason[i] = random_64() >> random_from(0, 63);
		assert_int_equal(sample_compare(&now, round ? &before : NULL), 0);
		for (__u32 i = 0; i < now.counts.services; i++)
			assert_true(now.service[i].packets >= 0 && now.service[i].packets <= 1000);
		for (__u32 i = 0; i < now.counts.backends; i++)
			assert_true(now.backend[i].bits >= 0 && now.backend[i].bits <= 800000);
		for (int i = 0; i < XDPLB_REASONS; i++)
			assert_true(now.reason[i] >= 0 && isfinite(now.reason[i]));
		sample_free(&before);
		before = now;
	}
	sample_free(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(between),
		cmocka_unit_test(fell),
		cmocka_unit_test(first),
		cmocka_unit_test(come_and_go),
		cmocka_unit_test(another_balancer),
		cmocka_unit_test(history),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
