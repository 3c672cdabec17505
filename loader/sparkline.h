/* SPDX-License-Identifier: GPL-2.0-only */
/* A row of small bars. A pure function. */
#ifndef XDPLB_SPARKLINE_H
#define XDPLB_SPARKLINE_H

#include <stdbool.h>

#define SPARKLINE_CELL 3 /* bytes, at most */

/*
 * Draws `count` values in `cells` columns (not more than there are values), each
 * the mean of those that fall in it, by the largest of these; a blank: none of them
 * is known (NAN). `text` has room for cells * SPARKLINE_CELL + 1 bytes and is
 * returned.
 */
const char *sparkline(const float *values, int count, int cells, bool utf8, char *text);

#endif
