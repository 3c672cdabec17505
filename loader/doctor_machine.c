// SPDX-License-Identifier: GPL-2.0-only
/* Findings about the machine: whether it is drained, addresses that it answers for, forwarding. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "doctor_ways.h"
#include "drained.h"
#include "error.h"
#include "neighbour.h"
#include "output.h"
#include "sets.h"
#include "sysctl.h"

#define LOOKS 35 /* the kernel asks three times, a second apart */
#define LOOK_NS 100000000

/* ---- drained as a whole
 * -------------------------------------------------------------------------- */

int find_drained(struct doctor *doctor)
{
	if (doctor->drained_told || !is_drained())
		return 0;
	doctor->drained_told = true;
	finding_remedy(finding_add(doctor, "drained", "drained",
				   "drained: this machine announces none of its addresses, so only "
				   "what is routed here by other means comes"),
		       "xdplb-config undrain");
	return 0;
}

/* ---- addresses that nobody answers for
 * ----------------------------------------------------------- */

/* Stations ask for it by an interface that has the balancer, and is asked about. */
static bool asked_at(const struct doctor *doctor, const struct doctor_ways *ways,
		     const struct next_hop *way)
{
	const struct link *link = link_find(ways->links, ways->link_count, way->ifindex), *below;
	int tags;

	below = link_below(ways->links, ways->link_count, link, &tags);
	for (int i = 0; below && i < doctor->count; i++)
		if ((__u32)doctor->found[i].ifindex == below->ifindex)
			return is_asked(doctor, &doctor->found[i]);
	return false;
}

/* Somebody answers, within what is left of the time that all together have. */
static bool is_answered(const struct next_hop *way, int *looks)
{
	const struct timespec step = { .tv_nsec = LOOK_NS };
	struct neighbour neighbour = { .hop = *way };

	if (neighbour_is_proxied(way))
		return true;
	while (!neighbours_look(&neighbour, 1)) {
		if (neighbour.known || --*looks < 0)
			return neighbour.known;
		nanosleep(&step, NULL);
	}
	return true; /* as far as can be known */
}

static bool is_repeated(const struct doctor *doctor, __u32 id)
{
	const struct xdplb_service *services = doctor->balancer->services;
	__u32 other = 0;

	while (service_next(doctor, &other) && other < id)
		if (same_address(services[other].addr, services[id].addr))
			return true;
	return false;
}

/* The service's address is another's, if anybody's, in a network with an interface asked about. */
static bool is_looked_at(const struct doctor *doctor, const struct doctor_ways *ways, __u32 id,
			 struct next_hop *way)
{
	const __be32 *addr = doctor->balancer->services[id].addr;

	return set_of(doctor->balancer, id)->forward != XDPLB_LOCAL && !route_get(addr, way) &&
	       !way->local && same_address(way->addr, addr) && asked_at(doctor, ways, way) &&
	       !is_repeated(doctor, id);
}

static void unanswered_show(struct doctor *doctor, __u32 id, const struct next_hop *way)
{
	char text[ADDRESS_TEXT], service[ADDRESS_TEXT], interface[IF_NAMESIZE];
	bool ipv6 = xdplb_is_ipv6(way->addr);

	interface_name(way->ifindex, interface);
	address_text(way->addr, text);
	finding_remedy(finding_add(doctor, "address_unanswered", text,
				   "%s: nobody answers %s for it on %s, so no packet to %s comes "
				   "from that network",
				   text, ipv6 ? "neighbour discovery" : "ARP", interface,
				   service_name(doctor, id, service)),
		       "ip address add %s/%d dev %s", text, ipv6 ? 128 : 32, interface);
}

/* An address of a network that is attached, which is nobody's there; of others nothing is known. */
int find_unanswered(struct doctor *doctor)
{
	struct doctor_ways ways;
	struct next_hop way;
	int looks = LOOKS, err = ways_read(doctor, &ways);
	__u32 id = 0;

	while (!err && service_next(doctor, &id))
		if (is_looked_at(doctor, &ways, id, &way))
			neighbour_ask(&way);
	for (id = 0; !err && service_next(doctor, &id);)
		if (is_looked_at(doctor, &ways, id, &way) && !is_answered(&way, &looks))
			unanswered_show(doctor, id, &way);
	ways_free(&ways);
	return err;
}

/* ---- forwarding
 * ------------------------------------------------------------------------------------ */

/*
 * See machine.h: where neither the interface nor lo forwards, the kernel tells the
 * program no route. Setting ip_forward to 0 turns both off.
 */
static void forwarding_look(struct doctor *doctor, const char *family)
{
	if (sysctl_interface(family, "lo", "forwarding") != '0')
		return;
	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];
		char subject[64];

		if (!is_asked(doctor, at) ||
		    sysctl_interface(family, at->interface, "forwarding") != '0')
			continue;
		snprintf(subject, sizeof(subject), "net.%s.conf.lo.forwarding", family);
		finding_remedy(
			finding_add(doctor, "forwarding_off", subject,
				    "%s: it has been turned off, and so has forwarding on %s, "
				    "so the kernel tells no way to backends (no_route)",
				    subject, at->interface),
			"sysctl -w %s=1", subject);
		return;
	}
}

int find_forwarding_off(struct doctor *doctor)
{
	bool ipv4 = false, ipv6 = false;
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (__u32 i = 0; !err && i < ways.count; i++) {
		const __be32 *addr = doctor->balancer->backends[ways.way[i].backend].addr;

		ipv6 |= xdplb_is_ipv6(addr);
		ipv4 |= !xdplb_is_ipv6(addr);
	}
	if (ipv4)
		forwarding_look(doctor, "ipv4");
	if (ipv6)
		forwarding_look(doctor, "ipv6");
	ways_free(&ways);
	return err;
}
