// SPDX-License-Identifier: GPL-2.0-only
/* loader/sharing.c: the backends that one directory entry leads to. */
#include "../../loader/sharing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/directory.h"
#include "unit.h"

#define BACKENDS 200

static struct balancer balancer;

static void make(void)
{
	balancer.directory = calloc(XDPLB_DIRECTORY_BUCKETS, sizeof(*balancer.directory));
	balancer.config = calloc(1, sizeof(*balancer.config));
	balancer.services = calloc(XDPLB_SERVICES, sizeof(*balancer.services));
	balancer.backends = calloc(XDPLB_BACKENDS, sizeof(*balancer.backends));
	balancer.pools = calloc(XDPLB_POOLS, sizeof(*balancer.pools));
	assert_true(balancer.directory && balancer.config && balancer.services &&
		    balancer.backends && balancer.pools);
	said_reset();
}

static void forget(void)
{
	free(balancer.directory);
	free(balancer.config);
	free(balancer.services);
	free(balancer.backends);
	free(balancer.pools);
}

/* Backend `id`, one of few addresses and ports, of either family. */
static void backend_make(__u32 id, int addresses)
{
	struct xdplb_backend *backend = &balancer.backends[id];

	backend->addr[0] = htonl(0x0a000000 + id % addresses);
	if (id % addresses % 2)
		backend->addr[3] = htonl(1);
	backend->port = htons(80 + id % 3);
	backend->proto = id % 4 ? IPPROTO_TCP : IPPROTO_UDP;
	backend->flags = XDPLB_BACKEND_USED;
}

/* As the program goes from a packet to the backends. */
static bool reached(enum xdplb_kind kind, __u32 id)
{
	const struct xdplb_backend *backend = &balancer.backends[id];
	bool tunnel = kind == XDPLB_KIND_TUNNEL;
	const struct xdplb_directory_entry *entry =
		directory_find(&balancer, kind, backend->addr, tunnel ? 0 : backend->port,
			       tunnel ? 0 : backend->proto);
	__u32 at = entry ? entry->index : 0;
	int steps = 0;

	while (at && at != id && steps++ < BACKENDS)
		at = tunnel ? balancer.backends[at].next_tunnel : balancer.backends[at].next;
	return at == id;
}

static void kinds_by_method(void **state)
{
	(void)state;
	assert_int_equal(sharing_kind(XDPLB_NAT), 0);
	assert_int_equal(sharing_kind(XDPLB_DNAT), XDPLB_KIND_DNAT);
	assert_int_equal(sharing_kind(XDPLB_DSR), 0);
	assert_int_equal(sharing_kind(XDPLB_IPIP), XDPLB_KIND_TUNNEL);
	assert_int_equal(sharing_kind(XDPLB_GUE), XDPLB_KIND_TUNNEL);
}

/* Any order of joining and leaving, against plain lists; both kinds at once. */
static void comes_and_goes(void **state)
{
	static const enum xdplb_kind kinds[] = { XDPLB_KIND_DNAT, XDPLB_KIND_TUNNEL };
	bool in[2][BACKENDS] = {};

	(void)state;
	make();
	for (__u32 id = 1; id < BACKENDS; id++)
		backend_make(id, 40);
	for (int i = 0; i < 200000; i++) {
		__u32 id = random_from(1, BACKENDS - 1);
		int k = random_64() % 2;

		assert_int_equal(sharing_has(&balancer, kinds[k], id), in[k][id]);
		assert_int_equal(reached(kinds[k], id), in[k][id]);
		if (random_64() % 2) {
			assert_int_equal(sharing_join(&balancer, kinds[k], id), 0);
			in[k][id] = true;
		} else {
			assert_int_equal(sharing_leave(&balancer, kinds[k], id), in[k][id]);
			in[k][id] = false;
		}
	}
	assert_int_equal(said_lines(), 0);
	for (__u32 id = 1; id < BACKENDS; id++)
		for (int k = 0; k < 2; k++)
			sharing_leave(&balancer, kinds[k], id);
	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		for (int w = 0; w < XDPLB_WAYS; w++)
			assert_true(balancer.directory[b].way[w].key == 0);
	forget();
}

/* dnat refuses one more than the program looks at; ipip and gue go on without. */
static void full(void **state)
{
	(void)state;
	make();
	for (__u32 id = 1; id <= XDPLB_SHARED + 1; id++) {
		backend_make(id, 1);
		balancer.backends[id].port = htons(80);
		balancer.backends[id].proto = IPPROTO_TCP;
		balancer.backends[id].service = id;
		balancer.services[id].set[0] = 1;
	}
	for (__u32 id = 1; id <= XDPLB_SHARED; id++) {
		assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, id), 0);
		assert_int_equal(sharing_join(&balancer, XDPLB_KIND_TUNNEL, id), 0);
	}
	assert_int_equal(said_lines(), 0);
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, XDPLB_SHARED + 1), -E2BIG);
	assert_said("dnat", "backend 10.0.0.0:80: 16 services use it with dnat already");
	said_reset();
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_TUNNEL, XDPLB_SHARED + 1), 0);
	assert_said("ipip", "backend 10.0.0.0: more than 16 services wrap packets for it");
	assert_false(sharing_has(&balancer, XDPLB_KIND_TUNNEL, XDPLB_SHARED + 1));
	/* One whose service is gone makes room, and one that is there already needs none. */
	balancer.services[7].set[0] = 0;
	said_reset();
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, XDPLB_SHARED + 1), 0);
	assert_false(sharing_has(&balancer, XDPLB_KIND_DNAT, 7));
	assert_int_equal(sharing_leave(&balancer, XDPLB_KIND_DNAT, XDPLB_SHARED + 1), 1);
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, 7), 0);
	said_reset();
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, 3), 0);
	assert_int_equal(sharing_leave(&balancer, XDPLB_KIND_DNAT, 3), 1);
	assert_int_equal(sharing_join(&balancer, XDPLB_KIND_DNAT, XDPLB_SHARED + 1), 0);
	assert_int_equal(said_lines(), 0);
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_by_method),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
