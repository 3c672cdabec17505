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

/* Of TCP: a datagram need not be answered. */
struct progress_counts {
	__u32 waiting[XDPLB_BACKENDS]; /* flows whose client waits for an answer to its SYN */
	__u32 further[XDPLB_BACKENDS];
};

static void count_one(const struct flow *flow, void *context)
{
	struct progress_counts *counts = context;

	switch (flow->state) {
	case XDPLB_FLOW_NEW:
		counts->waiting[flow->backend] += !flow->expired;
		break;
	case XDPLB_FLOW_UDP_NEW:
	case XDPLB_FLOW_UDP:
	case XDPLB_FLOW_CLIENT_NEW:
	case XDPLB_FLOW_CLIENT:
		break;
	default:
		counts->further[flow->backend]++;
	}
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
static void silent_show(struct doctor *doctor, const struct doctor_way *way, __u32 waiting)
{
	char backend[ADDRESS_TEXT], service[ADDRESS_TEXT], name[WAY_TEXT];
	struct json_object *finding;

	way_name(doctor, way, name);
	finding = finding_add(doctor, "backend_silent", name,
			      "%s: %u connections got no further than their first packet, and none "
			      "did: it does not listen, or does not answer by the right way",
			      name, waiting);
	if (way->forward == XDPLB_NAT)
		way_remedy_down(doctor, way, finding);
	else
		finding_remedy(finding, "xdplb-config backend-setup%s %s %s", doctor->which,
			       service_name(doctor, way->service, service),
			       way_backend(doctor, way, backend));
}

#define HANDSHAKE_NS 1200000000L /* longer than any takes, and than clients wait for it */

/* Whether some backend is silent now. */
static bool some_silent(const struct doctor *doctor, const struct doctor_ways *ways,
			struct progress_counts *counts)
{
	struct flow_table table = flow_table_of(doctor->balancer);

	memset(counts, 0, sizeof(*counts));
	flows_scan(&table, count_one, counts);
	for (__u32 i = 0; i < ways->count; i++) {
		__u32 id = ways->way[i].backend;

		if (is_silent(counts->waiting[id], counts->further[id], 0))
			return true;
	}
	return false;
}

/* Looks again when those that are merely young have got further. */
static bool still_silent(const struct doctor *doctor, const struct doctor_ways *ways,
			 struct progress_counts *counts)
{
	const struct timespec wait = { .tv_sec = HANDSHAKE_NS / 1000000000,
				       .tv_nsec = HANDSHAKE_NS % 1000000000 };

	if (!some_silent(doctor, ways, counts))
		return false;
	nanosleep(&wait, NULL);
	return some_silent(doctor, ways, counts);
}

static int silent_look(struct doctor *doctor, const struct doctor_way *way,
		       const struct progress_counts *counts)
{
	__u32 id = way->backend;
	struct xdplb_backend_cpu sum;

	if (!is_silent(counts->waiting[id], counts->further[id], 0))
		return 0;
	if (balancer_backend_counts(doctor->balancer, id, &sum))
		return -EIO;
	if (!is_silent(counts->waiting[id], counts->further[id], sum.reply_packets))
		return 0;
	if (needs_forwarding(doctor, way))
		forwarding_show(doctor, way);
	else
		silent_show(doctor, way, counts->waiting[id]);
	return 0;
}

int find_silent(struct doctor *doctor)
{
	struct progress_counts *counts = malloc(sizeof(*counts));
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	if (!err && !counts)
		err = fail(ENOMEM, "no memory to count flows");
	if (!err && still_silent(doctor, &ways, counts))
		for (__u32 i = 0; !err && i < ways.count; i++)
			err = silent_look(doctor, &ways.way[i], counts);
	free(counts);
	ways_free(&ways);
	return err;
}
