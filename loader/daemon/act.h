/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts states in force, and looks whether somebody else has. */
#ifndef XDPLBD_ACT_H
#define XDPLBD_ACT_H

#include "daemon.h"

/* 0, or a negative errno after an error line. */
int act_begin(struct daemon *daemon);
void act_end(struct daemon *daemon);

/* A service's states are to be looked at, as soon as what is waiting now has been dealt with. */
void act_soon(struct watched_service *service);

/* The next look is the first, and comes soon. */
void act_forget(struct daemon *daemon);

/*
 * Sees how the services are just now, what somebody changed by hand included, and begins to watch
 * backends that are new. The caller has the balancer open. 0, or a negative errno after an error
 * line.
 */
int act_look(struct daemon *daemon, const struct balancer *balancer);

#endif
