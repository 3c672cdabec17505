/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a routing daemon exports: addresses as routes in a table that it reads, or
 * on an interface whose addresses it takes. All that bears our protocol number is
 * ours, whichever run of us left it.
 */
#ifndef XDPLB_ANNOUNCE_H
#define XDPLB_ANNOUNCE_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>

#include "prefix.h"

/* Free in /etc/iproute2/rt_protos; as a table one that FRR takes too, which stops at 252. */
#define ANNOUNCE_PROTOCOL 88
#define ANNOUNCE_TABLE 88

struct announce_place {
	bool by_address; /* an address on the interface; else a route in the table */
	char interface[IF_NAMESIZE];
	__u32 table;
	__u8 protocol;
};

/* What a file says of it. */
struct announce_settings {
	bool on; /* it says something */
	struct announce_place place;
	bool all; /* an address needs all of its services healthy; else one */
	int hold; /* seconds from a withdrawal to what it was for */
	struct prefix *prefix; /* malloc()ed */
	int prefixes; /* 0: the addresses of all services */
};

/*
 * Makes what is announced there exactly these; what is right already is not
 * touched. What else bears the protocol number goes: addresses anywhere, routes
 * of the table or, `everywhere`, of any. First the new, then the old. What can be
 * done is done. Returns how many were added and taken away, or a negative errno
 * after an error line about the first that could not be.
 */
int announce_match(const struct announce_place *place, const struct prefix *prefix, int count,
		   bool everywhere);

/*
 * What bears the protocol number, wherever it is, malloc()ed into *prefix. Returns
 * how many, or a negative errno after an error line.
 */
int announce_read(const struct announce_place *place, struct prefix **prefix);

#endif
