/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services may have the same backend. One directory entry (XDPLB_KIND_DNAT, or
 * XDPLB_KIND_TUNNEL) leads to the first of their entries in xdplb_backends, and
 * that to the others. The caller holds the lock.
 */
#ifndef XDPLB_SHARING_H
#define XDPLB_SHARING_H

#include "balancer.h"

/* The kind of entry that a forward method needs, 0: none of these. */
enum xdplb_kind sharing_kind(__u8 forward);

/* The entry leads to backend `id`. */
bool sharing_has(const struct balancer *balancer, enum xdplb_kind kind, __u32 id);

/* Has it lead there, if it does not. 0, or a negative errno after an error line. */
int sharing_join(struct balancer *balancer, enum xdplb_kind kind, __u32 id);

/*
 * Has it not lead there, if it does. The backend may be used again after a grace
 * period; returns how many entries changed, 0 or 1.
 */
int sharing_leave(struct balancer *balancer, enum xdplb_kind kind, __u32 id);

#endif
