/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sockets of this network namespace wait for packets. */
#ifndef XDPLB_LISTENING_H
#define XDPLB_LISTENING_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Whether a socket would receive what comes to this address and port: a
 * listening one of TCP, one of UDP that is not connected; bound to the address,
 * or to all. One that is bound to an interface too counts, whichever it is.
 * 1, 0 or a negative errno, and nothing said.
 */
int listening(const __be32 addr[4], __be16 port, __u8 proto);

/*
 * The two ways to know it. sock_diag may be missing from the kernel: -ENOENT,
 * say. /proc/net does not show IPV6_V6ONLY: a socket that has all addresses of
 * IPv6 counts for those of IPv4 as well there.
 */
int listening_by_diag(const __be32 addr[4], __be16 port, __u8 proto);
int listening_by_proc(const __be32 addr[4], __be16 port, __u8 proto);

/* A socket as those two show it. */
struct listener {
	__be32 addr[4]; /* as its family has it */
	__be16 port;
	bool ipv6;
	bool ipv6_only;
	__u8 state; /* as TCP numbers them, for UDP too */
};

/* Reads a line of /proc/net/{tcp,tcp6,udp,udp6}; false: it shows no socket. */
bool listener_read(const char *line, struct listener *listener);

bool listener_takes(const struct listener *listener, const __be32 addr[4], __be16 port, __u8 proto);

#endif
