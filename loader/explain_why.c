// SPDX-License-Identifier: GPL-2.0-only
/* Why a packet was not forwarded, and what to do about it. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "error.h"
#include "explain.h"
#include "interfaces.h"
#include "names.h"
#include "netdev.h"
#include "route.h"
#include "sets.h"
#include "show.h"

struct words {
	const char *why, *remedy;
};

/* Those that are the same for every packet; the others are below. */
static const struct words reasons[XDPLB_ANSWERS] = {
	[XDPLB_DROP_TABLE_FULL] = { "nat must remember the flow, and eight others that go on lie "
				    "where it must lie in the flow table",
				    "xdplb-config status says how full it is; load --flows makes "
				    "a larger one" },
	[XDPLB_DROP_RACE] = { "another CPU was just remembering the same flow", "ask again" },
	[XDPLB_DROP_BAD_HEADER] = { "the lengths in its headers contradict each other or its own, "
				    "or its source port is 0",
				    "look at its sender, or at how it was captured: tcpdump -vv "
				    "-s 0" },
	[XDPLB_DROP_BAD_SOURCE] = { "nobody can answer to its source address",
				    "give --src the address of a client; a real one was forged" },
	[XDPLB_DROP_FRAGMENT] = { "a later fragment, and the first of its packet has not come by",
				  "explain the first, or look whether something drops it: tcpdump "
				  "'ip[6:2] & 0x3fff != 0'" },
	[XDPLB_DROP_TTL] = { "its time to live, or hop limit, ends here",
			     "a traceroute does that; else look for a loop between routers" },
	[XDPLB_DROP_TOO_BIG] = { "it does not fit the way out, and its sender could not be told",
				 "ip link: the MTU of the way out; xdplb-config set icmp-rate=1000 "
				 "lets senders be told" },
	[XDPLB_DROP_VLAN] = { "its VLAN tag is not what the way out needs, and cannot become it",
			      "the backend must be in the VLAN, or outside any, that its clients' "
			      "packets come by" },
	[XDPLB_DROP_REG_MALFORMED] = { "a registration that does not read as one",
				       "see xdplb-register(7) for its bytes" },
	[XDPLB_DROP_REG_DENIED] = { "a registration for no service that takes any, or from "
				    "elsewhere, or of another user's port",
				    "xdplb-config list; set-service --registration, "
				    "--registration-from any" },
	[XDPLB_DROP_REG_KEY] = { "a registration whose tag is not of the service's key",
				 "give the listener the key that set-service --registration-key "
				 "was given" },
	[XDPLB_DROP_REG_REPLAY] = { "a registration whose counter is not above all before",
				    "the listener's clock went back, or somebody repeats what he "
				    "heard" },
	[XDPLB_DROP_REG_FULL] = { "the service has as many listeners as can be",
				  "let some say goodbye" },
	[XDPLB_PASS_UNREADABLE] = { "its IP, TCP or UDP header cannot be read: cut short, or of a "
				    "kind that is not looked into",
				    "look at its sender, or at how it was captured: tcpdump -vv "
				    "-s 0" },
	[XDPLB_PASS_FRAGMENT] = { "a later fragment of a packet that is not for the balancer",
				  "nothing, if its packet is the kernel's" },
	[XDPLB_PASS_NO_FLOW] = { "no SYN, and no flow of this client is known: with nat none can "
				 "begin so",
				 "the flow was over, or silent for too long: xdplb-config flows; "
				 "set-service --timeout" },
};

void explain_say(struct explanation *e, const char *why, const char *remedy)
{
	enum xdplb_reason reason = explain_reason(e);
	struct json_object *step = explain_step(e, "why", "%s", why);

	if (reason != XDPLB_REASONS)
		json_add_text(step, "reason", reason_name(reason));
	if (remedy)
		explain_step(e, "remedy", "%s", remedy);
}

/* ---- drops that depend on the packet ---------------------------------------------------- */

/* The host that the packet would be sent to, and the way there. */
static void target(const struct explanation *e, struct next_hop *hop, char text[ADDRESS_TEXT])
{
	const __be32 *to = e->balancer->backends[e->backend].addr;

	if (e->kind == EXPLAIN_REPLY)
		to = explain_headers(e)->daddr.word;
	if (e->kind == EXPLAIN_REPLY && e->out->work.record.backend)
		to = e->out->work.record.client;
	if (route_get(to, hop)) {
		memset(hop, 0, sizeof(*hop));
		memcpy(hop->addr, to, sizeof(hop->addr));
	}
	address_text(hop->addr, text);
}

static void no_neighbour(struct explanation *e)
{
	char why[SENTENCE], remedy[SENTENCE], address[ADDRESS_TEXT], name[IF_NAMESIZE] = "?";
	struct next_hop hop;

	target(e, &hop, address);
	if_indextoname(hop.ifindex, name);
	snprintf(why, sizeof(why), "%s has not answered %s on %s", address,
		 xdplb_is_ipv6(hop.addr) ? "neighbour discovery" : "ARP", name);
	snprintf(remedy, sizeof(remedy), "is it up, and on that network? ping %s; ip neigh show %s",
		 address, address);
	explain_say(e, why, remedy);
}

