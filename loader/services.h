/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes a balancer match what is wanted. The caller holds the lock; what fails
 * has changed nothing and said so in an error line.
 */
#ifndef XDPLB_SERVICES_H
#define XDPLB_SERVICES_H

#include "balancer.h"
#include "wanted.h"

/* The id of a service, 0: there is none. */
__u32 service_find(const struct balancer *balancer, const struct service_address *at);
/* The same after an error line: -ENOENT. */
int service_need(const struct balancer *balancer, const struct service_address *at);

/* Makes a service exactly this; what it leaves open stays as it is. */
int service_apply(struct balancer *balancer, struct wanted_service *wanted);

/* Takes services out, those of gone[id]: packets to them are passed on. */
int services_remove(struct balancer *balancer, const bool *gone);

#endif
