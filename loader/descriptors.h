/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this process has open. libxdp leaves descriptors of programs that it has
 * looked at open: 1.3, which Debian 12 has, one whenever it is asked for a chain.
 * That would use up a daemon's, and keep what has been unloaded or replaced, with
 * its tables, in the kernel. Not where another thread opens any.
 */
#ifndef XDPLB_DESCRIPTORS_H
#define XDPLB_DESCRIPTORS_H

#include <linux/types.h>

struct descriptors {
	int *open; /* in order */
	int count; /* -1: not known, and nothing will be closed */
};

/* What is open now. */
void descriptors_note(struct descriptors *now);
/* Closes the programs that have been opened since, and forgets `before`. */
void descriptors_restore(struct descriptors *before);
/* Closes all of the program with this id, of which nothing may be in use here. */
void descriptors_close(__u32 program);
/* How many there are; -1: not known. */
int descriptors_count(void);

#endif
