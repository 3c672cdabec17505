/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole balancer taken out of service, and back: its addresses withdrawn, and announced again.
 */
#ifndef XDPLB_WHOLE_H
#define XDPLB_WHOLE_H

#include "command.h"

/*
 * Withdraws what xdplbd announces, and returns when traffic has had its time to go
 * elsewhere; with `wait`, when no packet has come for a second or, unless 0, after
 * so many. 0, or a negative errno after an error line.
 */
int whole_drain(const struct options *options, __u32 seconds);

/*
 * The same for as long as *fd is open, before these interfaces are left: nothing
 * unless they are all that the balancer has, and something is announced; *fd is
 * then -1.
 */
int whole_leave(char **interfaces, int count, int *fd);

#endif
