// SPDX-License-Identifier: GPL-2.0-only
#include "grown.h"

#include <stdlib.h>

#include "error.h"

void *grown(void *array, size_t count, size_t size, const char *what)
{
	void *more = array;

	/* Twice as much, whenever they are a power of two. */
	if (!(count & (count - 1)))
		more = realloc(array, 2 * (count + 1) * size);
	if (!more)
		fail(ENOMEM, "no memory for %zu %s", count + 1, what);
	return more;
}
