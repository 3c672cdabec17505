// SPDX-License-Identifier: GPL-2.0-only
/* What became of a packet: read from the copies, into which the program wrote it. */
#include "explain.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../xdp/flow_state.h"
#include "../xdp/hash.h"
#include "../xdp/tracking.h"
#include "directory.h"
#include "flow_copies.h"
#include "sets.h"

struct json_object *explain_step(struct explanation *e, const char *name, const char *format, ...)
{
	struct json_object *step = json_object_new_object();
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0) {
		json_add_text(step, "text", text);
		free(text);
	}
	va_end(args);
	json_object_object_add(e->told, name, step);
	return step;
}

/* ---- whose packet it is ----------------------------------------------------------------- */

static __u32 found(const struct balancer *balancer, enum xdplb_kind kind,
		   const struct address *addr, __be16 port, __u8 proto)
{
	const struct xdplb_directory_entry *entry =
		directory_find(balancer, kind, addr->word, port, proto);

	return entry ? entry->index : 0;
}

static bool is_transport(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* The service in force that the packet goes to. */
static __u32 service_of(const struct explanation *e, const struct headers *h)
{
	__u32 id = is_transport(h->proto) ?
			   found(e->balancer, XDPLB_KIND_SERVICE, &h->daddr, h->dport, h->proto) :
			   0;

	return id && id < XDPLB_SERVICES && service_set(e->balancer, id) ? id : 0;
}

static __u64 name_of(const struct explanation *e, const struct headers *h)
{
	return flow_copies_name(e->balancer->config, h->v6, h->saddr.word, h->sport);
}

static __u64 flow_value(const struct explanation *e, const struct headers *h)
{
	return copies_flow(e->copies, xdplb_flow_key(name_of(e, h), e->service));
}

/* The backend that the client's flows share. */
static __u32 client_backend(const struct explanation *e, const struct headers *h)
{
	const struct xdplb_set *set = set_of(e->balancer, e->service);
	__u64 name;

	if (!set || !(set->flags & XDPLB_SET_AFFINITY))
		return 0;
	name = flow_copies_client(e->balancer->config, h->v6, h->saddr.word, set->hash_bits);
	return XDPLB_FIELD(copies_flow(e->copies, xdplb_flow_key(name, e->service)), BACKEND);
}

void explain_before(struct explanation *e, const struct work *parsed)
{
	const struct headers *h = &parsed->headers[PACKET];

	e->service = service_of(e, h);
	if (!e->service)
		return;
	e->flow_before = flow_value(e, h);
	e->client_before = client_backend(e, h);
}

static enum explain_kind transport_kind(const struct explanation *e, const struct headers *h)
{
	if (e->replied)
		return EXPLAIN_REPLY;
	if (e->service)
		return EXPLAIN_SERVICE;
	if (h->proto == IPPROTO_UDP && h->dport == e->balancer->config->registration_port &&
	    found(e->balancer, XDPLB_KIND_REGISTER, &h->daddr, 0, 0))
		return EXPLAIN_REGISTRATION;
	return e->out->verdict == XDP_PASS ? EXPLAIN_NOT_OURS : EXPLAIN_REPLY;
}

static enum explain_kind kind_of(const struct explanation *e)
{
	const struct headers *h = explain_headers(e);

	if (!e->balancer->config->abi)
		return EXPLAIN_UNCONFIGURED;
	if (e->out->reason[XDPLB_PASS_UNREADABLE])
		return EXPLAIN_UNREADABLE;
	if (!h->l3)
		return EXPLAIN_GROUP;
	if (!h->l4)
		return EXPLAIN_NOT_IP;
	if (h->fragment == FRAGMENT_LATER)
		return EXPLAIN_FRAGMENT;
	if (h->proto == (h->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return EXPLAIN_ICMP;
	return is_transport(h->proto) ? transport_kind(e, h) : EXPLAIN_OTHER;
}

/* ---- whom it goes to, or comes from ----------------------------------------------------- */

/* Which backend has counted it. */
static __u32 counted(struct explanation *e)
{
	struct xdplb_backend_cpu hop;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		if (!e->balancer->backends[id].flags || !copies_hop(e->copies, id, &hop))
			continue;
		e->sent = hop.packets;
		e->replied = hop.reply_packets;
		if (e->sent || e->replied)
			return id;
	}
	return 0;
}

/* The owner of the flow's slot, where slots decide. */
static __u32 slot_owner(const struct explanation *e)
{
	const struct xdplb_set *set = set_of(e->balancer, e->service);
	const struct headers *h = explain_headers(e);
	__u64 name = name_of(e, h);
	__u32 slot, line;

	if (!set || set->flags & XDPLB_SET_TRACK || !set->slots)
		return 0;
	if (set->hash_bits)
		name = flow_copies_client(e->balancer->config, h->v6, h->saddr.word,
					  set->hash_bits);
	slot = xdplb_slot(e->balancer->config->seed, name, set->slots);
	line = set->slot_line + slot / XDPLB_SLOTS_A_LINE;
	if (line >= e->copies->copy.entries[MAP_SETS])
		return 0;
	return XDPLB_SLOT_OWNER(e->balancer->sets[line].slot[slot % XDPLB_SLOTS_A_LINE]);
}

/* The backend that was found before the packet was dropped. */
static __u32 backend_found(const struct explanation *e)
{
	const struct work *work = &e->out->work;

	if (e->flow_after)
		return XDPLB_FIELD(e->flow_after, BACKEND);
	if (!e->service)
		return work->record.backend ? work->record.backend :
					      XDPLB_FIELD(work->value, BACKEND);
	if (work->value)
		return XDPLB_FIELD(work->value, BACKEND);
	return explain_reason(e) == XDPLB_DROP_NO_BACKEND ? 0 : slot_owner(e);
}

void explain_after(struct explanation *e)
{
	const struct headers *h = explain_headers(e);

	if (e->service)
		e->flow_after = flow_value(e, h);
	e->backend = counted(e);
	e->kind = kind_of(e);
	if (!e->backend)
		e->backend = backend_found(e);
	if (e->backend >= XDPLB_BACKENDS)
		e->backend = 0;
	if (e->kind == EXPLAIN_REPLY || e->kind == EXPLAIN_ICMP || e->kind == EXPLAIN_FRAGMENT)
		e->service = e->backend ? e->balancer->backends[e->backend].service : 0;
}

enum xdplb_reason explain_reason(const struct explanation *e)
{
	int first = e->out->verdict == XDP_DROP ? 0 : XDPLB_DROPS;
	int end = e->out->verdict == XDP_DROP ? XDPLB_DROPS : XDPLB_ANSWERS;

	for (int reason = first; reason < end; reason++)
		if (e->out->reason[reason])
			return reason;
	return XDPLB_REASONS;
}

__u8 explain_method(const struct explanation *e)
{
	const struct xdplb_set *set = e->service ? set_of(e->balancer, e->service) : NULL;
	__u64 value = e->flow_after ? e->flow_after : e->out->work.value;

	if (e->kind == EXPLAIN_REPLY)
		return e->out->work.record.backend ? XDPLB_NAT : XDPLB_DNAT;
	if (value && XDPLB_FIELD(value, BACKEND) == e->backend)
		return method_of(value);
	return set ? set->forward : 0;
}

bool explain_unchanged(const struct explanation *e)
{
	return e->before->size == e->out->frame.size &&
	       !memcmp(e->before->data, e->out->frame.data, e->before->size);
}

const struct xdplb_way *explain_way(const struct explanation *e, struct xdplb_backend_cpu *hop)
{
	const struct work *work = &e->out->work;

	if (e->out->verdict != XDP_TX && e->out->verdict != XDP_REDIRECT)
		return NULL;
	if (e->replied)
		return &work->record.way;
	if (e->sent && copies_hop(e->copies, e->backend, hop))
		return &hop->way;
	return NULL;
}
