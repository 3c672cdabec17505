/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * local: the packet goes on to this machine's own stack, to the port of a
 * listener. Nothing but the port changes; what the listener answers gets the
 * service's port back on its way out (replies.h).
 */
#ifndef XDPLB_LOCAL_H
#define XDPLB_LOCAL_H

#include "forward.h"

/* The packet is for this port. Of fragments the first alone has one. */
static __always_inline void port_write(struct packet *p, __be16 port)
{
	struct endpoints to = { .sport = p->h->sport, .dport = port };

	if (p->h->fragment != FRAGMENT_LATER)
		rewrite_l4(p, &to, 0);
}

/* Hands a packet to the listener `backend`. */
static __always_inline int deliver(struct packet *p, const struct xdplb_backend *backend,
				   struct xdplb_backend_cpu *cpu)
{
	cpu->packets++;
	cpu->bytes += frame_bytes(p);
	port_write(p, backend->port);
	return XDP_PASS;
}

#endif
