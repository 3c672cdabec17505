// SPDX-License-Identifier: GPL-2.0-only
/* Findings about interfaces: the program's mode, and what lies beside it. */
#include <stdio.h>
#include <string.h>

#include "doctor_ways.h"
#include "ethtool.h"
#include "netdev.h"
#include "output.h"
#include "peer.h"

/* ---- mode ---------------------------------------------------------------------------------- */

static bool is_native(const struct chain_program *at)
{
	return at->mode == XDP_MODE_NATIVE;
}

/* In native mode it could not send there. */
static bool takes_no_redirect(const struct doctor_ways *ways)
{
	__u32 asked = 0; /* the last one: most lead out by the same */

	for (__u32 i = 0; i < ways->count; i++) {
		if (ways->way[i].out == asked)
			continue;
		asked = ways->way[i].out;
		if (asked && netdev_redirect(asked) == REDIRECT_NO)
			return true;
	}
	return false;
}

/* The driver could run the program, and would send what that sends. */
static bool could_be_native(const struct chain_program *at)
{
	return at->mode == XDP_MODE_SKB && at->ifindex != LOOPBACK &&
	       netdev_features(at->ifindex) & XDP_BASIC &&
	       netdev_redirect(at->ifindex) == REDIRECT_YES;
}

/* The kernel makes a packet of its own of each before the program sees it. */
int find_generic_mode(struct doctor *doctor)
{
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (int i = 0; !err && i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];

		if (!is_asked(doctor, at) || !could_be_native(at) || takes_no_redirect(&ways))
			continue;
		finding_remedy_again(
			doctor, at->interface, "", " -m native",
			finding_add(doctor, "generic_mode", at->interface,
				    "%s: the program runs in generic mode (skb), which is "
				    "slower, and the driver has a native one",
				    at->interface));
	}
	ways_free(&ways);
	return err;
}

/* ---- redirect -------------------------------------------------------------------------------- */

/* Some program in native mode sends to this interface what came in elsewhere, or here by redirect.
 */
static bool is_redirected_to(const struct doctor *doctor, const struct doctor_ways *ways,
			     __u32 ifindex)
{
	const struct link *link = link_find(ways->links, ways->link_count, ifindex);

	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];

		if (is_native(at) && ((__u32)at->ifindex != ifindex || (link && link->veth)))
			return true;
	}
	return false;
}

/* Frames to backends leave by it; or, where replies pass the balancer, to clients. */
static bool is_way_out(const struct doctor *doctor, const struct doctor_ways *ways, __u32 ifindex)
{
	bool clients = false;

	for (__u32 i = 0; i < ways->count; i++) {
		if (ways->way[i].out == ifindex)
			return true;
		clients |= ways->way[i].forward == XDPLB_NAT || ways->way[i].forward == XDPLB_DNAT;
	}
	for (int i = 0; clients && i < doctor->count; i++)
		if ((__u32)doctor->found[i].ifindex == ifindex && is_native(&doctor->found[i]))
			return true;
	return false;
}

static void peer_show(struct doctor *doctor, const struct link *link, const char *interface)
{
	char enter[PEER_ENTER];
	struct peer peer;
	bool found = peer_find(link, &peer);
	struct json_object *finding;

	finding = finding_add(doctor, "peer_without_napi", interface,
			      "%s: the other end of this veth%s%s%s does not poll (NAPI), so what "
			      "XDP sends out by it is lost",
			      interface, found ? ", " : "", peer.name, found ? "," : "");
	finding_remedy(finding, "%sethtool -K %s gro on", found ? peer_enter(&peer, enter) : "",
		       found ? peer.name : "PEER");
}

/* Names those in native mode, which the kernel itself sends for in the other. */
static void redirect_show(struct doctor *doctor, const char *interface)
{
	char native[CHAIN_MAX * (IF_NAMESIZE + 1)] = "";
	size_t length = 0;

	for (int i = 0; i < doctor->count; i++)
		if (is_native(&doctor->found[i]))
			length += snprintf(native + length, sizeof(native) - length, "%s%s",
					   length ? " " : "", doctor->found[i].interface);
	finding_remedy_again(
		doctor, native, "", " -m skb",
		finding_add(doctor, "no_redirect", interface,
			    "%s: its driver takes no packets that XDP redirects, so those that "
			    "leave by it are lost while the program is in native mode on %s",
			    interface, native));
}

int find_no_redirect(struct doctor *doctor)
{
	char interface[IF_NAMESIZE];
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (int i = 0; !err && i < ways.link_count; i++) {
		const struct link *link = &ways.links[i];

		interface_name(link->ifindex, interface);
		if ((doctor->only && strcmp(doctor->only, interface)) ||
		    !is_way_out(doctor, &ways, link->ifindex) ||
		    !is_redirected_to(doctor, &ways, link->ifindex) ||
		    netdev_redirect(link->ifindex) != REDIRECT_NO)
			continue;
		if (link->veth)
			peer_show(doctor, link, interface);
		else
			redirect_show(doctor, interface);
	}
	ways_free(&ways);
	return err;
}

/* ---- offloads -------------------------------------------------------------------------------- */

static void checksums_look(struct doctor *doctor, const struct doctor_ways *ways,
			   const struct chain_program *at)
{
	const struct link *link = link_find(ways->links, ways->link_count, at->ifindex);
	char enter[PEER_ENTER];
	struct peer peer;

	if (!peer_find(link, &peer) || !peer.offloads.checksums)
		return;
	finding_remedy(
		finding_add(doctor, "checksums_partial", at->interface,
			    "%s: the other end of this veth, %s, leaves checksums to hardware "
			    "that is not there, so packets that this machine's hosts send "
			    "arrive broken",
			    at->interface, peer.name),
		"%sethtool -K %s tx off", peer_enter(&peer, enter), peer.name);
}

/* What is sent on by XDP in native mode loses what the kernel knows of its checksum. */
int find_checksums(struct doctor *doctor)
{
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (int i = 0; !err && ways.count && i < doctor->count; i++)
		if (is_asked(doctor, &doctor->found[i]) && is_native(&doctor->found[i]))
			checksums_look(doctor, &ways, &doctor->found[i]);
	ways_free(&ways);
	return err;
}

/*
 * Joined packets are longer than any way takes. For generic mode the kernel turns it
 * off, and lets it be turned on again.
 */
int find_lro(struct doctor *doctor)
{
	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];
		struct offloads offloads;

		if (!is_asked(doctor, at) || offloads_here(at->interface, &offloads) ||
		    !offloads.lro)
			continue;
		finding_remedy(
			finding_add(doctor, "lro_on", at->interface,
				    "%s: it joins packets before the program sees them (large "
				    "receive offload), and joined they fit no way out",
				    at->interface),
			"ethtool -K %s lro off", at->interface);
	}
	return 0;
}
