// SPDX-License-Identifier: GPL-2.0-only
/* Findings about services whose packets go to listeners on this machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "egress.h"
#include "error.h"
#include "listening.h"
#include "lookup.h"
#include "names.h"
#include "nearly_full.h"
#include "output.h"
#include "replies.h"
#include "route.h"
#include "sets.h"
#include "tables.h"
#include "takers.h"
#include "wanted.h"

#define LOOPBACK_IFINDEX 1

static bool is_local(const struct doctor *doctor, __u32 id)
{
	return set_of(doctor->balancer, id)->forward == XDPLB_LOCAL;
}

/* The next service with local forwarding; see service_next(). */
static bool local_next(const struct doctor *doctor, __u32 *id)
{
	while (service_next(doctor, id))
		if (is_local(doctor, *id))
			return true;
	return false;
}

/* ---- the way out --------------------------------------------------------------------------- */

static int replies_look(struct doctor *doctor, const struct chain_program *at, const char *services)
{
	struct json_object *finding;
	__u32 program;
	int err = egress_find(at->ifindex, &program);

	if (err && err != -ENOENT)
		return fail(err, "%s: cannot look for the program for replies: %s", at->interface,
			    strerror(-err));
	if (!err && program_config_map(program) == doctor->id)
		return 0;
	finding = finding_add(doctor, err ? "replies_missing" : "replies_stale", at->interface,
			      "%s: the program for replies %s, so what listeners of %s answer "
			      "shows their own port%s",
			      at->interface, err ? "is missing" : "there is another balancer's",
			      services, replies_more(at->ifindex));
	finding_remedy(finding, "xdplb-config attach-replies -d %s", at->interface);
	return 0;
}

