/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a later instance must know of this one, which may be killed at any moment: the file that was
 * applied last, and to which balancer. With the same file in hand it goes on where this one was,
 * what was changed by hand included; with another it applies that.
 */
#ifndef XDPLBD_RECORD_H
#define XDPLBD_RECORD_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* A whole file; text is malloc()ed. 0, or a negative errno after an error line. */
struct file_text {
	char *text;
	size_t length;
};
int file_text_read(const char *path, struct file_text *file);
void file_text_free(struct file_text *file);

/* This very text was applied last, to this balancer. */
bool record_is(const struct file_text *file, __u32 balancer);
/* Notes that it has been, in one step. 0, or a negative errno after an error line. */
int record_write(const struct file_text *file, __u32 balancer);

#endif
