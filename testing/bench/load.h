/* SPDX-License-Identifier: GPL-2.0-only */
/* What load.c sends and echo.c sends back. */
#ifndef XDPLB_BENCH_LOAD_H
#define XDPLB_BENCH_LOAD_H

#include <stdint.h>

#define LOAD_BYTES 64
#define LOAD_LISTENERS 16 /* their numbers are below */
#define LOAD_ROOM (4 << 20) /* bytes of a socket's buffer: more than are ever on their way */

struct load_datagram {
	uint64_t sent; /* nanosecond of CLOCK_MONOTONIC */
	uint32_t number; /* of this socket's datagrams */
	uint16_t socket;
	uint16_t listener; /* who answered: the one thing that the answer has of its own */
	uint32_t run; /* the client's process: answers to an earlier one may come late */
	uint8_t rest[LOAD_BYTES - 20];
};

#endif
