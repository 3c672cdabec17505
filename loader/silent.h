/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_SILENT_H
#define XDPLB_SILENT_H

#include <linux/types.h>
#include <stdbool.h>

#define SILENT_FLOWS 3 /* fewer may be clients that have gone */
#define SILENT_SERVED 5 /* of a backend that has answered before, and of which less is sure */
#define SILENT_APART 2 /* seconds; longer than a handshake takes */
#define SILENT_NEVER (~0U) /* idle: there is no such flow */

/*
 * A flow that waits with its first packet tells something where that came after all of
 * its backend's that are further have had their last. `idle` is the one's and the least
 * of the others', in seconds.
 */
static inline bool is_waiting(__u32 idle, __u32 further)
{
	return idle + SILENT_APART <= further;
}

/*
 * A backend that takes packets and answers none: enough flows wait so, and no reply of it
 * has come while doctor looked. Young flows look so too, for as long as a handshake takes.
 */
static inline bool is_silent(__u32 waiting, bool served, bool replies)
{
	return waiting >= (served ? SILENT_SERVED : SILENT_FLOWS) && !replies;
}

#endif
