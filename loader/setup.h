/* SPDX-License-Identifier: GPL-2.0-only */
/* What a backend has to be told, as shell commands. */
#ifndef XDPLB_SETUP_H
#define XDPLB_SETUP_H

#include <stdio.h>

#include "wanted.h"

/* One backend of a service, and the way to it. */
struct setup {
	struct service_address at;
	__u8 forward;
	__be32 backend[4];
	__be16 port; /* network byte order */
	__be32 balancer[4]; /* who sends to it, as it sees it; 0: not known */
	bool direct; /* it is a neighbour of the balancer */
	bool fixed_source; /* of what wraps its packets */
	__u32 mtu; /* of the way, 0: not known */
	__u16 gue_port; /* host order */
};

/* The bytes that wrapping puts before a packet, 0 for other methods. */
__u32 setup_overhead(const struct setup *setup);

/* Prints the commands for a root shell on the backend, with why in comments. */
void setup_print(FILE *out, const struct setup *setup);

#endif
