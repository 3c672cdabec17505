/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks that are commands. */
#ifndef XDPLBD_RUN_H
#define XDPLBD_RUN_H

#include "daemon.h"

struct command_run;

/* One more may run at the same time. */
bool run_has_room(const struct daemon *daemon);

/* Runs a backend's; check_result() is told the end of it. */
void run_begin(struct watched_backend *backend);
/* Kills one, and what it has started, unless NULL. */
void run_end(struct command_run *run);

#endif
