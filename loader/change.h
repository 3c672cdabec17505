/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services that change together: all is made beside what is in force, and put
 * there by one store. What fails, or is killed, before that has changed nothing
 * that packets see; what is killed after it, the next change tidies up.
 */
#ifndef XDPLB_CHANGE_H
#define XDPLB_CHANGE_H

#include "backends.h"
#include "balancer.h"
#include "complete.h"
#include "settings.h"
#include "ways.h"

/* One service on its way. */
struct service_change {
	struct wanted_service *wanted; /* complete; the caller's */
	__u32 id;
	bool known; /* it is in force */
	__u32 second; /* in which its set was laid out */
	struct plan plan;
	struct asked asked;
};

struct change {
	struct service_change *service; /* malloc()ed */
	int services;
	const bool *gone; /* by service id: it shall be no more; NULL: none. The caller's */
	const struct settings *settings; /* NULL: as they are. The caller's */
	struct wanted_service *left; /* by service id: what those that shall be no more have */
	__u8 *was; /* by backend id, see struct plan */
};

/* Adds a service. 0, or a negative errno after an error line. */
int change_add(struct change *change, struct wanted_service *wanted);
void change_free(struct change *change);

/*
 * What each service has now, and how its backends are reached, without changing
 * anything: change_run() begins with it. It alone finds what this machine's routes
 * and addresses do not allow. 0, or a negative errno after an error line.
 */
int change_plan(struct balancer *balancer, struct change *change);

/* The caller holds the lock. 0, or a negative errno after an error line: nothing has changed. */
int change_run(struct balancer *balancer, struct change *change);

#endif
