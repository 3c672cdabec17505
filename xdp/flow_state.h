/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a flow, as far as it matters here: how long to remember it, and
 * whether its place may be given away. Pure functions.
 */
#ifndef XDPLB_FLOW_STATE_H
#define XDPLB_FLOW_STATE_H

#include <stdbool.h>

#include "xdplb.h"

/* The flags in the 14th byte of TCP's header, RFC 9293 section 3.1. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* It counts as an active flow of its backend. */
static __always_inline bool flow_is_active(__u32 state)
{
	return state == XDPLB_FLOW_NEW || state == XDPLB_FLOW_ADOPTED ||
	       state == XDPLB_FLOW_ESTABLISHED || state == XDPLB_FLOW_UDP_NEW ||
	       state == XDPLB_FLOW_UDP;
}

/* It is over; a SYN with the same addresses and ports begins another. */
static __always_inline bool flow_is_over(__u32 state)
{
	return state == XDPLB_FLOW_CLOSED || state == XDPLB_FLOW_RESET;
}

/* It never got past its first packet. */
static __always_inline bool flow_is_unproven(__u32 state)
{
	return state == XDPLB_FLOW_NEW || state == XDPLB_FLOW_ADOPTED ||
	       state == XDPLB_FLOW_UDP_NEW || state == XDPLB_FLOW_CLIENT_NEW;
}

static __always_inline __u32 flow_state_after_fin(__u32 state, bool from_client)
{
	if (state == XDPLB_FLOW_CLOSED)
		return state;
	if (from_client)
		return state == XDPLB_FLOW_FIN_BACKEND ? XDPLB_FLOW_CLOSED : XDPLB_FLOW_FIN_CLIENT;
	return state == XDPLB_FLOW_FIN_CLIENT ? XDPLB_FLOW_CLOSED : XDPLB_FLOW_FIN_BACKEND;
}

/*
 * The state after a packet. A flow goes on where a RST was not believed: the
 * next packet with data revives it, so that a forged RST alone ends nothing.
 */
static __always_inline __u32 flow_state_after(__u32 state, __u8 flags, bool from_client)
{
	if (state == XDPLB_FLOW_UDP_NEW)
		return from_client ? XDPLB_FLOW_UDP : state;
	if (state == XDPLB_FLOW_CLIENT_NEW)
		return flags & TCP_SYN ? state : XDPLB_FLOW_CLIENT;
	if (state == XDPLB_FLOW_UDP || state == XDPLB_FLOW_CLIENT)
		return state;
	if (flags & TCP_RST)
		return state == XDPLB_FLOW_CLOSED ? state : XDPLB_FLOW_RESET;
	if (flags & TCP_FIN)
		return flow_state_after_fin(state, from_client);
	if (flags & TCP_SYN)
		return state;
	if ((flow_is_unproven(state) && from_client) || state == XDPLB_FLOW_RESET)
		return XDPLB_FLOW_ESTABLISHED;
	return state;
}

/* Packets that neither end it nor come first leave it in this state. */
static __always_inline bool flow_is_steady(__u32 state)
{
	return !flow_is_unproven(state) && state != XDPLB_FLOW_RESET;
}

/*
 * The state of a flow with this first packet, whose TCP flags are `flags`; one
 * that is no SYN is of a flow that began before, and may be silent for longer.
 */
static __always_inline __u32 flow_state_first(bool tcp, __u8 flags)
{
	if (!tcp)
		return XDPLB_FLOW_UDP_NEW;
	return (flags & (TCP_SYN | TCP_FIN | TCP_RST)) == TCP_SYN ? XDPLB_FLOW_NEW :
								    XDPLB_FLOW_ADOPTED;
}

/* How the packets of the flow with this value get to their backend (enum xdplb_forward). */
static __always_inline __u32 method_of(__u64 value)
{
	__u32 port = XDPLB_FIELD(value, PORT);

	return port >= XDPLB_PORT_FIRST ? XDPLB_NAT : port;
}

/*
 * Seconds since `seen`, both modulo 65536. CPUs' clocks may be a tick apart: a
 * flow seen up to two seconds in the future was seen just now.
 */
static __always_inline __u32 flow_age(__u32 now, __u32 seen)
{
	__u32 age = (now - seen) & 0xffff;

	return age >= 0xfffe ? 0 : age;
}

#endif
