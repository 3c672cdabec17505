/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_OPTIONS_H
#define XDPLB_OPTIONS_H

#include "command.h"

/*
 * Reads the options behind a command, argv[0], wherever they stand; it takes
 * those whose letters are given. 0, 1: help was asked for, or a negative errno
 * after an error line.
 */
int options_read(struct options *options, const char *command, const char *letters, int argc,
		 char **argv);

#endif
