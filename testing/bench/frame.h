/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets, of the network and services that testing/bench/run sets up. */
#ifndef XDPLB_BENCH_FRAME_H
#define XDPLB_BENCH_FRAME_H

#include "bench.h"

/* The services' ports, and their backends'; one method each. */
enum {
	PORT_NAT = 8000,
	PORT_DNAT = 8001,
	PORT_DSR = 8002,
	PORT_IPIP = 8003,
	PORT_GUE = 8004,
	PORT_NOBODY = 8005,
};

enum direction {
	TO_SERVICE, /* from a client */
	TO_SERVICE_TAGGED, /* the same with a VLAN tag */
	NAT_REPLY, /* from the backend to a port of the balancer's */
	DNAT_REPLY, /* from the backend to a client */
};

#define TCP_SYN 0x02
#define TCP_ACK 0x10

/* TCP with these flags; `family` is 4 or 6. Each flow is of another client. */
void frame_make(struct bench *bench, enum direction direction, int family, int port, __u8 flags);

#endif
