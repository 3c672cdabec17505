/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the directory that xdp/service.h reads, while it is being read. The
 * caller holds the lock. Addresses and ports in network byte order.
 */
#ifndef XDPLB_DIRECTORY_H
#define XDPLB_DIRECTORY_H

#include "balancer.h"

/* The entry of an address, port and protocol, or NULL. */
struct xdplb_directory_entry *directory_find(const struct balancer *balancer, enum xdplb_kind kind,
					     const __be32 addr[4], __be16 port, __u8 proto);

/*
 * Adds one that is not there; what `index` means has its address already. 0, or
 * after an error line -ENOSPC, or -EEXIST: another IPv6 address has the same key.
 */
int directory_add(struct balancer *balancer, enum xdplb_kind kind, const __be32 addr[4],
		  __be16 port, __u8 proto, __u32 index);

/* Removes one, if it is there; its index may be used again after a grace period. */
void directory_remove(struct balancer *balancer, enum xdplb_kind kind, const __be32 addr[4],
		      __be16 port, __u8 proto);

#endif
