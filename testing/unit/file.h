/* SPDX-License-Identifier: GPL-2.0-only */
/* A file for what reads configurations, without a balancer that they could be read of. */
#ifndef XDPLB_UNIT_FILE_H
#define XDPLB_UNIT_FILE_H

extern char file_path[];

/* A group's setup and teardown: the file is there, empty; and gone. */
int file_begin(void **state);
int file_end(void **state);

#endif
