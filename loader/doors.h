/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where datagrams to a service's address and the registration port come into
 * user space: two sockets, one for those that came by the loopback interface and
 * one for others. The kernel tells them apart (SO_ATTACH_REUSEPORT_CBPF), because
 * IPV6_PKTINFO does not: it names the interface that has the address, also for
 * what this machine sends itself.
 */
#ifndef XDPLB_DOORS_H
#define XDPLB_DOORS_H

#include "registrar.h"

enum {
	DOOR_LO,
	DOOR_OTHERS,
	DOOR_SOCKETS,
};

struct door {
	__be32 addr[4];
	__be16 port;
	int fd[DOOR_SOCKETS]; /* -1: closed */
	int err; /* why it could not be opened, as a negative errno */
};

/* Opens a door whose address and port are set. 0, or a negative errno, which is left in it. */
int door_open(struct door *door);
/* Says so. Returns it. */
int door_failed(const struct door *door);
void door_close(struct door *door);

/* The next datagram at one of its sockets. False: there is none now. */
bool door_receive(const struct door *door, int which, struct datagram *datagram);

/* Answers a datagram from where it was sent to. What gets lost is asked for again. */
void door_answer(const struct door *door, const struct datagram *datagram,
		 const struct message *answer);

#endif
