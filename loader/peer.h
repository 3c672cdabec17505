/* SPDX-License-Identifier: GPL-2.0-only */
/* The other end of a veth, wherever it is. */
#ifndef XDPLB_PEER_H
#define XDPLB_PEER_H

#include <limits.h>
#include <net/if.h>

#include "ethtool.h"
#include "link.h"

struct peer {
	char name[IF_NAMESIZE];
	char space[PATH_MAX]; /* the file of its network namespace; empty: this one */
	struct offloads offloads;
};

/*
 * False: `link` is no veth, or its other end is in a namespace that neither has a
 * name nor a process that is seen from here.
 */
bool peer_find(const struct link *link, struct peer *peer);

/* What to put before a command that is to be typed there: nothing, or nsenter's words. */
#define PEER_ENTER (PATH_MAX + 16)
const char *peer_enter(const struct peer *peer, char text[PEER_ENTER]);

#endif
