/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_WATCH_H
#define XDPLB_WATCH_H

#include "command.h"

/*
 * stats --watch: rates, again each second: on the whole of a terminal, else as
 * lines or objects. 0, or a negative errno after an error line.
 */
int watch(struct options *options);

#endif
