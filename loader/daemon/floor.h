/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From health to states, a whole service at a time: below a floor nobody is taken out, because
 * when so many fail together it is the one who checks that is suspected. A pure function.
 */
#ifndef XDPLBD_FLOOR_H
#define XDPLBD_FLOOR_H

#include <linux/types.h>
#include <stdbool.h>

#include "../checks.h"

/* One backend. */
struct standing {
	__u8 own; /* the operator's state (enum xdplb_backend_state) */
	__u8 now; /* the state in force */
	bool healthy;
	bool failing; /* healthy, but its last check failed: it may be on its way */
	bool recent; /* its health went so lately that it is part of what is happening now */
	bool forced; /* the operator wants it up although it fails */
	bool fallback; /* stands by for all others, unchecked */
	__u8 out; /* what it becomes when it is not healthy; 0: as the service says */
	__u8 then; /* the answer */
};

/*
 * Says of each what its state shall be. A backend that the operator took out stays so. True: fewer
 * are healthy than `least`, so that those who failed lately are kept.
 */
bool floor_decide(struct standing *standing, int count, struct amount least, __u8 on_fail);

#endif
