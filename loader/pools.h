/* SPDX-License-Identifier: GPL-2.0-only */
/* The port pools of nat, from the user's side. The caller holds the lock. */
#ifndef XDPLB_POOLS_H
#define XDPLB_POOLS_H

#include "balancer.h"

/*
 * The pool of a source address towards a backend, made if it is new. Returns
 * its id, or a negative errno after an error line.
 */
int pool_get(struct balancer *balancer, const __be32 source[4],
	     const struct xdplb_backend *backend);

/* No port of it is in use. */
bool pool_is_idle(const struct xdplb_pool *pool);

/*
 * Takes pools that are idle and belong to no backend out of the directory;
 * pools_free() frees them once a grace period is over. `gone` has a place for
 * each pool. Returns how many there are.
 */
int pools_unlink(struct balancer *balancer, bool gone[XDPLB_POOLS]);
void pools_free(struct balancer *balancer, const bool gone[XDPLB_POOLS]);

#endif
