/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_SILENT_H
#define XDPLB_SILENT_H

#include <linux/types.h>
#include <stdbool.h>

#define SILENT_FLOWS 3 /* fewer may be clients that have gone */

/*
 * A backend that takes packets and answers none: enough flows wait with their first
 * packet, none of its flows is further, and no reply of it has been seen. Young flows
 * look so too, for as long as a handshake takes.
 */
static inline bool is_silent(__u32 waiting, __u32 further, __u64 replies)
{
	return waiting >= SILENT_FLOWS && !further && !replies;
}

#endif
