/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_GROWN_H
#define XDPLB_GROWN_H

#include <stddef.h>

/*
 * An array of `count` entries of `size` bytes with room for one more, where it lies
 * now; it was grown so from NULL. NULL after an error line about too many of
 * `what`: the array is as it was.
 */
void *grown(void *array, size_t count, size_t size, const char *what);

#endif
