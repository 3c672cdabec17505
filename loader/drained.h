/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A whole balancer that is drained: its addresses are withdrawn, by whoever drains
 * it and not only by xdplbd, which may be dead. Kept in /run, so that a machine
 * that boots is not drained.
 */
#ifndef XDPLB_DRAINED_H
#define XDPLB_DRAINED_H

#include <linux/types.h>
#include <stdbool.h>

#include "announce.h"

/* What xdplbd announces by, as it notes it for others. */
struct announcer_note {
	__u8 protocol;
	int hold; /* seconds from a withdrawal to what it was for */
};

/* Notes it, or that nothing is announced any more. 0, or a negative errno after an error line. */
int announcer_note(const struct announce_settings *settings);
/* 0, or -ENOENT, and nothing said: nothing is announced here. */
int announcer_read(struct announcer_note *note);

/* It is drained, or something holds it so. */
bool is_drained(void);

/*
 * Drains: nothing is announced from here on, and what is is withdrawn. Returns how
 * many addresses that were, or a negative errno after an error line.
 */
int drained_begin(const struct announcer_note *note);
/* The same for as long as this process has *fd open, however it ends. */
int drained_hold(const struct announcer_note *note, int *fd);
/* xdplbd announces again, within a second. 0, or a negative errno after an error line. */
int drained_end(void);

#endif
