/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of the command line for the numbers of xdplb.h. */
#ifndef XDPLB_NAMES_H
#define XDPLB_NAMES_H

#include <linux/types.h>

#include "../xdp/xdplb.h"

const char *scheduler_name(__u8 scheduler);
const char *forward_name(__u8 forward);
const char *state_name(__u8 state);
const char *flow_state_name(__u8 state); /* enum xdplb_flow_state */
/* off, kernel or user (enum xdplb_registration). */
const char *registration_name(__u8 mode);
const char *proto_name(__u8 proto);
/* established, closing or udp; NULL from affinity's on, which is no word of --timeout. */
const char *timeout_name(enum xdplb_timeout timeout);
const char *reason_name(enum xdplb_reason reason);

/* The number of a word, or a negative errno after saying what would be right. */
int scheduler_number(const char *word);
int forward_number(const char *word);
int state_number(const char *word);

#endif
