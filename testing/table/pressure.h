/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets as fast as one CPU makes them, of the same few flows all the time. */
#ifndef XDPLB_TABLE_PRESSURE_H
#define XDPLB_TABLE_PRESSURE_H

#include "probe.h"

/*
 * Opens the generator, for `count` services of those that the probe sees and
 * so many clients of each. Ends the program with an error line when it fails.
 */
void pressure_open(const char *object, const struct probe *probe, __u32 program,
		   const __u32 *services, int count, __u32 clients);

/* So many packets with these flags to the n-th of them that is TCP, on this CPU. */
void pressure_burst(int cpu, __u32 n, __u8 flags, int packets);

#endif