static void no_route(struct explanation *e)
{
	char why[SENTENCE], remedy[SENTENCE], address[ADDRESS_TEXT];
	struct next_hop hop;

	target(e, &hop, address);
	snprintf(why, sizeof(why),
		 "the kernel has no route to %s, or does not forward to it from %s", address,
		 e->at->interface);
	snprintf(remedy, sizeof(remedy), "ip route get %s; sysctl %s; ip rule", address,
		 xdplb_is_ipv6(hop.addr) ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward");
	explain_say(e, why, remedy);
}

/* How many backends are in each state. */
static void states_text(const struct explanation *e, char text[SENTENCE])
{
	const struct xdplb_set *set = set_of(e->balancer, e->service);
	__u32 count[XDPLB_BACKUP + 1] = {};
	size_t length = 0;

	text[0] = '\0';
	for (__u32 i = 0; set && i < set->backends; i++) {
		__u8 state = set_backend(e->balancer, e->service, i)->state;

		if (state <= XDPLB_BACKUP)
			count[state]++;
	}
	for (int state = XDPLB_UP; state <= XDPLB_BACKUP; state++)
		if (count[state])
			length += snprintf(text + length, SENTENCE - length, "%s%u %s",
					   length ? ", " : "", count[state], state_name(state));
	if (!length)
		snprintf(text, SENTENCE, "none");
}

static void no_backend(struct explanation *e)
{
	char why[SENTENCE + 64], remedy[SENTENCE], states[SENTENCE], text[ADDRESS_TEXT];
	struct service_address at;

	if (!e->service) {
		explain_say(e, "the backend of its flow is gone", "xdplb-config list");
		return;
	}
	service_address_of(&e->balancer->services[e->service], &at);
	service_text(&at, text);
	states_text(e, states);
	snprintf(why, sizeof(why), "the service has no backend that takes flows: %s", states);
	snprintf(remedy, sizeof(remedy),
		 "xdplb-config list %s; set-state %s BACKEND up, or add-backend %s BACKEND", text,
		 text, text);
	explain_say(e, why, remedy);
}

static void no_port(struct explanation *e)
{
	if (explain_method(e) == XDPLB_DNAT)
		explain_say(
			e,
			"the backend has a flow of this client's port already, of another service, "
			"and could not tell the two apart",
			"give the services backends of different ports, or one of them nat");
	else
		explain_say(e, "no source port towards the backend is free",
			    "give the service more source addresses: set-service --snat ADDR "
			    "--snat ADDR");
}

static void no_encap(struct explanation *e)
{
	char remedy[SENTENCE];

	snprintf(remedy, sizeof(remedy), "xdplb-config load --encap %s", e->at->interface);
	explain_say(e, "the program there, xdplb, cannot wrap packets: xdplb_encap can", remedy);
}

static bool dropped(struct explanation *e, enum xdplb_reason reason)
{
	switch (reason) {
	case XDPLB_DROP_NO_BACKEND:
		no_backend(e);
		return true;
	case XDPLB_DROP_NO_NEIGHBOUR:
		no_neighbour(e);
		return true;
	case XDPLB_DROP_NO_ROUTE:
		no_route(e);
		return true;
	case XDPLB_DROP_NO_PORT:
		no_port(e);
		return true;
	case XDPLB_DROP_NO_ENCAP:
		no_encap(e);
		return true;
	default:
		return false;
	}
}

/* ---- the steps -------------------------------------------------------------------------- */

/*
 * The program hands it to the driver, which takes nothing from XDP; a veth's does so
 * with what turns back, too.
 */
static bool is_lost(const struct explanation *e, __u32 out, bool veth)
{
	return e->at->mode == XDP_MODE_NATIVE && (e->at->ifindex != (int)out || veth) &&
	       netdev_redirect(out) == REDIRECT_NO;
}

static bool is_veth(__u32 ifindex)
{
	struct link *links = NULL;
	int count = links_read(&links);
	const struct link *link = count > 0 ? link_find(links, count, ifindex) : NULL;
	bool veth = link && link->veth;

	free(links);
	return veth;
}

/* It is sent, and gets no further. */
static bool lost(struct explanation *e)
{
	struct xdplb_backend_cpu counts;
	const struct xdplb_way *way = explain_way(e, &counts);
	__u32 out = way ? way->out & XDPLB_OUT_IFINDEX : 0;
	char why[SENTENCE], name[IF_NAMESIZE] = "?";
	bool veth = is_veth(out);

	if (!out || !is_lost(e, out, veth))
		return false;
	if_indextoname(out, name);
	snprintf(why, sizeof(why),
		 "it is lost behind the program: %s takes no packets that XDP redirects in native "
		 "mode",
		 name);
	explain_say(e, why,
		    veth ? "have its other end poll (ethtool -K PEER gro on); xdplb-config doctor "
			   "says what to type" :
			   "load the program in generic mode (-m skb); xdplb-config doctor says "
			   "what to type");
	return true;
}

/* What the program did that is no forwarding between clients and backends; NULL: nothing. */
static const char *special_text(const struct explanation *e)
{
	if (e->out->reason[XDPLB_ANSWER_TOO_BIG])
		return "it does not fit the way out: its sender is told how much does";
	if (e->out->reason[XDPLB_ANSWER_ECHO])
		return "a ping to a service's address: answered";
	if (e->out->reason[XDPLB_ANSWER_REGISTERED])
		return "a registration, taken";
	if (e->kind == EXPLAIN_ICMP && e->out->verdict != XDP_DROP && !explain_unchanged(e))
		return "an error about a packet of a flow: it goes to the side that sent that, as "
		       "that "
		       "side knows it";
	return NULL;
}

void explain_why(struct explanation *e)
{
	enum xdplb_reason reason = explain_reason(e);
	const char *answer = special_text(e);

	if (lost(e))
		return;
	if (answer)
		explain_step(e, "why", "%s", answer);
	else if (reason < XDPLB_ANSWERS && dropped(e, reason))
		return;
	else if (reason < XDPLB_ANSWERS)
		explain_say(e, reasons[reason].why, reasons[reason].remedy);
	else if (e->out->verdict == XDP_PASS && !e->sent)
		explain_passed(e);
}
