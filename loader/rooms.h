/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables whose size is fixed, or is chosen when the balancer is loaded. */
#ifndef XDPLB_ROOMS_H
#define XDPLB_ROOMS_H

#include "balancer.h"

enum room {
	ROOM_SERVICES,
	ROOM_BACKENDS,
	ROOM_POOLS, /* pairs of a backend and a source address, of nat */
	ROOM_BLOCKS, /* of 64 ports, of nat */
	ROOM_DIRECTORY,
	ROOM_TABLES, /* services whose listeners register themselves */
	ROOMS,
};

/*
 * How many places of each are taken, and how many there are. What nothing needs any
 * more, and the next change frees, counts as free; but in the directory. 0 or
 * -ENOMEM after an error line.
 */
int rooms_count(const struct balancer *balancer, __u32 used[ROOMS], __u32 room[ROOMS]);

#endif
