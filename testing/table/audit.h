/* SPDX-License-Identifier: GPL-2.0-only */
/* What a balancer counts against what its tables hold, while no packet is on its way. */
#ifndef XDPLB_TABLE_AUDIT_H
#define XDPLB_TABLE_AUDIT_H

#include <stdbool.h>

#include "../bench/maps.h"

/* All that the flow table holds. */
struct audit {
	__u32 entries, active, nat;
	__u32 ports; /* source ports that are taken */
	__u32 wrong;
	char what[256]; /* the first that was wrong */
};

/*
 * Compares each backend's counts with a scan of the flow table; and that each
 * flow with nat has its port and record, and no port or record is without one.
 */
void audit_make(const struct maps *maps, struct audit *audit);

/* The same as a case with this name; what was found as a comment. */
bool audit_report(const struct maps *maps, const char *name);

#endif
