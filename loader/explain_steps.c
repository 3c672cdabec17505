// SPDX-License-Identifier: GPL-2.0-only
/* The steps of a packet's way, in the order in which it meets them. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "../xdp/flow_state.h"
#include "../xdp/tracking.h"
#include "explain.h"
#include "flows.h"
#include "frame_text.h"
#include "names.h"
#include "route.h"
#include "sets.h"
#include "show.h"
#include "tables.h"

/* ---- the packet ------------------------------------------------------------------------- */

static const char *end_text(const struct headers *h, bool source, bool ports, char *text)
{
	const struct address *addr = source ? &h->saddr : &h->daddr;
	char address[INET6_ADDRSTRLEN];

	inet_ntop(h->v6 ? AF_INET6 : AF_INET, addr->word, address, sizeof(address));
	snprintf(text, ADDRESS_TEXT, ports ? h->v6 ? "[%s]:%u" : "%s:%u" : "%s", address,
		 ntohs(source ? h->sport : h->dport));
	return text;
}

static const char *protocol_text(const struct headers *h, char text[16])
{
	switch (h->proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		snprintf(text, 16, "protocol %u", h->proto);
		return text;
	}
}

static void tell_packet(struct explanation *e)
{
	const struct headers *h = explain_headers(e);
	bool ports = h->proto == IPPROTO_TCP || h->proto == IPPROTO_UDP;
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT], proto[16], flags[TCP_FLAGS_TEXT] = "";
	struct json_object *step;

	if (!h->l4) {
		step = explain_step(e, "packet", "%s, %u bytes", e->at->interface, e->before->size);
		json_add_number(step, "bytes", e->before->size);
		return;
	}
	ports &= h->fragment != FRAGMENT_LATER;
	end_text(h, true, ports, from);
	end_text(h, false, ports, to);
	if (h->proto == IPPROTO_TCP && ports)
		tcp_flags_text(h->tcp_flags, flags);
	step = explain_step(e, "packet", "%s, %s %s -> %s%s%s%s, %u bytes", e->at->interface,
			    protocol_text(h, proto), from, to, *flags ? ", " : "", flags,
			    h->fragment ? h->fragment == FRAGMENT_LATER ? ", a later fragment" :
									  ", the first fragment" :
					  "",
			    e->before->size);
	json_add_text(step, "protocol", protocol_text(h, proto));
	json_add_text(step, "source", from);
	json_add_text(step, "destination", to);
	if (*flags)
		json_add_text(step, "flags", flags);
	json_add_number(step, "bytes", e->before->size);
}

/* Programs that get the packet before ours, and were not run. */
static void tell_chain(struct explanation *e)
{
	char names[sizeof(e->at->chain)], *end = names;

	if (e->at->place < 2)
		return;
	snprintf(names, sizeof(names), "%s", e->at->chain);
	for (int i = 1; end && i < e->at->place; i++)
		end = strchr(i > 1 ? end + 1 : end, ' ');
	if (end)
		*end = '\0';
	explain_step(e, "chain", "%s of %s comes first, and was not run", names, e->at->interface);
}

/* ---- the service ------------------------------------------------------------------------ */

static void tell_service(struct explanation *e)
{
	const struct xdplb_set *set = e->service ? set_of(e->balancer, e->service) : NULL;
	struct service_address at;
	struct json_object *step;
	char text[ADDRESS_TEXT];

	if (!set)
		return;
	service_address_of(&e->balancer->services[e->service], &at);
	step = explain_step(e, "service", "%s  %s  %s", service_text(&at, text),
			    scheduler_name(set->scheduler), forward_name(set->forward));
	json_add_text(step, "service", text);
	json_add_text(step, "scheduler", scheduler_name(set->scheduler));
	json_add_text(step, "forward", forward_name(set->forward));
}

/* ---- the flow --------------------------------------------------------------------------- */

#define IDENTITY                                                                       \
	(XDPLB_FIELD_MASK(BACKEND) | XDPLB_FIELD_MASK(PORT) | XDPLB_FIELD_MASK(SNAT) | \
	 XDPLB_FIELD_MASK(GENERATION))

