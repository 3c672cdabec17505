/* SPDX-License-Identifier: GPL-2.0-only */
/* Backends' agents, which say how much they can take. */
#ifndef XDPLBD_AGENT_H
#define XDPLBD_AGENT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../checks.h"
#include "agent_words.h"

struct exchange;
struct watched_backend;
struct web_check;

struct agent {
	sd_event_source *timer; /* the next begin, or the end of the time it has; NULL: none */
	struct exchange *exchange;
	struct web_check *web;
	struct check_options http; /* how it is asked, where it speaks HTTP */
	struct agent_words words; /* of the answer that is being read */
	uint64_t began;
	bool runs;
	bool silent; /* it has not answered for so long that what it said counts no more */
	__u16 failures; /* in a row */
	__u8 state; /* that it wants: XDPLB_DRAIN or XDPLB_DOWN, 0: none */
	double smoothed; /* percent */
	__u32 said, same; /* the percent it said last, so many times in a row */
	__u32 percent; /* that is to be in force, or is */
};

/* Begins to ask a backend's, if its service has such. 0, or a negative errno after an error line.
 */
int agent_begin(struct watched_backend *backend);
void agent_end(struct watched_backend *backend);

#endif
