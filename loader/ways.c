// SPDX-License-Identifier: GPL-2.0-only
#include "ways.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "names.h"
#include "neighbour.h"

#define WAIT_STEP_NS (1000000000 / WAYS_STEPS)

/* Source addresses that are another's, or that nothing leads back to. */
static int sources_check(const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT];
	struct next_hop way;

	wanted_here(wanted, "snat");
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

/* Looks at each way in turn, so that the first that is wrong is named. */
static int ways_check(const struct wanted_service *wanted, const struct next_hop *way,
		      const int *errors)
{
	char text[ADDRESS_TEXT];
	int err = 0;

	for (int i = 0; !err && i < wanted->backends; i++) {
		address_text(wanted->backend[i].addr, text);
		backend_here(&wanted->backend[i]);
		if (errors[i])
			err = fail(errors[i],
				   "backend %s: no route to it (%s); see: ip route get %s", text,
				   strerror(-errors[i]), text);
		else
			err = way_check(wanted, &wanted->backend[i], &way[i]);
	}
	return err;
}

/* Listeners are here, if the service's address is: there is no way to them. */
static void local_warn(const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT];
	struct next_hop way;

	wanted_here(wanted, "service");
	if (!route_get(wanted->at.addr, &way) && way.local)
		return;
	address_text(wanted->at.addr, text);
	warn("%s is not an address of this machine, so its stack takes no packet to it; see: ip "
	     "address add",
	     text);
}

/* The next hop of each backend, where the method needs one. */
static int hops_find(const struct wanted_service *wanted, struct next_hop *way)
{
	int *errors, err;

	if (wanted->forward == XDPLB_LOCAL) {
		local_warn(wanted);
		return 0;
	}
	errors = calloc(wanted->backends + 1, sizeof(*errors));
	if (!errors)
		return fail(ENOMEM, "no memory for %d backends", wanted->backends);
	err = wanted->backends ? routes_get(wanted->backend->addr, sizeof(*wanted->backend),
					    wanted->backends, way, errors) :
				 0;
	if (err)
		err = fail(err, "cannot ask the kernel for routes: %s", strerror(-err));
	else
		err = ways_check(wanted, way, errors);
	free(errors);
	wanted_here(wanted, "service");
	if (!err)
		sources_warn(wanted, way);
	return err;
}

int ways_find(const struct wanted_service *wanted, struct next_hop *way)
{
	int err = sources_check(wanted);

	wanted_here(wanted, "backends");
	if (!err)
		err = hops_find(wanted, way);
	place_here(NULL, NULL);
	return err;
}

/* The neighbours of all backends, or of those that do not stay; malloc()ed. */
static struct neighbour *neighbours_of(const struct wanted_service *wanted,
				       const struct next_hop *way, const bool *stays, __u32 *count)
{
	struct neighbour *neighbour = calloc(wanted->backends + 1, sizeof(*neighbour));

	*count = 0;
	for (int i = 0; neighbour && i < wanted->backends; i++) {
		const __u8 *mac = wanted->backend[i].mac;

		if (stays && stays[i])
			continue;
		neighbour[*count].hop = way[i];
		neighbour[(*count)++].mac = mac_given(mac) ? mac : NULL;
	}
	return neighbour;
}

/* Waits until all answer, unless the kernel has been asking some of them for long. */
static void neighbours_wait(struct neighbour *neighbour, __u32 count, int *steps)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_NS };
	bool fresh = false;

	for (__u32 i = 0; i < count; i++)
		fresh |= !neighbour[i].known && !neighbour[i].kept;
	for (; fresh && *steps; --*steps) {
		if (neighbours_look(neighbour, count) || neighbours_known(neighbour, count))
			return;
		nanosleep(&step, NULL);
	}
}

static void keep_warn(const char *backend, const struct next_hop *hop, int err)
{
	char hint[80] = "";

	if (err == -ENOBUFS) /* the limit is one for all namespaces together */
		snprintf(hint, sizeof(hint), "; raise net.%s.neigh.default.gc_thresh3",
			 xdplb_is_ipv6(hop->addr) ? "ipv6" : "ipv4");
	warn("the kernel will not keep the neighbour of backend %s: %s%s", backend, strerror(-err),
	     hint);
}

static void neighbours_warn(const struct neighbour *neighbour, __u32 count,
			    const struct wanted_service *wanted)
{
	char text[ADDRESS_TEXT], interface[IF_NAMESIZE] = "?";

	for (__u32 i = 0; i < count; i++) {
		address_text(wanted->backend[i].addr, text);
		if (neighbour[i].err)
			keep_warn(text, &neighbour[i].hop, neighbour[i].err);
		if (neighbour[i].known)
			continue;
		if_indextoname(neighbour[i].hop.ifindex, interface);
		warn("backend %s does not answer (%s on %s): it gets its share of the traffic all "
		     "the same",
		     text, xdplb_is_ipv6(neighbour[i].hop.addr) ? "neighbour discovery" : "ARP",
		     interface);
	}
}

/* Looks, and keeps what is not. */
static int neighbours_ask(struct neighbour *neighbour, __u32 count)
{
	int err = neighbour ? neighbours_look(neighbour, count) : -ENOMEM;

	return err ? err : neighbours_keep(neighbour, count);
}

void ways_ask(const struct wanted_service *wanted, const struct next_hop *way, const bool *stays,
	      struct asked *asked)
{
	*asked = (struct asked){};
	if (wanted->forward == XDPLB_LOCAL)
		return;
	asked->neighbour = neighbours_of(wanted, way, stays, &asked->count);
	/* ways_keep() says what is wrong */
	if (asked->count && neighbours_ask(asked->neighbour, asked->count))
		asked->count = 0;
}

void ways_wait(struct asked *asked, int *steps)
{
	if (asked->count)
		neighbours_wait(asked->neighbour, asked->count, steps);
	free(asked->neighbour);
	*asked = (struct asked){};
}

void ways_keep(const struct wanted_service *wanted, const struct next_hop *way, int *steps)
{
	struct neighbour *neighbour;
	__u32 count;
	int err;

	if (wanted->forward == XDPLB_LOCAL)
		return;
	neighbour = neighbours_of(wanted, way, NULL, &count);
	err = neighbours_ask(neighbour, count);
	if (!err)
		neighbours_wait(neighbour, count, steps);
	if (err)
		warn("cannot have the kernel keep the backends' neighbours: %s", strerror(-err));
	else
		neighbours_warn(neighbour, count, wanted);
	free(neighbour);
}
