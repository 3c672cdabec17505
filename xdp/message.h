/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a listener says when it registers itself: the payload of one UDP datagram
 * (man/xdplb-register.7). Pure functions.
 */
#ifndef XDPLB_MESSAGE_H
#define XDPLB_MESSAGE_H

#include <asm/byteorder.h>
#include <linux/in.h>
#include <stdbool.h>

#include "hash.h"

#define MESSAGE_MAGIC 0x78646c62U
#define MESSAGE_VERSION 1
#define MESSAGE_REGISTER 1
#define MESSAGE_GOODBYE 2
#define MESSAGE_ANSWER 0x80 /* added to the type */

/* All in network byte order, but for the tag, whose bytes are as the paper's. */
struct message {
	__be32 magic;
	__u8 version;
	__u8 type;
	__u8 proto; /* the service's, IPPROTO_TCP or IPPROTO_UDP */
	__u8 status; /* 0 */
	__be16 service_port;
	__be16 port; /* the listener's, from which it is sent */
	__be16 weight; /* 1 .. 65535; goodbye: 0 */
	__be16 lifetime; /* seconds, 1 .. 65535; goodbye: 0 */
	__be32 service_addr[4]; /* IPv4 as ::ffff:a.b.c.d */
	__be64 counter; /* with a key: above all before */
	__be16 answer_port; /* 0: no answer is wanted */
	__be16 zero;
	__be32 user; /* 0; without a key xdplb_replies writes it, and a tag of its own: a seal */
	__u64 tag; /* SipHash-2-4 of all before; 0 without a key */
};

_Static_assert(sizeof(struct message) == 56, "as on the wire");

#define MESSAGE_TAGGED 6 /* words of eight bytes before the tag */

static inline __u64 message_tag(const __u64 key[2], const struct message *message)
{
	return xdplb_siphash24(key, (const __u64 *)message, MESSAGE_TAGGED);
}

/* It speaks of a service at this address (four words, IPv4 in the first). */
static inline bool message_is_of(const struct message *message, const __be32 addr[4])
{
	const __be32 *said = message->service_addr;

	if (xdplb_is_ipv6(addr))
		return said[0] == addr[0] && said[1] == addr[1] && said[2] == addr[2] &&
		       said[3] == addr[3];
	return !said[0] && !said[1] && said[2] == __constant_cpu_to_be32(0xffff) &&
	       said[3] == addr[0];
}

/* Its fields are what they may be; whether they are true is another matter. */
static inline bool message_is_sound(const struct message *message, const __be32 addr[4])
{
	bool bye = message->type == MESSAGE_GOODBYE;
	return message->magic == __constant_cpu_to_be32(MESSAGE_MAGIC) &&
	       message->version == MESSAGE_VERSION && !message->status && !message->zero &&
	       (bye || message->type == MESSAGE_REGISTER) &&
	       (message->proto == IPPROTO_TCP || message->proto == IPPROTO_UDP) && message->port &&
	       bye == !message->weight && bye == !message->lifetime && message_is_of(message, addr);
}

#endif
