// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/services.c: what belongs to a forward method and what services share
 * is there while a service in force or a flow needs it, whatever changes.
 */
#include "../../loader/services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../loader/collect.h"
#include "../../loader/sets.h"
#include "../../loader/sharing.h"
#include "commands.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

/* The echo of an address goes on while any service has it. */
static void address_of_several(void **state)
{
	const __be32 addr[4] = { htonl(0xc000020a) };
	__u32 first, second;

	(void)state;
	make();
	first = apply(XDPLB_NAT, "192.0.2.10:80", "10.0.0.1");
	second = apply(XDPLB_DSR, "192.0.2.10:81", "10.0.0.1");
	assert_int_equal(found(XDPLB_KIND_ADDRESS, addr, 0, 0)->index, first);
	assert_int_equal(remove_one(first), 0);
	assert_int_equal(found(XDPLB_KIND_ADDRESS, addr, 0, 0)->index, second);
	assert_int_equal(remove_one(second), 0);
	assert_null(found(XDPLB_KIND_ADDRESS, addr, 0, 0));
	assert_empty();
	forget();
}

/* dnat to ipip and to nat while its flows last: their replies are found till the last has ended. */
static void method_changes(void **state)
{
	const __be32 addr[4] = { htonl(0x0a000001) };
	__u32 service, id;

	(void)state;
	make();
	service = apply(XDPLB_DNAT, "192.0.2.10:80", "10.0.0.1");
	id = set_backend(&balancer, service, 0)->backend;
	flow_set(id, XDPLB_DNAT, true);
	assert_int_equal(apply(XDPLB_IPIP, "192.0.2.10:80", "10.0.0.1"), service);
	assert_int_equal(set_backend(&balancer, service, 0)->backend, id);
	assert_int_equal(found(XDPLB_KIND_DNAT, addr, htons(80), 6)->index, id);
	assert_int_equal(found(XDPLB_KIND_TUNNEL, addr, 0, 0)->index, id);
	apply(XDPLB_NAT, "192.0.2.10:80", "10.0.0.1");
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(found(XDPLB_KIND_DNAT, addr, htons(80), 6)->index, id);
	assert_non_null(found(XDPLB_KIND_BACKEND, addr, htons(80), 6));
	flow_set(id, XDPLB_DNAT, false);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_null(found(XDPLB_KIND_DNAT, addr, htons(80), 6));
	assert_null(found(XDPLB_KIND_TUNNEL, addr, 0, 0));
	assert_false(balancer.config->kinds & (1 << XDPLB_KIND_DNAT | 1 << XDPLB_KIND_TUNNEL));
	assert_empty();
	forget();
}

/* Source addresses are the method's, and stay only while that does. */
static void sources_of_the_method(void **state)
{
	struct wanted_service wanted;
	__u32 service, id;

	(void)state;
	make();
	wanted_make(&wanted, XDPLB_GUE, "192.0.2.10:80", "fd00::1");
	wanted.snat_given = true;
	wanted.snats = 1;
	memcpy(wanted.snat[0], own_address[1], 16);
	wanted.snat[0][3] = htonl(77);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	service = service_find(&balancer, &wanted.at);
	id = set_backend(&balancer, service, 0)->backend;
	assert_memory_equal(balancer.backends[id].source, wanted.snat[0], 16);
	assert_false(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = false;
	wanted.snats = 0;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_int_equal(wanted.snats, 1);
	wanted.forward = XDPLB_IPIP;
	wanted.snats = 0;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_int_equal(wanted.snats, 0);
	assert_memory_equal(balancer.backends[id].source, own_address[1], 16);
	assert_true(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = true;
	wanted.snats = 1;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_memory_equal(balancer.backends[id].source, wanted.snat[0], 16);
	assert_false(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = false;
	wanted.snats = 0;
	wanted.forward = XDPLB_GUE;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_memory_equal(balancer.backends[id].source, own_address[1], 16);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Services that come and go with the same backend, each leaving flows behind. */
static void made_again_and_again(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 3 * XDPLB_SHARED; i++) {
		__u32 service = apply(XDPLB_DNAT, "192.0.2.10:80", "10.0.0.1");
		__u32 id = set_backend(&balancer, service, 0)->backend;

		flow_set(id, XDPLB_DNAT, true);
		assert_method(id, XDPLB_DNAT);
		assert_int_equal(remove_one(service), 0);
	}
	assert_int_equal(said_lines(), 0);
	assert_empty();
	forget();
}

/* What is refused leaves the service as it was. */
static void refused(void **state)
{
	struct wanted_service wanted;
	__u32 service;

	(void)state;
	make();
	for (int i = 0; i < XDPLB_SHARED; i++) {
		char text[ADDRESS_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%d:80", i + 1);
		apply(XDPLB_DNAT, text, "10.0.0.1");
	}
	service = apply(XDPLB_NAT, "192.0.2.100:80", "10.0.0.2");
	said_reset();
	wanted_make(&wanted, XDPLB_DNAT, "192.0.2.100:80", "10.0.0.1");
	assert_int_equal(service_apply(&balancer, &wanted), -E2BIG);
	assert_said("dnat", "backend 10.0.0.1:80: 16 services use it with dnat already");
	assert_int_equal(set_of(&balancer, service)->forward, XDPLB_NAT);
	assert_sound();
	wanted_free(&wanted);
	wanted_make(&wanted, XDPLB_DNAT, "192.0.2.101:80", "10.0.0.1");
	assert_int_equal(service_apply(&balancer, &wanted), -E2BIG);
	assert_int_equal(service_find(&balancer, &wanted.at), 0);
	assert_sound();
	wanted_free(&wanted);
	assert_empty();
	forget();
}
/* Where flows go that are yet to be adopted, routers' messages about them are found. */
static void method_of_previous(void **state)
{
	struct wanted_service wanted;
	__u32 gone;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.forward = XDPLB_IPIP;
	apply_wanted(&wanted);
	gone = set_backend(&balancer, 1, 1)->backend;
	wanted.backends = 1;
	wanted.forward = XDPLB_DSR;
	apply_wanted(&wanted);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_method(gone, XDPLB_IPIP);
	assert_method(set_backend(&balancer, 1, 0)->backend, XDPLB_IPIP);
	time_passes(303);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer.backends[gone].flags, 0);
	assert_false(
		sharing_has(&balancer, XDPLB_KIND_TUNNEL, set_backend(&balancer, 1, 0)->backend));
	wanted_free(&wanted);
	assert_empty();
	forget();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_of_several),
		cmocka_unit_test(method_changes),
		cmocka_unit_test(sources_of_the_method),
		cmocka_unit_test(made_again_and_again),
		cmocka_unit_test(refused),
		cmocka_unit_test(method_of_previous),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
