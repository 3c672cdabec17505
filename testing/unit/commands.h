/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands as users give them, for the tables of stand_in.h. */
#ifndef XDPLB_UNIT_COMMANDS_H
#define XDPLB_UNIT_COMMANDS_H

#include "../../loader/wanted.h"

/* A service with one backend, to be freed by wanted_free(). */
void wanted_make(struct wanted_service *wanted, __u8 forward, const char *service,
		 const char *backend);
/* A service of maglev and dsr with backends 10.0.0.1 to 10.0.0.n, all up. */
void maglev_make(struct wanted_service *wanted, int n);

/* Puts it in force, and leaves it as it is completed. */
void apply_wanted(struct wanted_service *wanted);
/* Puts a service with one backend in force; its id. */
__u32 apply(__u8 forward, const char *service, const char *backend);
/* 0, or what services_remove() returns. */
int remove_one(__u32 id);

/* The record of backend `i` of the only service. */
struct xdplb_backend *record(int i);
/* Windows come to their end. */
void time_passes(__u32 seconds);

#endif
