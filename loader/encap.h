/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of the object's two programs ipip and gue need, and where it can be. */
#ifndef XDPLB_ENCAP_H
#define XDPLB_ENCAP_H

#include <stdbool.h>

#include "balancer.h"
#include "chain.h"

#define PROGRAM_PLAIN "xdplb"
#define PROGRAM_ENCAP "xdplb_encap"

/*
 * Some interface of the balancer has the program that `forward` needs, if it is
 * on any; warns about those that have not. 0, or -ENOTSUP after an error line.
 */
int encap_check(const struct balancer *balancer, __u8 forward);

/*
 * xdplb shall come where `old` is, or nothing, in a balancer `there`. 0, or -EBUSY after
 * an error line when a service would lose what wraps its packets.
 */
int encap_leave_check(const struct balancer *there, const char *interface,
		      const struct chain_program *old);

/* The error line for a chain that did not take xdplb_encap; returns -EINVAL. */
int encap_refused(const char *interface);

#endif
