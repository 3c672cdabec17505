/* SPDX-License-Identifier: GPL-2.0-only */
/* What apply would change, for people: as the lines of both files, like a diff. */
#ifndef XDPLB_DIFFERENCE_H
#define XDPLB_DIFFERENCE_H

#include <stdio.h>

#include "configuration.h"

/*
 * Prints what is only in `before` with a minus, only in `after` with a plus, and
 * whose part it is; nothing where both say the same. Keys of registrations are
 * not shown. 0, or -ENOMEM after an error line.
 */
int difference_print(FILE *out, const struct configuration *before,
		     const struct configuration *after, bool coloured);

#endif
