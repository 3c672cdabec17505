/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection, or a datagram: bytes are sent, and what comes back is judged.
 * Checks of tcp, udp and dns, and agents, are such.
 */
#ifndef XDPLBD_EXCHANGE_H
#define XDPLBD_EXCHANGE_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "check.h"

#define EXCHANGE_ANSWER 16384 /* what is read of an answer at most */

struct exchange;

/* What is asked, of whom. */
struct exchange_plan {
	__be32 addr[4];
	__be16 port;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u32 mark; /* of its packets, 0: none */
	const void *send; /* copied, at most CHECK_SEND bytes */
	size_t length;
	/*
	 * Judges what has come so far; NULL: a connection is enough. `ended`: the other side has
	 * closed. CHECK_NONE: more is needed. It may write a reason.
	 */
	enum check_verdict (*judge)(void *context, const unsigned char *answer, size_t length,
				    bool ended, char reason[CHECK_REASON]);
	/* Is told the end of it, once; the exchange is over then and must be forgotten. */
	void (*done)(void *context, enum check_verdict verdict, const char *reason);
	void *context;
};

/*
 * Begins one. It may be over when this returns: done() has been called then, and it is NULL.
 */
struct exchange *exchange_begin(sd_event *event, const struct exchange_plan *plan);
/* A datagram needs no connection. */
bool exchange_is_connected(const struct exchange *exchange);

/*
 * A socket for a check, of AF_INET or AF_INET6 and IPPROTO_TCP or IPPROTO_UDP, with a mark unless
 * that is 0; or a negative errno.
 */
int check_socket(int family, __u8 proto, __u32 mark);
/* The address for it, and how long that is. */
socklen_t socket_address(const __be32 addr[4], __be16 port, struct sockaddr_storage *to);
/* Gives it up, unless NULL; done() is not called. */
void exchange_end(struct exchange *exchange);

#endif
