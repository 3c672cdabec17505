/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the directory that xdp/service.h reads, while it is being read. The
 * caller holds the lock.
 */
#ifndef XDPLB_DIRECTORY_H
#define XDPLB_DIRECTORY_H

#include "balancer.h"

/* The entry of an address, port (network byte order) and protocol, or NULL. */
struct xdplb_directory_entry *directory_find(const struct balancer *balancer, enum xdplb_kind kind,
					     __be32 addr, __be16 port, __u8 proto);

/* Adds one that is not there. 0, or -ENOSPC after an error line. */
int directory_add(struct balancer *balancer, enum xdplb_kind kind, __be32 addr, __be16 port,
		  __u8 proto, __u32 index);

/* Removes one, if it is there; its index may be used again after a grace period. */
void directory_remove(struct balancer *balancer, enum xdplb_kind kind, __be32 addr, __be16 port,
		      __u8 proto);

#endif
