// SPDX-License-Identifier: GPL-2.0-only
#include "commands.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/services.h"
#include "../../loader/sets.h"
#include "sound.h"
#include "stand_in.h"
#include "unit.h"

int remove_one(__u32 id)
{
	bool gone[XDPLB_SERVICES] = {};

	gone[id] = true;
	return services_remove(&balancer, gone);
}

void wanted_make(struct wanted_service *wanted, __u8 forward, const char *service,
		 const char *backend)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service(service, &wanted->at), 0);
	wanted->forward = forward;
	wanted->backend = calloc(1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	wanted->backends = 1;
	assert_int_equal(parse_backend(backend, &wanted->at, wanted->backend), 0);
}

__u32 apply(__u8 forward, const char *service, const char *backend)
{
	struct wanted_service wanted;
	__u32 id;

	wanted_make(&wanted, forward, service, backend);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	id = service_find(&balancer, &wanted.at);
	wanted_free(&wanted);
	return id;
}

void maglev_make(struct wanted_service *wanted, int n)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service("192.0.2.10:80", &wanted->at), 0);
	wanted->scheduler = XDPLB_MAGLEV;
	wanted->forward = XDPLB_DSR;
	wanted->table = 251;
	wanted->table_given = true;
	wanted->backends = n;
	wanted->backend = calloc(n + 1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	for (int i = 0; i < n; i++)
		wanted->backend[i] = (struct wanted_backend){ .addr = { htonl(0x0a000001 + i) },
							      .port = htons(80),
							      .weight = 1,
							      .state = XDPLB_UP };
}

void apply_wanted(struct wanted_service *wanted)
{
	wanted->table_given = wanted->scheduler == XDPLB_MAGLEV || wanted->scheduler == XDPLB_SH;
	assert_int_equal(service_apply(&balancer, wanted), 0);
	assert_sound();
}

struct xdplb_backend *record(int i)
{
	return &balancer.backends[set_backend(&balancer, 1, i)->backend];
}

void time_passes(__u32 seconds)
{
	for (__u32 id = 1; id < SERVICES_HERE; id++) {
		__u32 line = service_set(&balancer, id);

		if (line && balancer.sets[line].head.window_end > seconds)
			balancer.sets[line].head.window_end -= seconds;
	}
}
