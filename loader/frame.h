/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames: made to order, or read from hexadecimal digits. Pure functions. */
#ifndef XDPLB_FRAME_H
#define XDPLB_FRAME_H

#include <linux/types.h>

#define FRAME_MIN 14
#define FRAME_MAX (14 + 8 + 65535) /* with two tags */

struct frame {
	__u32 size;
	__u8 data[FRAME_MAX + 64]; /* the program may have made it longer */
};

/* A TCP or UDP packet; the rest of its fields is as hosts send them. */
struct frame_wish {
	__u8 dmac[6], smac[6];
	__be32 saddr[4], daddr[4]; /* of one family */
	__be16 sport, dport;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 flags; /* of TCP */
	__u32 length; /* of the frame; 0: no longer than its headers */
};

/* Each returns 0, or -EINVAL after an error line. */
int frame_make(const struct frame_wish *wish, struct frame *frame);
/* Pairs of digits, with blanks, colons, points or hyphens between bytes or without. */
int frame_from_hex(const char *text, struct frame *frame);
/* SYN,ACK: names with commas or | between. */
int parse_tcp_flags(const char *text, __u8 *flags);

/* The same names, into a buffer of TCP_FLAGS_TEXT bytes, which is returned; "no flags" of none. */
#define TCP_FLAGS_TEXT 40
const char *tcp_flags_text(__u8 flags, char *text);

#endif
