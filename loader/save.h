/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_SAVE_H
#define XDPLB_SAVE_H

#include <stdio.h>

#include "configuration.h"

/*
 * Prints a file that configuration_read() makes the same of: keys of registrations
 * are in it. 0, or -ENOMEM after an error line.
 */
int save_print(FILE *out, const struct configuration *configuration);

#endif
