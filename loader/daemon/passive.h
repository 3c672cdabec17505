/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks into the flow table, now and then, for backends that answer nobody. */
#ifndef XDPLBD_PASSIVE_H
#define XDPLBD_PASSIVE_H

#include "daemon.h"

/* 0, or a negative errno after an error line. */
int passive_begin(struct daemon *daemon);
void passive_end(struct daemon *daemon);

#endif
