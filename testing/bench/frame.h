/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets, of the network and services that lib.sh sets up. */
#ifndef XDPLB_BENCH_FRAME_H
#define XDPLB_BENCH_FRAME_H

#include "bench.h"

#define NAT_FIRST 1024 /* the flows of nat fill each backend's ports from here on */

enum direction {
	TO_SERVICE, /* from a client */
	TO_SERVICE_TAGGED, /* the same with a VLAN tag */
	TO_SERVICE_UDP,
	NAT_REPLY, /* from a backend to a port of the balancer's */
	DNAT_REPLY, /* from the first backend to a client */
	LOCAL_REPLY, /* from a listener to a client */
	LOCAL_REPLY_UDP,
	REGISTRATION, /* of a listener, without a key */
	DIRECTIONS,
};

#define TCP_FIN_FLAG 0x01
#define TCP_SYN_FLAG 0x02
#define TCP_ACK_FLAG 0x10

/*
 * What is the same in all packets of this direction: UDP, or TCP with these
 * flags. `family` is 4 or 6, `port` the service's and its backends'.
 */
void frame_make(struct bench *bench, enum direction direction, int family, __u16 port, __u8 flags);

/* The n-th client's own part of a packet to a service, or of dnat's reply to it. */
struct bench_flow flow_of_client(__u32 n, __u16 service_port);

/*
 * The same of nat's reply to the n-th flow, where flow n went to backend n %
 * `backends` and each backend's ports were given out from NAT_FIRST on.
 */
struct bench_flow flow_of_reply(int family, __u32 n, __u32 backends, __u16 backend_port);

/* The own part of a registration of the listener on this port. */
struct bench_flow flow_of_listener(__u16 listener_port, __u16 weight);

/* Its tag, as of a message that is sealed under this key (struct xdplb_config). */
__u64 frame_tag(const struct bench *bench, const struct bench_flow *flow, const __u64 seal[2]);

/* The n-th backend's address: its last 32 bits, network byte order. */
__be32 backend_address(int family, __u32 n);

#endif
