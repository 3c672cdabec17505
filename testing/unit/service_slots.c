// SPDX-License-Identifier: GPL-2.0-only
/* loader/services.c: a service's slots, their marks, and how one of them is picked. */
#include "../../loader/services.h"

#include <arpa/inet.h>
#include <string.h>

#include "../../loader/flows.h"
#include "../../loader/sets.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"
#include "../../xdp/hash.h"

/* The same again keeps the set and its count, in the window and after it. */
static void same_again(void **state)
{
	struct wanted_service wanted;
	__u64 set;

	(void)state;
	make();
	maglev_make(&wanted, 3);
	apply_wanted(&wanted);
	set = service_set(&balancer, 1);
	apply_wanted(&wanted);
	assert_int_equal(service_set(&balancer, 1), set);
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_not_equal(service_set(&balancer, 1), set);
	set = service_set(&balancer, 1);
	balancer.sets[set].head.next = 77;
	apply_wanted(&wanted);
	assert_int_equal(service_set(&balancer, 1), set);
	assert_int_equal(balancer.sets[set].head.next, 77);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* How many slots of the service are looked up. */
static __u32 looked_up(void)
{
	const struct marks marks = set_marks(&balancer, 1);
	__u32 count = 0;

	for (__u32 s = 0; s < marks.slots; s++)
		count += (marks.slot[s] & XDPLB_SLOT_LOOKUP) != 0;
	return count;
}

/* A client whose slot this backend owns; with a port. */
static __u64 name_owned_by(__u32 backend)
{
	const struct marks marks = set_marks(&balancer, 1);

	for (;;) {
		__u64 name = xdplb_flow_name4(random_64(), random_64());
		__u32 slot = xdplb_slot(balancer.config->seed, name, marks.slots);

		if (XDPLB_SLOT_OWNER(marks.slot[slot]) == backend)
			return name;
	}
}

static void remember(int place, __u64 name, __u32 backend, __u8 forward)
{
	struct xdplb_flow *flow = &balancer.flows[place / 4].way[place % 4];

	flow->key = xdplb_flow_key(name, 1);
	flow->value = XDPLB_FIELD_OF(STATE, XDPLB_FLOW_ESTABLISHED) |
		      XDPLB_FIELD_OF(SEEN, clock_seconds()) | XDPLB_FIELD_OF(PORT, forward) |
		      XDPLB_FIELD_OF(BACKEND, backend);
}

/* Marks go when the window is over, but for slots with flows of others. */
static void marks_go(void **state)
{
	struct wanted_service wanted;
	__u32 one, two;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	one = set_backend(&balancer, 1, 0)->backend;
	two = set_backend(&balancer, 1, 1)->backend;
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_in_range(looked_up(), 125, 126);
	time_passes(301);
	apply_wanted(&wanted); /* too early: clocks differ */
	assert_in_range(looked_up(), 125, 126);
	remember(0, name_owned_by(one), two, XDPLB_DSR);
	remember(5, name_owned_by(one), one, XDPLB_DSR);
	remember(10, name_owned_by(one), two, XDPLB_DSR);
	balancer.flows[2].way[2].value -= 1000; /* expired */
	flow_set(two, XDPLB_DSR, true);
	time_passes(3);
	apply_wanted(&wanted);
	assert_true(looked_up() <= 1); /* its slot had a mark, or not */
	memset(balancer.flows, 0, FLOW_BUCKETS * sizeof(*balancer.flows));
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 0);
	assert_int_equal(set_of(&balancer, 1)->window_end, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* From rr: all slots are looked up, until only those are that have to. */
static void marks_go_after_rr(void **state)
{
	struct wanted_service wanted;
	__u32 one, two;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.scheduler = XDPLB_RR;
	apply_wanted(&wanted);
	one = set_backend(&balancer, 1, 0)->backend;
	two = set_backend(&balancer, 1, 1)->backend;
	flow_set(two, XDPLB_DSR, true);
	wanted.scheduler = XDPLB_MAGLEV;
	wanted.table = 251;
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 251);
	remember(0, name_owned_by(one), two, XDPLB_DSR);
	remember(5, name_owned_by(one), one, XDPLB_DSR);
	remember(10, name_owned_by(two), two, XDPLB_IPIP); /* it has to stay with ipip */
	balancer.flows[3].way[0] = balancer.flows[0].way[0]; /* a client is no flow */
	balancer.flows[3].way[0].value ^= XDPLB_FIELD_OF(STATE, XDPLB_FLOW_ESTABLISHED) |
					  XDPLB_FIELD_OF(STATE, XDPLB_FLOW_CLIENT);
	time_passes(3);
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 2);
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 2);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Each scheduler's pick, flags and words. */
static void schedulers(void **state)
{
	static const struct {
		__u8 scheduler, forward, affinity, pick, flags, hash_bits;
		__u32 slots, weight;
	} cases[] = {
		{ XDPLB_RR, XDPLB_DSR, 0, XDPLB_PICK_NEXT, XDPLB_SET_TRACK, 0, 3, 0 },
		{ XDPLB_WRR, XDPLB_NAT, 0, XDPLB_PICK_NEXT, XDPLB_SET_TRACK, 0, 9, 0 },
		{ XDPLB_LC, XDPLB_DSR, 0, XDPLB_PICK_LEAST, XDPLB_SET_TRACK, 0, 3, 1 },
		{ XDPLB_WLC, XDPLB_DSR, 0, XDPLB_PICK_LEAST, XDPLB_SET_TRACK, 0, 3, 7 },
		{ XDPLB_P2C, XDPLB_DSR, 0, XDPLB_PICK_TWO, XDPLB_SET_TRACK, 0, 9, 7 },
		{ XDPLB_MAGLEV, XDPLB_DSR, 0, XDPLB_PICK_HASH, 0, 0, 16381, 0 },
		{ XDPLB_MAGLEV, XDPLB_NAT, 0, XDPLB_PICK_HASH, XDPLB_SET_TRACK, 0, 16381, 0 },
		{ XDPLB_SH, XDPLB_GUE, 0, XDPLB_PICK_HASH, 0, 32, 16381, 0 },
		{ XDPLB_SH, XDPLB_IPIP, 24, XDPLB_PICK_HASH, XDPLB_SET_TRACK | XDPLB_SET_AFFINITY,
		  24, 16381, 0 },
		{ XDPLB_RR, XDPLB_DSR, 16, XDPLB_PICK_NEXT, XDPLB_SET_TRACK | XDPLB_SET_AFFINITY,
		  16, 3, 0 },
	};
	struct wanted_service wanted;

	(void)state;
	make();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct xdplb_set *set;

		maglev_make(&wanted, 3);
		wanted.table = 0;
		wanted.backend[2].weight = 7;
		wanted.scheduler = cases[i].scheduler;
		wanted.forward = cases[i].forward;
		wanted.affinity = cases[i].affinity;
		wanted.affinity_given = true;
		apply_wanted(&wanted);
		set = set_of(&balancer, 1);
		assert_int_equal(set->pick, cases[i].pick);
		assert_int_equal(set->flags, cases[i].flags);
		assert_int_equal(set->hash_bits, cases[i].hash_bits);
		assert_int_equal(set->slots, cases[i].slots);
		if (set->pick == XDPLB_PICK_LEAST || set->pick == XDPLB_PICK_TWO) {
			const struct marks marks = set_marks(&balancer, 1);
			bool seen = false;

			for (__u32 s = 0; s < marks.slots; s++)
				seen |= XDPLB_SLOT_WEIGHT(marks.slot[s]) == cases[i].weight;
			assert_true(seen);
		}
		wanted_free(&wanted);
	}
	assert_int_equal(said_lines(), 0);
	assert_empty();
	forget();
}

