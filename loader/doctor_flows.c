// SPDX-License-Identifier: GPL-2.0-only
/* Findings by what has become of flows: backends that get packets and answer none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doctor_ways.h"
#include "error.h"
#include "flows.h"
#include "output.h"
#include "silent.h"
#include "sysctl.h"
#include "wanted.h"

/* By backend id. Of TCP: a datagram need not be answered. */
struct progress_counts {
	__u32 further[XDPLB_BACKENDS]; /* the least idle of those that got further, in seconds */
	__u32 waiting[XDPLB_BACKENDS]; /* flows since whose client waits for an answer to its SYN */
	__u32 begun[XDPLB_BACKENDS]; /* such flows at all */
	bool silent[XDPLB_BACKENDS]; /* it may be, by the first look */
	__u64 packets[XDPLB_BACKENDS], replies[XDPLB_BACKENDS]; /* there had been then */
};

static void further_see(const struct flow *flow, void *context)
{
	struct progress_counts *counts = context;
	__u32 *further = &counts->further[flow->backend];

	switch (flow->state) {
	case XDPLB_FLOW_NEW:
	case XDPLB_FLOW_UDP_NEW:
	case XDPLB_FLOW_UDP:
	case XDPLB_FLOW_CLIENT_NEW:
	case XDPLB_FLOW_CLIENT:
		break;
	default:
		if (flow->idle < *further)
			*further = flow->idle;
	}
}

static void waiting_see(const struct flow *flow, void *context)
{
	struct progress_counts *counts = context;

	if (flow->state != XDPLB_FLOW_NEW || flow->expired)
		return;
	counts->begun[flow->backend]++;
	counts->waiting[flow->backend] += is_waiting(flow->idle, counts->further[flow->backend]);
}

static void progress_count(const struct balancer *balancer, struct progress_counts *counts)
{
	struct flow_table table = flow_table_of(balancer);

	memset(counts->further, 0xff, sizeof(counts->further)); /* SILENT_NEVER */
	memset(counts->waiting, 0, sizeof(counts->waiting));
	memset(counts->begun, 0, sizeof(counts->begun));
	flows_scan(&table, further_see, counts);
	flows_scan(&table, waiting_see, counts);
}

/* IPv4 packets that were for nobody here, and not forwarded (RFC 4293). */
static unsigned long long not_forwarded(void)
{
	FILE *file = fopen("/proc/net/snmp", "re");
	unsigned long long errors = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Ip: %*u %*u %*u %*u %llu", &errors) == 1)
			break;
	if (file)
		fclose(file);
	return errors;
}

/* Replies that come by this machine on their way to the client, as from a gateway's network. */
static bool needs_forwarding(const struct doctor *doctor, const struct doctor_way *way)
{
	char interface[IF_NAMESIZE];

	return (way->forward == XDPLB_DSR || forward_wraps(way->forward)) &&
	       !xdplb_is_ipv6(doctor->balancer->services[way->service].addr) &&
	       sysctl_interface("ipv4", interface_name(way->hop.ifindex, interface),
				"forwarding") == '0' &&
	       not_forwarded();
}

static void forwarding_show(struct doctor *doctor, const struct doctor_way *way)
{
	char name[WAY_TEXT], interface[IF_NAMESIZE];

	interface_name(way->hop.ifindex, interface);
	finding_remedy(
		finding_add(doctor, "forwarding_needed", interface,
			    "%s: it does not forward, %llu packets were dropped for that, and "
			    "%s answers nobody: its replies come by this machine, it seems",
			    interface, not_forwarded(), way_name(doctor, way, name)),
		"sysctl -w net.ipv4.ip_forward=1");
}

/* dsr and the tunnels need the address on the backend; dnat a way back by the balancer. */
static void silent_show(struct doctor *doctor, const struct doctor_way *way,
			const struct progress_counts *counts, bool served)
{
	char backend[ADDRESS_TEXT], service[ADDRESS_TEXT], name[WAY_TEXT];
	struct json_object *finding;

	way_name(doctor, way, name);
	finding = finding_add(doctor, "backend_silent", name,
			      "%s: %u connections got no further than their first packet, and none "
			      "did%s: it does not listen, or does not answer by the right way",
			      name, counts->waiting[way->backend], served ? " since" : "");
	if (way->forward == XDPLB_NAT)
		way_remedy_down(doctor, way, finding);
	else
		finding_remedy(finding, "xdplb-config backend-setup%s %s %s", doctor->which,
			       service_name(doctor, way->service, service),
			       way_backend(doctor, way, backend));
}

#define HANDSHAKE_NS 1200000000L /* longer than any takes, and than clients wait for it */

/* Notes which backends seem silent now; *some: there are such. */
static int first_look(const struct doctor *doctor, const struct doctor_ways *ways,
		      struct progress_counts *counts, bool *some)
{
	progress_count(doctor->balancer, counts);
	*some = false;
	for (__u32 i = 0; i < ways->count; i++) {
		__u32 id = ways->way[i].backend;
		struct xdplb_backend_cpu sum;

		if (!is_silent(counts->begun[id], false, false))
			continue;
		if (balancer_backend_counts(doctor->balancer, id, &sum))
			return -EIO;
		counts->packets[id] = sum.packets;
		counts->replies[id] = sum.reply_packets;
		counts->silent[id] = *some = true;
	}
	return 0;
}

/* Looks again when those that are merely young have got further. */
static int second_look(const struct doctor *doctor, const struct doctor_ways *ways,
		       struct progress_counts *counts, bool *some)
{
	const struct timespec wait = { .tv_sec = HANDSHAKE_NS / 1000000000,
				       .tv_nsec = HANDSHAKE_NS % 1000000000 };
	int err = first_look(doctor, ways, counts, some);

	if (err || !*some)
		return err;
	nanosleep(&wait, NULL);
	progress_count(doctor->balancer, counts);
	return 0;
}

/*
 * Clients of a backend that has just died go on sending what it does not answer, so that
 * the flows they have are as young as any: what tells is that it answers nothing.
 */
static bool is_mute(const struct progress_counts *counts, __u32 id,
		    const struct xdplb_backend_cpu *now)
{
	return now->reply_packets && now->reply_packets == counts->replies[id] &&
	       now->packets - counts->packets[id] >= SILENT_FLOWS;
}

static int silent_look(struct doctor *doctor, const struct doctor_way *way,
		       struct progress_counts *counts)
{
	__u32 id = way->backend;
	struct xdplb_backend_cpu sum;
	bool served;

	if (!counts->silent[id])
		return 0;
	if (balancer_backend_counts(doctor->balancer, id, &sum))
		return -EIO;
	served = sum.reply_packets || counts->further[id] != SILENT_NEVER;
	if (is_mute(counts, id, &sum))
		counts->waiting[id] = counts->begun[id];
	if (!is_silent(counts->waiting[id], served, sum.reply_packets != counts->replies[id]))
		return 0;
	if (needs_forwarding(doctor, way))
		forwarding_show(doctor, way);
	else
		silent_show(doctor, way, counts, served);
	return 0;
}

int find_silent(struct doctor *doctor)
{
	struct progress_counts *counts = calloc(1, sizeof(*counts));
	struct doctor_ways ways;
	bool some = false;
	int err;

	if (!counts)
		return fail(ENOMEM, "no memory to count flows");
	err = ways_read(doctor, &ways);
	if (!err)
		err = second_look(doctor, &ways, counts, &some);
	for (__u32 i = 0; !err && some && i < ways.count; i++)
		err = silent_look(doctor, &ways.way[i], counts);
	free(counts);
	ways_free(&ways);
	return err;
}
