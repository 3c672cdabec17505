/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What somebody who watches is told: new flows, drops, registrations. While
 * nobody does, the question whether is all it costs. Whoever watches says so
 * again every second (struct xdplb_config), so that one who was killed is
 * forgotten.
 */
#ifndef XDPLB_EVENTS_H
#define XDPLB_EVENTS_H

#include "message.h"
#include "packet.h"
#include "service.h"

static __always_inline bool is_watched_at(const struct packet *p, __u32 now)
{
	return (__s32)(READ_ONCE(p->config->watched_until) - now) > 0;
}

static __always_inline bool is_watched(const struct packet *p)
{
	return is_watched_at(p, p->cpu->now);
}

/* Room for an event about this packet, to be submitted; NULL: it would not be read. */
static __always_inline struct xdplb_event *event_begin(const struct packet *p, __u8 kind)
{
	struct xdplb_event *event = bpf_ringbuf_reserve(&xdplb_events, sizeof(*event), 0);

	if (!event)
		return NULL;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->proto = p->h->proto;
	event->v6 = p->h->v6;
	__builtin_memcpy(event->saddr, &p->h->saddr, sizeof(event->saddr));
	__builtin_memcpy(event->daddr, &p->h->daddr, sizeof(event->daddr));
	event->sport = p->h->sport;
	event->dport = p->h->dport;
	return event;
}

static __always_inline void event_flow(const struct packet *p)
{
	const struct xdplb_backend *backend = backend_of(p->work->opened);
	struct xdplb_event *event;

	if (!backend)
		return;
	event = event_begin(p, XDPLB_EVENT_FLOW);
	if (!event)
		return;
	event->service = backend->service;
	event->backend_port = backend->port;
	__builtin_memcpy(event->backend_addr, backend->addr, sizeof(event->backend_addr));
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void event_drop(const struct packet *p)
{
	struct xdplb_event *event = event_begin(p, XDPLB_EVENT_DROP);

	if (!event)
		return;
	event->reason = p->work->dropped - 1;
	bpf_ringbuf_submit(event, 0);
}

/* What became of a registration; its message, NULL: it is none. */
static __always_inline void event_registration(const struct packet *p, enum xdplb_event_kind kind,
					       const struct message *message)
{
	struct xdplb_event *event = event_begin(p, kind);

	if (!event)
		return;
	event->service = p->service;
	event->reason = kind == XDPLB_EVENT_REFUSED ? p->work->dropped - 1 : 0;
	if (message) {
		event->backend_port = message->port;
		event->weight = bpf_ntohs(message->weight);
		event->lifetime = bpf_ntohs(message->lifetime);
	}
	bpf_ringbuf_submit(event, 0);
}

/* What became of the packet: its flow is new, or it was dropped, or both. */
__noinline int event_packet(struct xdp_md *ctx, __u32 verdict)
{
	struct packet p;

	if (!packet_get(ctx, &p))
		return 0;
	if (p.work->opened)
		event_flow(&p);
	if (verdict == XDP_DROP && p.work->dropped)
		event_drop(&p);
	return 0;
}

#endif
