/* SPDX-License-Identifier: GPL-2.0-only */
/* What list and stats share. */
#ifndef XDPLB_SHOW_H
#define XDPLB_SHOW_H

#include "command.h"
#include "output.h"

/*
 * Opens the balancer, and finds the one service that was named: *only, 0 for
 * all. 0, or a negative errno after an error line.
 */
int show_open(struct options *options, struct balancer *balancer, __u32 *only);

/* This service is to be shown. */
bool show_service(const struct balancer *balancer, __u32 id, __u32 only);

void service_address_of(const struct xdplb_service *service, struct service_address *at);

#endif
