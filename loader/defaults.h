/* SPDX-License-Identifier: GPL-2.0-only */
/* What a service begins with where nothing is said. Seconds. */
#ifndef XDPLB_DEFAULTS_H
#define XDPLB_DEFAULTS_H

#include "../xdp/xdplb.h"

#define DEFAULT_WINDOW 300

/* IPVS's; what is over is remembered for as long as TIME-WAIT lasts. */
static inline __u16 default_timeout(enum xdplb_timeout timeout)
{
	switch (timeout) {
	case XDPLB_TIMEOUT_ESTABLISHED:
		return 900;
	case XDPLB_TIMEOUT_CLOSING:
		return 120;
	default:
		return 300;
	}
}

#endif
