/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announces addresses while something healthy is behind them: what is to be
 * announced follows from the services as they are, and the kernel is made to have
 * just that. So nothing hangs on what an earlier instance did, or did not come to.
 */
#ifndef XDPLBD_ANNOUNCER_H
#define XDPLBD_ANNOUNCER_H

#include "daemon.h"

/* 0, or a negative errno after an error line. */
int announcer_begin(struct daemon *daemon);
void announcer_end(struct daemon *daemon);

/* Another file is in force, or the first. */
void announcer_load(struct daemon *daemon);

/* Something may have changed that makes a difference: services, or their health. */
void announcer_look(struct daemon *daemon);

/*
 * Withdraws everything, for good. Returns for how many seconds traffic may still
 * come: 0 when nothing was announced.
 */
int announcer_withdraw(struct daemon *daemon);

#endif
