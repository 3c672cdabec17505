/* SPDX-License-Identifier: GPL-2.0-only */
/* Which addresses have something healthy behind them. Pure functions. */
#ifndef XDPLB_ANNOUNCE_CHOICE_H
#define XDPLB_ANNOUNCE_CHOICE_H

#include "announce.h"

/* A service that is in force. */
struct announce_service {
	__be32 addr[4];
	bool healthy; /* new flows find a backend */
};

/*
 * What shall be announced now, malloc()ed into *prefix. Returns how many, or
 * -ENOMEM after an error line. Sorts the services.
 */
int announce_choose(const struct announce_settings *settings, struct announce_service *service,
		    int services, struct prefix **prefix);

#endif
