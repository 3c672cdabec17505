/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The users of each port: backends with local forwarding, by which the program
 * on the way out knows whose a reply is. The program changes them too, so each
 * change is a compare and swap. Ports in network byte order.
 */
#ifndef XDPLB_PORT_USERS_H
#define XDPLB_PORT_USERS_H

#include "balancer.h"

bool port_has_user(const struct balancer *balancer, __u32 backend);

/*
 * Adds a backend to the users of its port, if it is none yet; those that are out
 * of date give way. 0, or -ENOSPC after an error line.
 */
int port_user_add(struct balancer *balancer, __u32 backend);

/*
 * The backend of a listener that registers itself: replies from its port are known
 * by one of its service's that is a user already, or by this one from now on.
 * False: other services have all places.
 */
bool port_claim(struct balancer *balancer, __u32 backend);

/* Its twin, a listener of the same service that registered itself, takes its place. */
void port_user_remove(struct balancer *balancer, __u32 backend);

#endif
