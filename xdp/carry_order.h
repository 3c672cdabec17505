/* SPDX-License-Identifier: GPL-2.0-only */
/* What user space tells xdplb_carry, in the packet's place. */
#ifndef XDPLB_CARRY_ORDER_H
#define XDPLB_CARRY_ORDER_H

#include <linux/types.h>

struct carry_order {
	__u32 first; /* bucket of the old table */
	__u32 buckets; /* how many from there on */
	__u32 end; /* flows that find no room end, and are counted instead of those that are left */
};

#endif
