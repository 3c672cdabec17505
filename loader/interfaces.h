/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program is told of the interfaces. Pure functions. */
#ifndef XDPLB_INTERFACES_H
#define XDPLB_INTERFACES_H

#include "../xdp/xdplb.h"
#include "link.h"

/* The one with this index, NULL: none. */
const struct link *link_find(const struct link *links, int count, __u32 ifindex);

/*
 * Where frames leave that are sent by `link`: of a VLAN the interface below it
 * that is none, or has XDP; *tags says how many VLANs lie between. NULL: that is
 * elsewhere.
 */
const struct link *link_below(const struct link *links, int count, const struct link *link,
			      int *tags);

/*
 * What the program shall know: interfaces with XDP first, then VLANs on these.
 * Returns how many there are, of which the table has the first
 * XDPLB_INTERFACES; what is left of it is zero.
 */
int interfaces_of(const struct link *links, int count,
		  struct xdplb_interface table[XDPLB_INTERFACES]);

#endif
