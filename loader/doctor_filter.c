// SPDX-License-Identifier: GPL-2.0-only
/* Clients of local listeners whose packets the kernel drops by their way back (rp_filter). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "doctor.h"
#include "flows.h"
#include "output.h"
#include "route.h"
#include "sysctl.h"
#include "../xdp/hash.h"

#define CLIENTS 64 /* that are looked at */
#define HANDSHAKE 2 /* seconds: longer than any takes */

struct clients {
	const struct doctor *doctor;
	bool waiting; /* those alone whose connection got no further than its first packet */
	struct {
		__be32 addr[4];
		__u32 service;
	} client[CLIENTS];
	int count;
};

/* IPv6 has no such filter. */
static void client_add(const struct flow *flow, void *context)
{
	struct clients *clients = context;
	const struct doctor *doctor = clients->doctor;
	__u32 service = doctor->balancer->backends[flow->backend].service;
	__u64 name = xdplb_flow_name(flow->key, service);

	if (clients->count == CLIENTS || flow->expired || flow_method(flow) != XDPLB_LOCAL ||
	    name & XDPLB_IS_IPV6 || !service_is_live(doctor->balancer, service))
		return;
	if (clients->waiting && (flow->state != XDPLB_FLOW_NEW || flow->idle < HANDSHAKE))
		return;
	clients->client[clients->count].addr[0] = (__u32)name;
	clients->client[clients->count++].service = service;
}

/* The larger of both counts; 1 drops what would not be answered by the way it came. */
static bool is_strict(const char *interface)
{
	char all = sysctl_interface("ipv4", "all", "rp_filter");
	char own = sysctl_interface("ipv4", interface, "rp_filter");

	return (all > own ? all : own) == '1';
}

/* IPv4 packets that were dropped by their way back so far: names in a line, figures in the next. */
static unsigned long long filtered(void)
{
	FILE *file = fopen("/proc/net/netstat", "re");
	char names[8192], figures[8192], *name_end, *figure_end;
	unsigned long long count = 0;

	while (file && !count && fgets(names, sizeof(names), file) &&
	       fgets(figures, sizeof(figures), file)) {
		char *name = strtok_r(names, " ", &name_end);
		char *figure = strtok_r(figures, " ", &figure_end);

		while (name && figure && strcmp(name, "IPReversePathFilter")) {
			name = strtok_r(NULL, " ", &name_end);
			figure = strtok_r(NULL, " ", &figure_end);
		}
		if (name && figure)
			count = strtoull(figure, NULL, 10);
	}
	if (file)
		fclose(file);
	return count;
}

/*
 * The place of an interface that drops the packets of who is answered by another;
 * -1: some interface would not, and they may have come in there. Packets of who
 * waits for an answer have not: something has dropped them.
 */
static int dropped_at(const struct clients *clients, int way_back)
{
	const struct doctor *doctor = clients->doctor;
	int strict = -1;

	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];
		bool takes = at->ifindex == way_back || !is_strict(at->interface);

		if (at->ifindex == LOOPBACK || (takes && clients->waiting))
			continue;
		if (takes)
			return -1;
		if (is_asked(doctor, at))
			strict = i;
	}
	return strict;
}

static void dropped_show(struct doctor *doctor, const struct clients *clients, int i, int back,
			 const char *interface)
{
	char text[ADDRESS_TEXT], service[ADDRESS_TEXT], name[IF_NAMESIZE];

	if (!if_indextoname(back, name))
		return;
	finding_remedy(finding_add(doctor, "rp_filter", interface,
				   "%s: the kernel drops what comes in there and is answered by "
				   "another way (rp_filter), as client %s of %s is, by %s",
				   interface, address_text(clients->client[i].addr, text),
				   service_name(doctor, clients->client[i].service, service), name),
		       "sysctl -w net.ipv4.conf.%s.rp_filter=2", interface);
}

/* Looks at clients until one is found whose packets are dropped. */
static bool clients_look(struct doctor *doctor, bool waiting)
{
	struct clients clients = { .doctor = doctor, .waiting = waiting };
	struct flow_table table = flow_table_of(doctor->balancer);

	flows_scan(&table, client_add, &clients);
	for (int i = 0; i < clients.count; i++) {
		struct next_hop way;
		int at;

		if (route_get(clients.client[i].addr, &way) || way.local)
			continue;
		at = dropped_at(&clients, way.ifindex);
		if (at < 0)
			continue;
		dropped_show(doctor, &clients, i, way.ifindex, doctor->found[at].interface);
		return true;
	}
	return false;
}

int find_rp_filter(struct doctor *doctor)
{
	if (!clients_look(doctor, false) && filtered())
		clients_look(doctor, true);
	return 0;
}
