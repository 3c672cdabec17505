/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the balancer has counted and what the daemon knows, side by side: what pages are written
 * from. A pure function.
 */
#ifndef XDPLBD_VIEW_H
#define XDPLBD_VIEW_H

#include "../rates.h"
#include "daemon.h"

struct view {
	const struct daemon *daemon;
	const struct sample *sample;
	const char *host; /* this machine's name */
	bool found; /* there is a balancer now */
	struct timespec time; /* of the sample, since 1970; 0: there is none */
	/* by place in the sample's counts; NULL: not of the file. malloc()ed */
	const struct watched_service **service;
	const struct watched_backend **backend;
};

/* Finds who is who; host, time and found are the caller's. 0, or -ENOMEM without an error line. */
int view_make(struct view *view, const struct daemon *daemon, const struct sample *sample);
void view_free(struct view *view);

/* It is checked: its health is more than what it was found as. NULL: it is not even watched. */
bool view_is_checked(const struct watched_backend *backend);
/* How many backends the operator wants up, or as backup; without the fallback. */
int view_wanted(const struct watched_service *service);

#endif
