// SPDX-License-Identifier: GPL-2.0-only
/* A way out that has no room for what ipip and gue put around packets. */
#include <string.h>

#include "counts.h"
#include "doctor_ways.h"
#include "error.h"
#include "output.h"
#include "setup.h"

#define ETHERNET 1500

static bool is_way_out(const struct doctor_ways *ways, __u32 ifindex)
{
	for (__u32 i = 0; i < ways->count; i++)
		if (ways->way[i].out == ifindex)
			return true;
	return false;
}

/*
 * The most that comes in for services: what interfaces take that clients alone are
 * behind. Where there is none, the MTU of one for both says nothing of clients.
 */
static __u32 mtu_in(const struct doctor *doctor, const struct doctor_ways *ways)
{
	__u32 most = 0;

	for (int i = 0; i < doctor->count; i++) {
		const struct link *link =
			link_find(ways->links, ways->link_count, doctor->found[i].ifindex);

		if (link && link->ifindex != LOOPBACK && !is_way_out(ways, link->ifindex) &&
		    link->mtu > most)
			most = link->mtu;
	}
	return most ? most : ETHERNET;
}

static __u32 overhead_of(const struct doctor *doctor, const struct doctor_way *way)
{
	struct setup setup = { .forward = way->forward };

	memcpy(setup.backend, doctor->balancer->backends[way->backend].addr, sizeof(setup.backend));
	return setup_overhead(&setup);
}

/* No packet has gone that way, fit or not: it is not what was counted. 0, or a negative errno. */
static int is_unused(const struct doctor *doctor, const struct doctor_way *way, bool *unused)
{
	struct xdplb_backend_cpu sum;
	int err = balancer_backend_counts(doctor->balancer, way->backend, &sum);

	*unused = !err && !sum.looked_up;
	return err;
}

/* The way that lacks most by this interface, NULL: none lacks any. 0, or a negative errno. */
static int narrowest(const struct doctor *doctor, const struct doctor_ways *ways,
		     const struct link *link, __u32 *need, const struct doctor_way **worst)
{
	__u32 in = mtu_in(doctor, ways);
	int err = 0;

	*worst = NULL;
	*need = link->mtu;
	for (__u32 i = 0; !err && i < ways->count; i++) {
		const struct doctor_way *way = &ways->way[i];
		__u32 wanted = in + overhead_of(doctor, way);
		bool unused;

		if (way->hop.ifindex != (int)link->ifindex || !way->out ||
		    !forward_wraps(way->forward) || wanted <= *need)
			continue;
		err = is_unused(doctor, way, &unused);
		if (err || unused)
			continue;
		*need = wanted;
		*worst = way;
	}
	return err;
}

static void narrow_show(struct doctor *doctor, const struct link *link,
			const struct doctor_way *way, __u32 need, __u64 count)
{
	char interface[IF_NAMESIZE], name[WAY_TEXT];

	interface_name(link->ifindex, interface);
	if (doctor->only && strcmp(doctor->only, interface))
		return;
	finding_remedy(
		finding_add(doctor, "mtu_too_small", interface,
			    "%s: its MTU of %u has no room for what is put around packets to "
			    "%s; so far %llu packets did not fit a way out, and clients that "
			    "do not hear of it hang",
			    interface, link->mtu, way_name(doctor, way, name), count),
		"ip link set dev %s mtu %u", interface, need);
}

/* Only where something did not fit: clients may well send less. */
int find_mtu(struct doctor *doctor)
{
	struct xdplb_cpu sum;
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);
	__u64 count = 0;

	if (!err && ways.count)
		err = balancer_counts(doctor->balancer, &sum, NULL);
	if (!err && ways.count)
		count = sum.reason[XDPLB_DROP_TOO_BIG] + sum.reason[XDPLB_ANSWER_TOO_BIG];
	for (int i = 0; !err && count && i < ways.link_count; i++) {
		const struct doctor_way *way;
		__u32 need;

		err = narrowest(doctor, &ways, &ways.links[i], &need, &way);
		if (!err && way)
			narrow_show(doctor, &ways.links[i], way, need, count);
	}
	ways_free(&ways);
	return err;
}
