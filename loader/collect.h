/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_COLLECT_H
#define XDPLB_COLLECT_H

#include "balancer.h"

/*
 * Frees what nothing leads to any more: backends that are in no set, that no
 * flow may still be adopted to and that have no flow left, removed services
 * without such backends, pools of neither; also what a command that was killed
 * left behind. The caller holds the lock. 0 or a negative errno after an error
 * line.
 */
int balancer_collect(struct balancer *balancer);

/*
 * The same in two steps: the first takes from packets what they shall find no
 * more, the second waits until none is under way that found it. Between them
 * nothing that is new may be made. The second is to be called in any case, and
 * does nothing when it has been.
 */
struct garbage {
	bool *pools; /* by id: they are to be freed */
	bool waits; /* something may be in use yet */
};
int collect_begin(struct balancer *balancer, struct garbage *garbage);
int collect_end(struct balancer *balancer, struct garbage *garbage);

#endif
