/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory's XDPLB_KIND_ADDRESS: each address that a service has leads to
 * one of its services; and XDPLB_KIND_REGISTER, to one of those whose listeners
 * register themselves. The caller holds the lock.
 */
#ifndef XDPLB_ADDRESSES_H
#define XDPLB_ADDRESSES_H

#include "balancer.h"

/* The service is in force: packets to it find it. */
bool service_is_live(const struct balancer *balancer, __u32 id);

/* Before a service comes into force. 0, or a negative errno after an error line. */
int address_add(struct balancer *balancer, enum xdplb_kind kind, __u32 id);

/*
 * Makes all entries fit the services that are in force. Returns how many were
 * taken out or changed.
 */
int addresses_mend(struct balancer *balancer);

#endif
