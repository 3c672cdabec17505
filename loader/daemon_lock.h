/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether xdplbd runs on this machine. It holds a lock as long as it does, so that one that was
 * killed is seen to be gone at once.
 */
#ifndef XDPLB_DAEMON_LOCK_H
#define XDPLB_DAEMON_LOCK_H

#include <stdbool.h>

#define DAEMON_DIRECTORY "/run/xdplb"
#define DAEMON_LOCK DAEMON_DIRECTORY "/xdplbd.lock"

bool daemon_runs(void);

/* Takes the lock, for good: 0, or a negative errno after an error line: -EBUSY, another runs. */
int daemon_lock(void);

#endif
