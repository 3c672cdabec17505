/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives a balancer that is there a flow table of another size, while it works: the
 * steps are told in ../xdp/resize.h. The caller holds the lock.
 */
#ifndef XDPLB_RESIZE_H
#define XDPLB_RESIZE_H

#include <stdbool.h>

#include "attach.h"
#include "balancer.h"

struct resize {
	bool due;
	struct balancer balancer; /* with both tables */
	struct bpf_object *carry; /* with the program that carries flows */
	int program; /* its descriptor */
	const char *pins;
};

/* All below return 0, or a negative errno after an error line. */

/* Finishes what another began who was killed, of the balancer in these pins. */
int resize_resume(const char *pins);

/*
 * Makes the new table for what is asked of a balancer that is in the pins or on one of
 * the `count` interfaces, and has the kernel verify the programs; nothing is changed
 * yet. Nothing is due where there is none or its table has that size. resize_close()
 * in any case.
 */
int resize_prepare(struct resize *resize, const struct attach_request *request,
		   char *const *interfaces, int count);

/*
 * Does it, on all interfaces that the balancer is on. After an error the balancer has
 * either its old table everywhere, or, as the error line says then, the new one.
 */
int resize_run(struct resize *resize);

void resize_close(struct resize *resize);

#endif
