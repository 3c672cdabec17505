// SPDX-License-Identifier: GPL-2.0-only
/* Findings about the machine's own settings: addresses that it answers for, and forwarding. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "doctor_ways.h"
#include "error.h"
#include "neighbour.h"
#include "output.h"
#include "sets.h"
#include "sysctl.h"

#define LOOKS 35 /* the kernel asks three times, a second apart */
#define LOOK_NS 100000000

/* ---- addresses that nobody answers for
 * ----------------------------------------------------------- */

/* Stations ask for it there, and this machine could answer: the interface, else NULL. */
static const struct chain_program *
asked_at(const struct doctor *doctor, const struct doctor_ways *ways, const struct next_hop *way)
{
	const struct link *link = link_find(ways->links, ways->link_count, way->ifindex), *below;
	int tags;

	below = link_below(ways->links, ways->link_count, link, &tags);
	for (int i = 0; below && i < doctor->count; i++)
		if ((__u32)doctor->found[i].ifindex == below->ifindex)
			return is_asked(doctor, &doctor->found[i]) ? &doctor->found[i] : NULL;
	return NULL;
}

static bool is_answered(const struct next_hop *way)
{
	const struct timespec step = { .tv_nsec = LOOK_NS };
	struct neighbour neighbour = { .hop = *way };

	if (neighbour_is_proxied(way) || neighbour_ask(way))
		return true;
	for (int look = 0; look < LOOKS; look++) {
		if (neighbours_look(&neighbour, 1) || neighbour.known)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
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

static void unanswered_look(struct doctor *doctor, const struct doctor_ways *ways, __u32 id)
{
	const __be32 *addr = doctor->balancer->services[id].addr;
	char text[ADDRESS_TEXT], service[ADDRESS_TEXT], interface[IF_NAMESIZE];
	const struct chain_program *at;
	struct next_hop way;

	if (route_get(addr, &way) || way.local || !same_address(way.addr, addr))
		return;
	at = asked_at(doctor, ways, &way);
	if (!at || is_answered(&way))
		return;
	interface_name(way.ifindex, interface);
	address_text(addr, text);
	finding_remedy(finding_add(doctor, "address_unanswered", text,
				   "%s: nobody answers %s for it on %s, so no packet to %s comes "
				   "from that network",
				   text, xdplb_is_ipv6(addr) ? "neighbour discovery" : "ARP",
				   interface, service_name(doctor, id, service)),
		       "ip address add %s/%d dev %s", text, xdplb_is_ipv6(addr) ? 128 : 32,
		       interface);
}

/* An address of a network that is attached, which is nobody's there; of others nothing is known. */
int find_unanswered(struct doctor *doctor)
{
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);
	__u32 id = 0;

	while (!err && service_next(doctor, &id))
		if (set_of(doctor->balancer, id)->forward != XDPLB_LOCAL &&
		    !is_repeated(doctor, id))
			unanswered_look(doctor, &ways, id);
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
