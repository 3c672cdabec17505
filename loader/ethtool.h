/* SPDX-License-Identifier: GPL-2.0-only */
/* What an interface takes off the stack's hands, as far as that concerns XDP. */
#ifndef XDPLB_ETHTOOL_H
#define XDPLB_ETHTOOL_H

#include <stdbool.h>

struct offloads {
	bool checksums; /* senders leave them to the hardware */
	bool gro;
	bool lro; /* the hardware joins packets that come in */
};

/*
 * Asks by this socket, whose network namespace has the interface. 0, or a negative
 * errno, and nothing said, when it tells none of them.
 */
int offloads_read(int socket, const char *interface, struct offloads *offloads);

/* The same of an interface in this namespace. */
int offloads_here(const char *interface, struct offloads *offloads);

#endif
