/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * local: the packet goes on to this machine's own stack, to the port of a
 * listener. Nothing but the port changes; what the listener answers gets the
 * service's port back on its way out (replies.h).
 */
#ifndef XDPLB_LOCAL_H
#define XDPLB_LOCAL_H

#include "forward.h"

/* Hands a packet, which is no later fragment, to the listener `backend`. */
static __always_inline int deliver(struct packet *p, const struct xdplb_backend *backend,
				   struct xdplb_backend_cpu *cpu)
{
	struct endpoints to = { .sport = p->h->sport, .dport = backend->port };

	cpu->packets++;
	cpu->bytes += frame_bytes(p);
	rewrite_l4(p, &to, 0);
	return XDP_PASS;
}

#endif
