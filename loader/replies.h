/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object's program for the way out, which gives what local listeners answer
 * their service's port: on which interfaces it is.
 */
#ifndef XDPLB_REPLIES_H
#define XDPLB_REPLIES_H

#include "balancer.h"

/*
 * Attaches it to an interface, over the maps of this balancer; one that is there
 * is replaced, without a packet missing it. 0, or a negative errno after an error
 * line.
 */
int replies_attach(const struct balancer *balancer, const char *interface);

/* The interface has it, over the maps with this balancer_id(). */
bool replies_attached(int ifindex, __u32 id);

/*
 * Warns about each interface with this balancer that has it not; and, where the
 * balancer `registers` listeners, when it is not on lo, by which they register.
 */
void replies_warn(const struct balancer *balancer, bool registers);

/* What else is not without it, on this interface: words for a sentence. */
const char *replies_more(int ifindex);

/* The interface has it, over whatever maps. */
bool replies_found(int ifindex);

/* Takes it off, if it is there. */
void replies_detach(int ifindex);

/* Takes it off all interfaces that have it over the maps with this balancer_id(). */
void replies_detach_all(__u32 id);

#endif
