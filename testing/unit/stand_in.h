/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What takes the place of the kernel for commands that change services: the
 * tables in this process's memory, flows that are counted as the program does,
 * and the steps between which a command may be killed.
 */
#ifndef XDPLB_UNIT_STAND_IN_H
#define XDPLB_UNIT_STAND_IN_H

#include <stdbool.h>

#include "../../loader/balancer.h"

#define FLOW_BUCKETS 64
#define SERVICES_HERE 64 /* more than there are at once */

/* Flows to a backend, by the method they began with. */
struct flows {
	bool of[XDPLB_GUE + 1];
	__u32 pool; /* of nat */
};

extern struct balancer balancer;
extern struct flows *flows; /* by backend id */
extern int steps_left; /* until this process kills itself; 0: it never does */
extern void (*watch)(void); /* what a packet finds while a command waits */
extern const __be32 own_address[2][4]; /* this machine's, IPv4 and IPv6 */

/* Empty tables, with a seed of their own; a child that is forked writes to the same. */
void make(void);
void forget(void);

bool has_flows(__u32 id);
/* Flows of backend `id` that began with this method are there, or have ended. */
void flow_set(__u32 id, __u8 forward, bool begins);

#endif