/* lc and wlc of more than can be compared, which is said. */
static void many_of_lc(void **state)
{
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, XDPLB_SCAN_MAX + 1);
	wanted.scheduler = XDPLB_LC;
	apply_wanted(&wanted);
	assert_said("lc", "lc compares at most 256 backends");
	assert_int_equal(set_of(&balancer, 1)->pick, XDPLB_PICK_TWO);
	said_reset();
	wanted.backend[9].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(set_of(&balancer, 1)->pick, XDPLB_PICK_LEAST);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Slots stay while everybody is drained, and UDP without memory has no marks at all. */
static void drained_and_stateless(void **state)
{
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.at.proto = IPPROTO_UDP;
	wanted.udp = WANTED_UDP_STATELESS;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->flags, XDPLB_SET_STATELESS);
	wanted.backend[0].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 0);
	wanted.udp = WANTED_UDP_TRACKED;
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->slots, 251);
	assert_int_equal(looked_up(), 251);
	for (__u32 s = 0; s < 251; s++)
		assert_int_equal(XDPLB_SLOT_OWNER(set_marks(&balancer, 1).slot[s]), 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_again),	     cmocka_unit_test(marks_go),
		cmocka_unit_test(marks_go_after_rr), cmocka_unit_test(schedulers),
		cmocka_unit_test(many_of_lc),	     cmocka_unit_test(drained_and_stateless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
