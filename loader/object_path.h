/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a BPF object is: in the source tree, where the program that asks is not installed, or
 * installed. */
#ifndef XDPLB_OBJECT_PATH_H
#define XDPLB_OBJECT_PATH_H

#include <limits.h>

/* `in_tree` is from the program's directory on, and taken where it can be read. */
void object_path(const char *in_tree, const char *installed, char path[PATH_MAX]);

#endif
