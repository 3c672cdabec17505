// SPDX-License-Identifier: GPL-2.0-only
/* Why a packet was passed on that is not for the balancer, and what to do about it. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "directory.h"
#include "explain.h"
#include "sets.h"
#include "show.h"

#define TAGS 2 /* of VLANs, that the program reads */

/* The packet goes to the address of a service. */
static bool to_service_address(const struct explanation *e)
{
	return directory_find(e->balancer, XDPLB_KIND_ADDRESS, explain_headers(e)->daddr.word, 0,
			      0);
}

/* ---- frames and protocols --------------------------------------------------------------- */

static void group(struct explanation *e)
{
	char remedy[SENTENCE];

	snprintf(remedy, sizeof(remedy),
		 "nothing, unless it is for a service: its sender must send to the MAC of %s then; "
		 "ip link show %s, and there ip neigh",
		 e->at->interface, e->at->interface);
	explain_say(e, "a frame to a group, or to everybody, is nobody's to forward", remedy);
}

static bool is_tag(__u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* What follows the tags that the program reads. */
static __u16 ethertype(const struct frame *frame)
{
	__u16 type = 0;

	for (__u32 i = 0, at = 12; i <= TAGS && at + 2 <= frame->size; i++, at += 4) {
		type = frame->data[at] << 8 | frame->data[at + 1];
		if (!is_tag(type))
			break;
	}
	return type;
}

static void not_ip(struct explanation *e)
{
	__u16 type = ethertype(e->before);
	char remedy[SENTENCE];

	if (type == ETH_P_ARP) {
		explain_say(e, "ARP, which the kernel answers",
			    "nothing; xdplb-config doctor says whether it answers for services");
	} else if (is_tag(type)) {
		snprintf(remedy, sizeof(remedy),
			 "have a switch, or the router before, take tags off what it sends to %s",
			 e->at->interface);
		explain_say(e, "more than two VLAN tags: the program reads two", remedy);
	} else {
		snprintf(remedy, sizeof(remedy),
			 "nothing, if it is the kernel's; else see what it is: tcpdump -e -nn -i "
			 "%s",
			 e->at->interface);
		explain_say(e, "neither IPv4 nor IPv6, or not as the program reads them", remedy);
	}
}

static void other_protocol(struct explanation *e)
{
	explain_say(e, "neither TCP nor UDP: services are of these",
		    to_service_address(e) ?
			    "send it to the address of the machine that takes it, as no service "
			    "can; or wrapped in UDP, to a service of that" :
			    "nothing, if it is the kernel's; ip route get says where it goes");
}

/* ---- ICMP ------------------------------------------------------------------------------- */

static bool is_echo_request(const struct headers *h, __u8 type)
{
	return type == (h->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
}

static bool is_error(const struct headers *h, __u8 type)
{
	if (h->v6)
		return type >= ICMP6_DST_UNREACH && type <= ICMP6_PARAM_PROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static void ping(struct explanation *e)
{
	if (!to_service_address(e))
		explain_say(e, "a ping to an address that no service has",
			    "nothing, if it is the kernel's; xdplb-config list");
	else if (!e->balancer->config->echo)
		explain_say(e, "a ping to a service's address, and answering them is off",
			    "xdplb-config set echo=on");
	else
		explain_say(e,
			    "a ping to a service's address, but cut short, or nobody can be "
			    "answered at its source",
			    "look at its sender, or at how it was captured: tcpdump -vv -s 0");
}

static void icmp(struct explanation *e)
{
	const struct headers *h = explain_headers(e);
	__u8 type = h->l4 < e->before->size ? e->before->data[h->l4] : 0;

	if (h->fragment)
		explain_say(e, "ICMP in fragments, which is not looked into",
			    "send less at once: ping -s 1400");
	else if (is_echo_request(h, type))
		ping(e);
	else if (is_error(h, type))
		explain_say(e, "an ICMP error about no packet of a flow that is known",
			    "nothing, if it is about the kernel's own; else see whether the flow "
			    "that it quotes is there: xdplb-config flows; tcpdump -vv icmp or "
			    "icmp6");
	else
		explain_say(e, "ICMP that is neither an error nor a ping",
			    "nothing: it is the kernel's");
}

/* ---- TCP and UDP ------------------------------------------------------------------------ */

/* The services at the address that the packet goes to. */
static int services_at(const struct explanation *e, char text[SENTENCE])
{
	const __be32 *addr = explain_headers(e)->daddr.word;
	struct service_address at;
	char name[ADDRESS_TEXT];
	size_t length = 0;
	int count = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		if (!e->balancer->services[id].proto || !service_set(e->balancer, id))
			continue;
		service_address_of(&e->balancer->services[id], &at);
		if (!same_address(at.addr, addr) || ++count > 4)
			continue;
		length += snprintf(text + length, SENTENCE - length, "%s%s", count > 1 ? ", " : "",
				   service_text(&at, name));
	}
	if (count > 4)
		snprintf(text + length, SENTENCE - length, " and %d more", count - 4);
	return count;
}

static void not_ours(struct explanation *e)
{
	char why[2 * SENTENCE], text[SENTENCE];

	if (services_at(e, text))
		snprintf(why, sizeof(why),
			 "no service, and no reply of a known flow; at that "
			 "address there is %s",
			 text);
	else
		snprintf(why, sizeof(why),
			 "no service, and no reply of a known flow; there is none at that address");
	explain_say(e, why, "xdplb-config list; set-backends SERVICE BACKEND... makes one");
}

/* ---- all of them ------------------------------------------------------------------------ */

void explain_passed(struct explanation *e)
{
	switch (e->kind) {
	case EXPLAIN_UNCONFIGURED:
		explain_say(e, "the balancer was never configured, so everything passes",
			    "xdplb-config set-backends SERVICE BACKEND...");
		break;
	case EXPLAIN_GROUP:
		group(e);
		break;
	case EXPLAIN_NOT_IP:
		not_ip(e);
		break;
	case EXPLAIN_OTHER:
		other_protocol(e);
		break;
	case EXPLAIN_ICMP:
		icmp(e);
		break;
	case EXPLAIN_REGISTRATION:
		explain_say(e, "a registration: the stack, or the registrar, has it now",
			    "nothing; xdplb-config doctor says whether somebody takes it");
		break;
	case EXPLAIN_NOT_OURS:
		not_ours(e);
		break;
	default:
		break;
	}
}
