/* SPDX-License-Identifier: GPL-2.0-only */
/* A balancer's rates on the whole of a terminal. */
#ifndef XDPLB_SCREEN_H
#define XDPLB_SCREEN_H

#include "sampler.h"

/* Until q, or a signal to end. 0, or a negative errno; the terminal is as it was. */
int screen_run(struct sampler *sampler);

#endif