static bool goes_on(const struct explanation *e)
{
	return e->flow_before && e->flow_after && !((e->flow_before ^ e->flow_after) & IDENTITY);
}

static __u32 idle_of(const struct explanation *e)
{
	return flow_age(clock_seconds(), XDPLB_FIELD(e->flow_before, SEEN));
}

/* What is said of a flow that is in the table neither before nor after. */
static const char *flow_unknown(const struct explanation *e)
{
	const struct xdplb_set *set = set_of(e->balancer, e->service);

	if (e->out->reason[XDPLB_FLOW_NO_ROOM])
		return "new, and there is no room to remember it: its hash decides";
	if (e->out->reason[XDPLB_FLOW_STRAY])
		return "none is remembered, and this packet begins none: its hash decides";
	if (e->out->reason[XDPLB_PASS_NO_FLOW])
		return "none is remembered, and this packet begins none";
	if (e->out->verdict != XDP_DROP && set && !(set->flags & XDPLB_SET_TRACK))
		return "need not be remembered: its slot decides";
	if (e->out->verdict != XDP_DROP)
		return "none is remembered";
	return "none, and none begins";
}

static const char *flow_begun(const struct explanation *e)
{
	if (e->out->reason[XDPLB_FLOW_TAKEN_OVER])
		return "older than a change of the service: remembered from now on";
	if (e->out->reason[XDPLB_FLOW_STRAY])
		return "none is remembered: from now on, as its hash decides";
	if (e->out->reason[XDPLB_FLOW_EVICTED])
		return "new, in place of one that never got past its first packet";
	return "none yet: this packet begins one";
}

static void tell_flow(struct explanation *e)
{
	__u32 state = XDPLB_FIELD(e->flow_before, STATE);
	struct json_object *step;

	if (e->kind != EXPLAIN_SERVICE)
		return;
	if (goes_on(e))
		step = explain_step(e, "flow", "remembered, %s, %u s since its last packet",
				    flow_state_name(state), idle_of(e));
	else if (e->flow_before && e->flow_after)
		step = explain_step(e, "flow",
				    "the one before is over: this packet begins another");
	else if (e->flow_before)
		step = explain_step(e, "flow", "the one before is over, and none begins");
	else
		step = explain_step(e, "flow", "%s",
				    e->flow_after ? flow_begun(e) : flow_unknown(e));
	json_add_bool(step, "remembered", goes_on(e));
	if (goes_on(e)) {
		json_add_text(step, "state", flow_state_name(state));
		json_add_number(step, "idle", idle_of(e));
	}
}

/* ---- the backend ------------------------------------------------------------------------ */

/* How the scheduler came to it. */
static const char *pick_text(const struct xdplb_set *set)
{
	switch (set->pick) {
	case XDPLB_PICK_HASH:
		return set->hash_bits ? "by a hash of the client" : "by a hash of the flow";
	case XDPLB_PICK_LEAST:
		return "which has the fewest flows for its weight";
	case XDPLB_PICK_TWO:
		return "of two the one with fewer flows for its weight";
	default:
		return "whose turn it is";
	}
}

static const char *chosen_text(const struct explanation *e)
{
	const struct xdplb_set *set = set_of(e->balancer, e->service);

	if (e->kind == EXPLAIN_REPLY)
		return "whose reply it is";
	if (e->kind == EXPLAIN_ICMP)
		return "which has the flow that it is about";
	if (e->kind == EXPLAIN_FRAGMENT)
		return "to which the first fragment went";
	if (goes_on(e) && !(set && set->flags & XDPLB_SET_EACH))
		return "as its packets before";
	if (e->client_before && e->client_before == e->backend)
		return "as its client's flows before";
	if (e->out->reason[XDPLB_FLOW_TAKEN_OVER])
		return "which had it before the change";
	if (e->out->reason[XDPLB_FLOW_STRAY] || e->out->reason[XDPLB_FLOW_NO_ROOM])
		return "by a hash of the flow";
	return set ? pick_text(set) : "";
}

