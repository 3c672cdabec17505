// SPDX-License-Identifier: GPL-2.0-only
#include "ways.h"

#include <net/if.h>
#include <string.h>
#include <time.h>

#include "error.h"

#define WAIT_STEPS 100
#define WAIT_STEP_NS 10000000 /* a second in all */

/* Source addresses that are another's, or that nothing leads back to. */
static int sources_check(const struct wanted_service *wanted)
{
	char text[BACKEND_TEXT];
	struct next_hop way;

	for (int i = 0; i < wanted->snats; i++) {
		address_text(wanted->snat[i], text);
		for (int j = 0; j < wanted->backends; j++)
			if (!memcmp(wanted->snat[i], wanted->backend[j].addr,
				    sizeof(wanted->snat[i])))
				return fail(EINVAL,
					    "--snat %s is a backend's address: one of this machine "
					    "is needed",
					    text);
		if (route_get(wanted->snat[i][0], &way) || !way.local)
			warn("--snat %s is not an address of this machine: replies come only if "
			     "it is routed here; see: ip address add",
			     text);
	}
	return 0;
}

int ways_find(const struct wanted_service *wanted, struct next_hop *way)
{
	char text[BACKEND_TEXT];

	if (sources_check(wanted))
		return -EINVAL;
	for (int i = 0; i < wanted->backends; i++) {
		int err = route_get(wanted->backend[i].addr[0], &way[i]);

		address_text(wanted->backend[i].addr, text);
		if (err)
			return fail(err, "backend %s: no route to it (%s); see: ip route get %s",
				    text, strerror(-err), text);
		if (way[i].local)
			return fail(EINVAL,
				    "backend %s is this machine's own address: nat reaches other "
				    "machines",
				    text);
		if (mac_given(wanted->backend[i].mac) && way[i].addr != wanted->backend[i].addr[0])
			return fail(EINVAL,
				    "backend %s is behind a gateway: mac= is for neighbours", text);
	}
	return 0;
}

static void wait_for(const struct next_hop *way)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_NS };

	for (int i = 0; i < WAIT_STEPS && !neighbour_known(way); i++)
		nanosleep(&step, NULL);
}

/* The backend is wanted, with the same MAC or likewise without. */
static bool way_stays(const struct wanted_service *wanted, const struct wanted_backend *backend)
{
	for (int i = 0; i < wanted->backends; i++)
		if (!memcmp(wanted->backend[i].addr, backend->addr, sizeof(backend->addr)) &&
		    !memcmp(wanted->backend[i].mac, backend->mac, sizeof(backend->mac)))
			return true;
	return false;
}

/* Another service has a backend with this address. */
static bool way_is_shared(const struct balancer *balancer, __u32 service, const __be32 addr[4])
{
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer->backends[id];

		if (backend->flags && backend->service != service &&
		    !memcmp(backend->addr, addr, sizeof(backend->addr)))
			return true;
	}
	return false;
}

void ways_forget(const struct balancer *balancer, __u32 service,
		 const struct wanted_service *before, const struct wanted_service *wanted)
{
	struct next_hop way;

	for (int i = 0; i < before->backends; i++) {
		const struct wanted_backend *backend = &before->backend[i];

		if (way_stays(wanted, backend) || way_is_shared(balancer, service, backend->addr) ||
		    route_get(backend->addr[0], &way) || way.addr != backend->addr[0])
			continue;
		if (mac_given(backend->mac))
			neighbour_forget(&way);
		else
			neighbour_release(&way);
	}
}

void ways_keep(const struct wanted_service *wanted, const struct next_hop *way)
{
	char text[BACKEND_TEXT], interface[IF_NAMESIZE] = "?";
	bool fresh = false;
	int err;

	for (int i = 0; i < wanted->backends; i++) {
		bool mac = mac_given(wanted->backend[i].mac);

		fresh |= !neighbour_known(&way[i]);
		err = neighbour_keep(&way[i], mac ? wanted->backend[i].mac : NULL);
		if (err)
			warn("the kernel will not keep the neighbour of backend %s: %s",
			     address_text(wanted->backend[i].addr, text), strerror(-err));
	}
	for (int i = 0; fresh && i < wanted->backends; i++) {
		wait_for(&way[i]);
		fresh = neighbour_known(&way[i]); /* one wait that fails is enough */
	}
	for (int i = 0; i < wanted->backends; i++) {
		if (neighbour_known(&way[i]))
			continue;
		if_indextoname(way[i].ifindex, interface);
		warn("backend %s does not answer (ARP on %s): it gets its share of the traffic all "
		     "the same",
		     address_text(wanted->backend[i].addr, text), interface);
	}
}
