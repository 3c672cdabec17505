/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_NEARLY_FULL_H
#define XDPLB_NEARLY_FULL_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * So full that what comes next may find no place: nine in ten. Of the flow table,
 * 4% of new flows find none then (see flow_table.h).
 */
static inline bool is_nearly_full(__u64 used, __u64 room)
{
	return room && used * 10 >= room * 9;
}

#endif