/* Its weight and state in the service's set; false: it is no longer in it. */
static bool backend_state(const struct explanation *e, __u16 *weight, __u8 *state)
{
	const struct xdplb_set *set = e->service ? set_of(e->balancer, e->service) : NULL;
	const struct xdplb_backend *backend = &e->balancer->backends[e->backend];
	struct live_listener live;

	for (__u32 i = 0; set && i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(e->balancer, e->service, i);

		if (entry->backend != e->backend)
			continue;
		*weight = entry->weight;
		*state = listener_state(e->balancer, e->service, backend->port, entry->state);
		return true;
	}
	if (!set || !listener_live(e->balancer, e->service, backend->port, &live))
		return false;
	*weight = live.weight;
	*state = XDPLB_UP;
	return true;
}

static void tell_backend(struct explanation *e)
{
	const struct xdplb_backend *backend = &e->balancer->backends[e->backend];
	__u8 method = explain_method(e), state = 0;
	struct json_object *step;
	char text[ADDRESS_TEXT];
	__u16 weight = 0;

	if (!e->backend)
		return;
	backend_text(method, backend->addr, backend->port, text);
	if (backend_state(e, &weight, &state))
		step = explain_step(e, "backend", "%s (weight %u, %s), %s", text, weight,
				    state_name(state), chosen_text(e));
	else
		step = explain_step(e, "backend", "%s (no longer in the service), %s", text,
				    chosen_text(e));
	json_add_endpoint(step, backend->addr, backend->port);
	if (!state)
		return;
	json_add_number(step, "weight", weight);
	json_add_text(step, "state", state_name(state));
}

/* ---- the method ------------------------------------------------------------------------- */

/* Who speaks to whom when the packet has been rewritten. */
static void rewritten(const struct explanation *e, char from[ADDRESS_TEXT], char to[ADDRESS_TEXT])
{
	const struct endpoints *ends = &e->out->work.to;

	endpoint_text(ends->saddr.word, ends->sport, from);
	endpoint_text(ends->daddr.word, ends->dport, to);
}

#define METHOD_TEXT 192

static void method_text(const struct explanation *e, __u8 method, char text[METHOD_TEXT])
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];

	rewritten(e, from, to);
	switch (method) {
	case XDPLB_NAT:
	case XDPLB_DNAT:
		snprintf(text, METHOD_TEXT, ": becomes %s -> %s", from, to);
		break;
	case XDPLB_DSR:
		snprintf(text, METHOD_TEXT, ": only the MACs change");
		break;
	case XDPLB_LOCAL:
		snprintf(text, METHOD_TEXT, ": the port becomes %u, and this machine has it",
			 ntohs(e->balancer->backends[e->backend].port));
		break;
	default:
		address_text(e->out->work.outer.saddr.word, from);
		address_text(e->out->work.outer.daddr.word, to);
		snprintf(text, METHOD_TEXT, ": wrapped, %s -> %s", from, to);
	}
}

static void tell_method(struct explanation *e)
{
	__u8 method = explain_method(e);
	struct json_object *step;
	char text[METHOD_TEXT];

	if (!e->backend || !method || (!e->sent && !e->replied))
		return;
	method_text(e, method, text);
	step = explain_step(e, "method", "%s%s", forward_name(method), text);
	json_add_text(step, "forward", forward_name(method));
}

/* ---- the way out ------------------------------------------------------------------------ */

static const char *interface_text(__u32 ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, name))
		snprintf(name, IF_NAMESIZE, "if%u", ifindex);
	return name;
}

/* Whose MAC the packet gets, as the kernel routes: the gateway, or the destination itself. */
static const char *hop_address(const struct explanation *e, char text[ADDRESS_TEXT])
{
	const __be32 *to =
		e->replied ? e->out->work.record.client : e->balancer->backends[e->backend].addr;
	struct next_hop hop;

	if (route_get(to, &hop) || hop.local)
		return address_text(to, text);
	return address_text(hop.addr, text);
}