/* Where listeners' packets come in, what they answer leaves without the service's port. */
int find_replies(struct doctor *doctor)
{
	char services[SERVICES_TEXT];
	int err = 0;

	if (!services_name(doctor, is_local, services))
		return 0;
	for (int i = 0; !err && i < doctor->count; i++)
		if (is_asked(doctor, &doctor->found[i]))
			err = replies_look(doctor, &doctor->found[i], services);
	return err;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* An earlier service has the same address. */
static bool is_repeated(const struct doctor *doctor, __u32 id)
{
	const struct xdplb_service *services = doctor->balancer->services;
	__u32 other = 0;

	while (local_next(doctor, &other) && other < id)
		if (same_address(services[other].addr, services[id].addr))
			return true;
	return false;
}

/* The stack does not take what is for a service's address. */
int find_address(struct doctor *doctor)
{
	char text[ADDRESS_TEXT], service[ADDRESS_TEXT];
	__u32 id = 0;

	while (local_next(doctor, &id)) {
		const __be32 *addr = doctor->balancer->services[id].addr;
		struct next_hop way;

		if ((!route_get(addr, &way) && way.local) || is_repeated(doctor, id))
			continue;
		address_text(addr, text);
		finding_remedy(finding_add(doctor, "address_missing", text,
					   "%s: no address of this machine, so listeners of %s get "
					   "no packets",
					   text, service_name(doctor, id, service)),
			       "ip address add %s/%d dev lo", text, xdplb_is_ipv6(addr) ? 128 : 32);
	}
	return 0;
}

/* ---- listeners ------------------------------------------------------------------------------- */

/* Says goodbye for a listener that did not. */
static void goodbye_remedy(const struct doctor *doctor, __u32 id, __be16 port,
			   struct json_object *finding)
{
	__u16 at = ntohs(doctor->balancer->config->registration_port);
	char service[ADDRESS_TEXT], other[32] = "";

	if (at != XDPLB_REGISTRATION_PORT)
		snprintf(other, sizeof(other), " --registration-port %u", at);
	finding_remedy(finding, "xdplb-config register --goodbye %s --port %u%s%s",
		       service_name(doctor, id, service), ntohs(port), other,
		       table_of(doctor->balancer, id)->keyed ? " --registration-key FILE" : "");
}

static int listener_look(struct doctor *doctor, __u32 id, const struct taker *taker)
{
	const struct xdplb_backend *backend = &doctor->balancer->backends[taker->backend];
	char service[ADDRESS_TEXT], subject[2 * ADDRESS_TEXT];
	struct json_object *finding;
	int found = listening(backend->addr, backend->port, backend->proto);

	service_name(doctor, id, service);
	if (found < 0)
		return fail(found, "%s: cannot ask the kernel who listens: %s", service,
			    strerror(-found));
	if (found)
		return 0;
	snprintf(subject, sizeof(subject), "%s :%u", service, ntohs(backend->port));
	finding = finding_add(doctor, "listener_missing", subject,
			      "%s: nothing listens on %s port %u, so its share of the packets is "
			      "lost: start it, or take it out",
			      subject, proto_name(backend->proto), ntohs(backend->port));
	if (taker->registered)
		goodbye_remedy(doctor, id, backend->port, finding);
	else
		finding_remedy(finding, "xdplb-config del-backend%s %s :%u", doctor->which, service,
			       ntohs(backend->port));
	return 0;
}

/* A listener gets packets, and is not there. */
int find_listener(struct doctor *doctor)
{
	__u32 id = 0;
	int err = 0;

	while (!err && local_next(doctor, &id)) {
		struct taker taker;
		__u32 place = 0;

		while (!err && taker_next(doctor->balancer, id, &place, &taker))
			err = listener_look(doctor, id, &taker);
	}
	return err;
}

/* The service's own port is that of one of its listeners. */
static bool has_own_port(const struct doctor *doctor, __u32 id)
{
	struct taker taker;
	__u32 place = 0;

	while (taker_next(doctor->balancer, id, &place, &taker))
		if (doctor->balancer->backends[taker.backend].port ==
		    doctor->balancer->services[id].port)
			return true;
	return false;
}

/* A process listens where the service does, and is none of its listeners: it gets nothing. */
int find_shadowed(struct doctor *doctor)
{
	char text[ADDRESS_TEXT];
	__u32 id = 0;

	while (local_next(doctor, &id)) {
		const struct xdplb_service *service = &doctor->balancer->services[id];
		__u16 port = ntohs(service->port);
		int found;

		if (!port || has_own_port(doctor, id))
			continue;
		found = listening(service->addr, service->port, service->proto);
		service_name(doctor, id, text);
		if (found < 0)
			return fail(found, "%s: cannot ask the kernel who listens: %s", text,
				    strerror(-found));
		if (found)
			finding_remedy(
				finding_add(doctor, "listener_shadowed", text,
					    "%s: a process listens on %s port %u itself, and "
					    "gets nothing that comes in for the service: "
					    "it is none of its listeners",
					    text, proto_name(service->proto), port),
				"xdplb-config add-backend%s %s :%u", doctor->which, text, port);
	}
	return 0;
}

/* ---- registration ---------------------------------------------------------------------------- */

static bool is_registered_here(const struct doctor *doctor, __u32 id)
{
	const struct xdplb_table *table = table_of(doctor->balancer, id);

	return table && table->mode == XDPLB_REGISTRATION_KERNEL && !table->anywhere;
}

/* Registrations of this machine's processes come by lo, where nobody hears them. */
int find_loopback(struct doctor *doctor)
{
	char services[SERVICES_TEXT];

	for (int i = 0; i < doctor->count; i++)
		if (doctor->found[i].ifindex == LOOPBACK_IFINDEX)
			return 0;
	if (!services_name(doctor, is_registered_here, services))
		return 0;
	finding_remedy_load(doctor, "lo", "",
			    finding_add(doctor, "loopback_missing", "lo",
					"lo: the balancer is not there, so listeners of %s cannot "
					"register themselves",
					services));
	return 0;
}

/* Keyless, of this machine's processes. */
static bool is_registered_unkeyed(const struct doctor *doctor, __u32 id)
{
	const struct xdplb_table *table = table_of(doctor->balancer, id);

	return table && table->mode != XDPLB_REGISTRATION_OFF && !table->keyed;
}

/* Another machine has a listener that echoes register itself: said where nothing else ails lo. */
int find_lookup(struct doctor *doctor)
{
	char services[SERVICES_TEXT];

	if (!replies_attached(LOOPBACK_IFINDEX, doctor->id) || lookup_attached(doctor->id) ||
	    !services_name(doctor, is_registered_unkeyed, services))
		return 0;
	finding_remedy(finding_add(doctor, "lookup_missing", "lo",
				   "lo: the program for socket lookups is missing, so another "
				   "machine can have a listener of %s that echoes register itself",
				   services),
		       "xdplb-config attach-replies -d lo");
	return 0;
}

static int registrar_look(struct doctor *doctor, __u32 id)
{
	const struct xdplb_service *service = &doctor->balancer->services[id];
	__be16 port = doctor->balancer->config->registration_port;
	int found = listening(service->addr, port, IPPROTO_UDP);
	char text[ADDRESS_TEXT];

	service_name(doctor, id, text);
	if (found < 0)
		return fail(found, "%s: cannot ask the kernel who listens: %s", text,
			    strerror(-found));
	if (!found)
		finding_remedy(finding_add(doctor, "registrar_missing", text,
					   "%s: nobody takes registrations, which go to a process "
					   "on udp port %u of its address",
					   text, ntohs(port)),
			       "xdplb-config registrar%s %s", doctor->which, text);
	return 0;
}

/* How many places of a service's table are not free for another; *port: of the least weight. */
static __u32 places_taken(const struct doctor *doctor, __u32 id, __be16 *port)
{
	const struct xdplb_table *table = table_of(doctor->balancer, id);
	__u16 least = XDPLB_WEIGHT_MAX;
	struct live_listener live;
	__u32 place = 0, taken = 0;

	for (int k = 0; k < XDPLB_LISTENERS; k++)
		taken += table->listener[k].expires > clock_nanoseconds();
	*port = 0;
	while (listener_next(doctor->balancer, id, &place, &live)) {
		if (*port && live.weight >= least)
			continue;
		least = live.weight;
		*port = live.port;
	}
	return taken;
}

/* A service has nearly as many registered listeners as can be. */
int find_listeners_full(struct doctor *doctor)
{
	char text[ADDRESS_TEXT];
	__u32 id = 0, taken;
	__be16 port;

	while (local_next(doctor, &id)) {
		if (!table_of(doctor->balancer, id))
			continue;
		taken = places_taken(doctor, id, &port);
		if (!is_nearly_full(taken, XDPLB_LISTENERS) || !port)
			continue;
		service_name(doctor, id, text);
		goodbye_remedy(
			doctor, id, port,
			finding_add(
				doctor, "listeners_nearly_full", text,
				"%s: %u of %u listeners have registered themselves, so new ones "
				"may be refused (registration_full)",
				text, taken, XDPLB_LISTENERS));
	}
	return 0;
}

/* Registrations are a process's to take, and none does. */
int find_registrar(struct doctor *doctor)
{
	__u32 id = 0;
	int err = 0;

	while (!err && local_next(doctor, &id)) {
		const struct xdplb_table *table = table_of(doctor->balancer, id);

		if (table && table->mode == XDPLB_REGISTRATION_USER)
			err = registrar_look(doctor, id);
	}
	return err;
}
