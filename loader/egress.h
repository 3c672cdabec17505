/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object's program for the way out, xdplb_replies, as a classifier at an
 * interface's egress. Other people's filters stay as they are.
 */
#ifndef XDPLB_EGRESS_H
#define XDPLB_EGRESS_H

#include <linux/types.h>

#define PROGRAM_REPLIES "xdplb_replies"

/*
 * Each returns 0, or a negative errno and nothing said.
 *
 * Puts the program there, or in place of ours that is there, with no packet
 * between the two. -ENOENT: this kernel has no clsact, or no BPF classifier;
 * -EBUSY: an old ingress qdisc sits where clsact would; -EOPNOTSUPP: the interface
 * shares its egress filters with others; -ENOSPC: all priorities that we would take
 * are other people's. The interface is as it was then.
 *
 * A filter before ours that decides about a packet keeps it from ours.
 */
int egress_attach(int ifindex, int prog_fd);

/*
 * The same at either side, of a program with that name (at most 15 bytes): `direction` is
 * TC_H_MIN_INGRESS or TC_H_MIN_EGRESS.
 */
int filter_attach(int ifindex, __u32 direction, const char *name, int prog_fd);
int filter_detach(int ifindex, __u32 direction, const char *name);

/* The id of our program there; -ENOENT: none. */
int egress_find(int ifindex, __u32 *program);

/*
 * Takes ours off, if there, and with the last filter the clsact that it stood
 * in, which does not say who made it.
 */
int egress_detach(int ifindex);

#endif