static void tell_hop(struct explanation *e)
{
	struct xdplb_backend_cpu counts;
	const struct xdplb_way *way = explain_way(e, &counts);
	char address[ADDRESS_TEXT], mac[ADDRESS_TEXT], name[IF_NAMESIZE], vlan[16] = "";
	struct json_object *step;

	if (!way)
		return;
	if (way->vlan)
		snprintf(vlan, sizeof(vlan), ", vlan %u", ntohs(way->vlan));
	interface_text(way->out & XDPLB_OUT_IFINDEX, name);
	step = explain_step(e, "next_hop", "%s by %s, %s%s, MTU %u", hop_address(e, address), name,
			    mac_text(way->dmac, mac), vlan, way->mtu);
	json_add_text(step, "address", address);
	json_add_text(step, "interface", name);
	json_add_text(step, "mac", mac);
	json_add_number(step, "mtu", way->mtu);
	if (way->vlan)
		json_add_number(step, "vlan", ntohs(way->vlan));
}

/* ---- the bytes -------------------------------------------------------------------------- */

static void add_hex(struct json_object *step, const struct frame *frame)
{
	static char hex[2 * sizeof(frame->data) + 1];

	for (size_t i = 0; i < frame->size; i++)
		snprintf(hex + 2 * i, 3, "%02x", frame->data[i]);
	json_add_text(step, "hex", hex);
}

static void tell_bytes(struct explanation *e)
{
	__u16 gue_port = ntohs(e->balancer->config->gue_port);
	char text[FRAME_TEXT];

	add_hex(explain_step(e, "before", "%s", frame_text(e->before, gue_port, text)), e->before);
	if (e->out->verdict == XDP_DROP)
		return;
	if (explain_unchanged(e))
		snprintf(text, sizeof(text), "unchanged");
	else
		frame_text(&e->out->frame, gue_port, text);
	add_hex(explain_step(e, "after", "%s", text), &e->out->frame);
}

/* ---- the verdict ------------------------------------------------------------------------ */

/* It leaves this machine, or goes round by lo. */
static void tell_sent(struct explanation *e)
{
	struct xdplb_backend_cpu counts;
	const struct xdplb_way *way = explain_way(e, &counts);
	bool turned = e->out->verdict == XDP_TX || e->out->work.counted == XDP_TX;
	struct json_object *step;
	char name[IF_NAMESIZE];

	interface_text(way && !turned ? way->out & XDPLB_OUT_IFINDEX : (__u32)e->at->ifindex, name);
	if (turned)
		step = explain_step(e, "verdict", "tx, by %s, where it came in", name);
	else
		step = explain_step(e, "verdict", "redirect%s%s", way ? " to " : "",
				    way ? name : "");
	json_add_text(step, "verdict", turned ? "tx" : "redirect");
	if (turned || way)
		json_add_text(step, "interface", name);
}

static void tell_verdict(struct explanation *e)
{
	bool passes = e->out->verdict == XDP_PASS;
	struct json_object *step;

	if (e->out->verdict == XDP_TX || e->out->verdict == XDP_REDIRECT) {
		tell_sent(e);
		return;
	}
	if (passes)
		step = explain_step(e, "verdict", "pass, to %s",
				    e->at->place < e->at->programs ?
					    "the next program in the chain" :
					    "the kernel");
	else
		step = explain_step(e, "verdict", e->out->verdict == XDP_DROP ? "drop" : "aborted");
	json_add_text(step, "verdict",
		      passes			  ? "pass" :
		      e->out->verdict == XDP_DROP ? "drop" :
						    "aborted");
}

/* What the program counted besides the verdict, by the names that stats has. */
static void tell_reasons(struct explanation *e)
{
	struct json_object *all = json_object_new_array();

	for (int i = 0; i < XDPLB_REASONS; i++)
		if (e->out->reason[i])
			json_object_array_add(all, json_object_new_string(reason_name(i)));
	json_object_object_add(e->told, "counted", all);
}

void explain_tell(struct explanation *e)
{
	json_add_text(e->told, "interface", e->at->interface);
	json_add_text(e->told, "program", e->at->program);
	tell_packet(e);
	tell_chain(e);
	tell_service(e);
	tell_flow(e);
	tell_backend(e);
	tell_method(e);
	tell_hop(e);
	tell_bytes(e);
	tell_verdict(e);
	tell_reasons(e);
	explain_why(e);
}
