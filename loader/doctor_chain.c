// SPDX-License-Identifier: GPL-2.0-only
/* Findings about programs: where one is missing, another is in its place, or before it. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "doctor_ways.h"
#include "encap.h"
#include "libxdp_age.h"
#include "output.h"
#include "sets.h"

/* ---- replies that nobody sees ---------------------------------------------------------------- */

#define DEPTH 4 /* interfaces on one another */

/* The balancer sees what comes in by it: there, or where a bridge, bond or VLAN has it from. */
static bool is_seen(const struct doctor *doctor, const struct doctor_ways *ways, __u32 ifindex,
		    int depth)
{
	const struct link *link = link_find(ways->links, ways->link_count, ifindex);

	for (int i = 0; i < doctor->count; i++)
		if ((__u32)doctor->found[i].ifindex == ifindex)
			return true;
	if (!link || !depth)
		return false;
	if (link->lower && is_seen(doctor, ways, link->lower, depth - 1))
		return true;
	for (int i = 0; i < ways->link_count; i++)
		if (ways->links[i].master == ifindex &&
		    is_seen(doctor, ways, ways->links[i].ifindex, depth - 1))
			return true;
	return false;
}

/* What the balancer must see to change it back. */
static bool has_replies(const struct doctor_way *way)
{
	return way->forward == XDPLB_NAT || way->forward == XDPLB_DNAT;
}

/* An earlier way leads out there too. */
static bool is_first_out(const struct doctor_ways *ways, __u32 i)
{
	for (__u32 j = 0; j < i; j++)
		if (ways->way[j].out == ways->way[i].out && has_replies(&ways->way[j]))
			return false;
	return true;
}

/* What is there instead decides about the remedy. */
static void unseen_show(struct doctor *doctor, const struct doctor_ways *ways,
			const struct doctor_way *way, const char *interface)
{
	const struct link *link = link_find(ways->links, ways->link_count, way->out);
	char name[WAY_TEXT], first[IF_NAMESIZE + 64] = "";
	const char *finding = "replies_unseen", *what = "has no xdplb";
	struct chain_program there;

	if (chain_look(way->out, &there)) {
		what = "has another balancer";
		snprintf(first, sizeof(first), "xdplb-config unload %s && ", interface);
	} else if (link && link->xdp && !there.dispatcher) {
		finding = "program_foreign";
		what = there.programs ? "has an XDP program that no other can join" :
					"has XDP programs that this libxdp cannot read";
		snprintf(first, sizeof(first), "xdp-loader unload --all %s && ", interface);
	}
	finding_remedy_load(doctor, interface, first,
			    finding_add(doctor, finding, interface,
					"%s: it %s, so replies that come in there, of %s, reach no "
					"client",
					interface, what, way_name(doctor, way, name)));
}

int find_replies_unseen(struct doctor *doctor)
{
	char interface[IF_NAMESIZE];
	struct doctor_ways ways;
	int err = ways_read(doctor, &ways);

	for (__u32 i = 0; !err && doctor->count && i < ways.count; i++) {
		const struct doctor_way *way = &ways.way[i];

		if (!way->out || !has_replies(way) || !is_first_out(&ways, i) ||
		    is_seen(doctor, &ways, way->out, DEPTH))
			continue;
		interface_name(way->out, interface);
		if (!doctor->only || !strcmp(doctor->only, interface))
			unseen_show(doctor, &ways, way, interface);
	}
	ways_free(&ways);
	return err;
}

/* ---- the program that wraps --------------------------------------------------------------------
 */

static bool wraps(const struct doctor *doctor, __u32 id)
{
	return forward_wraps(set_of(doctor->balancer, id)->forward);
}

/* A chain that would not take it: see libxdp_age.h. */
static void too_old_show(struct doctor *doctor, const struct chain_program *at,
			 const char *services)
{
	char path[PATH_MAX];
	struct json_object *finding;

	finding =
		finding_add(doctor, "libxdp_too_old", at->interface,
			    "%s: it has xdplb, which cannot wrap, so packets to %s that come in "
			    "there are dropped (no_encap); and %s is older than 1.5.5, which this "
			    "kernel needs to chain xdplb_encap",
			    at->interface, services, libxdp_name(path));
	if (at->programs == 1)
		finding_remedy_again(doctor, at->interface, "LIBXDP_SKIP_DISPATCHER=1 ", " --encap",
				     finding);
	else
		finding_remedy(finding, "apt-get install --only-upgrade libxdp1");
}

/* Services wrap packets, and here the program comes that cannot. */
int find_encap_missing(struct doctor *doctor)
{
	char services[SERVICES_TEXT], path[PATH_MAX];
	struct utsname host;

	uname(&host);
	if (!services_name(doctor, wraps, services))
		return 0;
	for (int i = 0; i < doctor->count; i++) {
		const struct chain_program *at = &doctor->found[i];

		if (!is_asked(doctor, at) || !strcmp(at->program, PROGRAM_ENCAP))
			continue;
		if (at->dispatcher && libxdp_is_too_old(libxdp_name(path), host.release)) {
			too_old_show(doctor, at, services);
			continue;
		}
		finding_remedy(
			finding_add(doctor, "encap_missing", at->interface,
				    "%s: it has xdplb, which cannot wrap, so packets to %s that "
				    "come in there are dropped (no_encap)",
				    at->interface, services),
			"xdplb-config load --encap -p %s %s",
			doctor->pins ? doctor->pins : DEFAULT_PINS, at->interface);
	}
	return 0;
}

/* ---- the chain before
 * ----------------------------------------------------------------------------- */

/* The first program before ours that ends the chain for what it passes; NULL: none. */
static struct xdp_program *eater_find(const struct xdp_multiprog *chain,
				      const struct chain_program *at)
{
	struct xdp_program *program = NULL;

	while ((program = xdp_multiprog__next_prog(program, chain))) {
		if (xdp_program__id(program) == at->id)
			return NULL;
		if (!xdp_program__chain_call_enabled(program, XDP_PASS))
			return program;
	}
	return NULL;
}

static void eaten_look(struct doctor *doctor, const struct chain_program *at)
{
	struct xdp_multiprog *chain = xdp_multiprog__get_from_ifindex(at->ifindex);
	struct xdp_program *eater;
	struct json_object *finding;

	if (libxdp_get_error(chain))
		return;
	eater = eater_find(chain, at);
	if (eater) {
		finding = finding_add(doctor, "program_eats", at->interface,
				      "%s: in the chain, %s comes before %s and hands nothing on "
				      "that it passes (no chain-call action XDP_PASS)",
				      at->interface, xdp_program__name(eater), at->program);
		if (doctor->pins && xdp_program__run_prio(eater))
			finding_remedy(finding, "xdplb-config load%s -P %u -p %s %s",
				       strcmp(at->program, PROGRAM_ENCAP) ? "" : " --encap",
				       xdp_program__run_prio(eater) - 1, doctor->pins,
				       at->interface);
		else
			finding_remedy(finding, "xdp-loader unload %s -i %u", at->interface,
				       xdp_program__id(eater));
	}
	xdp_multiprog__close(chain);
}

int find_eaten(struct doctor *doctor)
{
	for (int i = 0; i < doctor->count; i++)
		if (is_asked(doctor, &doctor->found[i]) && doctor->found[i].dispatcher)
			eaten_look(doctor, &doctor->found[i]);
	return 0;
}
