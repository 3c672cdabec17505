/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks by a service's method: dsr, ipip and gue. Packets of a check's socket have a mark, by
 * which the programs of xdp/probe.c have them take the way of clients' packets. The programs are
 * loaded with the first such check, and attached where the route to a backend leads.
 */
#ifndef XDPLBD_PROBE_H
#define XDPLBD_PROBE_H

#include "daemon.h"

/* A backend's checks go by the method: not those that are to be direct, nor between the families.
 */
bool probe_is_needed(const struct watched_backend *backend);

/*
 * Makes ready for one, which needs it: *mark is that of its packets. 0, or a negative errno and
 * what is wrong in `reason`.
 */
int probe_prepare(struct watched_backend *backend, __u32 *mark, char reason[CHECK_REASON]);

/* The backend needs none any more. */
void probe_forget(struct watched_backend *backend);

/* Takes all off. */
void probe_end(struct daemon *daemon);

#endif
