// SPDX-License-Identifier: GPL-2.0-only
#include "ways.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "names.h"
#include "neighbour.h"

#define WAIT_STEPS 100
#define WAIT_STEP_NS 10000000 /* a second in all */

/* Source addresses that are another's, or that nothing leads back to. */
static int sources_check(const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT];
	struct next_hop way;

	for (int i = 0; i < wanted->snats; i++) {
		address_text(wanted->snat[i], text);
		for (int j = 0; j < wanted->backends; j++)
			if (same_address(wanted->snat[i], wanted->backend[j].addr))
				return fail(EINVAL,
					    "--snat %s is a backend's address: one of this machine "
					    "is needed",
					    text);
		if (!route_get(wanted->snat[i], &way) && way.local)
			continue;
		warn("--snat %s is not an address of this machine: %s only if it is routed here; "
		     "see: ip address add",
		     text,
		     wanted->forward == XDPLB_NAT ? "replies come" : "errors of routers come");
	}
	return 0;
}

/* nat and gue need an address to send from; ipip does as well with one that is nobody's. */
static int source_check(const struct wanted_service *wanted, const struct wanted_backend *backend,
			const struct next_hop *way)
{
	const __be32 *source = wanted_source(wanted, backend->addr);
	char text[ADDRESS_TEXT];

	if (wanted->forward != XDPLB_NAT && wanted->forward != XDPLB_GUE)
		return 0;
	source = source ? source : way->source;
	if (wanted->forward == XDPLB_GUE && xdplb_is_ipv6(source) &&
	    same_address(source, wanted->at.addr))
		return fail(EADDRINUSE,
			    "%s is where this machine would send from, and the service's address, "
			    "which the backends have too: give another with --snat",
			    address_text(source, text));
	if (is_address(source) && !IN6_IS_ADDR_LINKLOCAL(source))
		return 0;
	return fail(EADDRNOTAVAIL,
		    "backend %s: this machine has no %s address to send from: give one with "
		    "--snat, or see: ip address add",
		    address_text(backend->addr, text), family_name(backend->addr));
}

static int way_check(const struct wanted_service *wanted, const struct wanted_backend *backend,
		     const struct next_hop *way)
{
	char text[ADDRESS_TEXT], gateway[ADDRESS_TEXT];
	bool direct = same_address(way->addr, backend->addr);

	address_text(backend->addr, text);
	if (way->local)
		return fail(EINVAL,
			    "backend %s is this machine's own address: %s reaches other machines",
			    text, forward_name(wanted->forward));
	if (!direct && wanted->forward == XDPLB_DSR)
		return fail(EINVAL,
			    "backend %s is behind the gateway %s: dsr reaches neighbours, ipip and "
			    "gue all others",
			    text, address_text(way->addr, gateway));
	if (!direct && mac_given(backend->mac))
		return fail(EINVAL, "backend %s is behind a gateway: mac= is for neighbours", text);
	return source_check(wanted, backend, way);
}

/*
 * A backend that has the service's address too answers nobody who uses it, but
 * for accept_local; the kernel asks for neighbours with it where it is this
 * machine's own towards them. IPv6 asks with link-local addresses.
 */
static void sources_warn(const struct wanted_service *wanted, const struct next_hop *way)
{
	char text[ADDRESS_TEXT];

	if (wanted->forward == XDPLB_NAT || wanted->forward == XDPLB_DNAT ||
	    xdplb_is_ipv6(wanted->at.addr))
		return;
	for (int i = 0; i < wanted->backends; i++) {
		if (!same_address(way[i].source, wanted->at.addr))
			continue;
		warn("%s is this machine's own address towards the backends, which have it too: "
		     "they answer no ARP without accept_local, see: xdplb-config backend-setup",
		     address_text(wanted->at.addr, text));
		return;
	}
}

int ways_find(const struct wanted_service *wanted, struct next_hop *way)
{
	char text[ADDRESS_TEXT];

	if (sources_check(wanted))
		return -EINVAL;
	for (int i = 0; i < wanted->backends; i++) {
		int err = route_get(wanted->backend[i].addr, &way[i]);

		address_text(wanted->backend[i].addr, text);
		if (err)
			return fail(err, "backend %s: no route to it (%s); see: ip route get %s",
				    text, strerror(-err), text);
		err = way_check(wanted, &wanted->backend[i], &way[i]);
		if (err)
			return err;
	}
	sources_warn(wanted, way);
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
		if (same_address(wanted->backend[i].addr, backend->addr) &&
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
		    same_address(backend->addr, addr))
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
		    route_get(backend->addr, &way) || !same_address(way.addr, backend->addr))
			continue;
		if (mac_given(backend->mac))
			neighbour_forget(&way);
		else
			neighbour_release(&way);
	}
}

void ways_keep(const struct wanted_service *wanted, const struct next_hop *way)
{
	char text[ADDRESS_TEXT], interface[IF_NAMESIZE] = "?";
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
		warn("backend %s does not answer (%s on %s): it gets its share of the traffic all "
		     "the same",
		     address_text(wanted->backend[i].addr, text),
		     xdplb_is_ipv6(way[i].addr) ? "neighbour discovery" : "ARP", interface);
	}
}
