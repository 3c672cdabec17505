/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The line in which a backend's agent says how much it can take, as HAProxy's agent-check has it:
 * words between blanks or commas, "75%", "up", "down", ...; what is behind # is for people. Pure
 * functions.
 */
#ifndef XDPLBD_AGENT_WORDS_H
#define XDPLBD_AGENT_WORDS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct agent_words {
	bool percent_given;
	__u32 percent; /* of its weight, at most 100 */
	bool state_given;
	__u8 state; /* XDPLB_UP, XDPLB_DRAIN or XDPLB_DOWN */
};

#define AGENT_LINE 256 /* a longer one is none */

/* Where the line ends in what has come, with the end itself; 0: it has not ended yet. */
size_t agent_line(const unsigned char *text, size_t length);

/* Reads it; a word that is not known is passed over. False: it says nothing. */
bool agent_read(const unsigned char *line, size_t length, struct agent_words *words);

/* What the percent said before and now make together: `smooth` percent of the former stay. */
double agent_smooth(double before, double now, __u8 smooth);

/*
 * The percent to be in force, in fives, not less than `least`; `applied` stays where the change is
 * smaller than `step` and does not lead to 100.
 */
__u32 agent_percent(double smoothed, __u32 applied, __u8 least, __u8 step);

/*
 * A weight with that percent, where all the service's weights are counted in twentieths (`fine`),
 * so that a weight of 1 can be less; at least 1.
 */
__u16 agent_weight(__u16 own, __u32 percent, bool fine);
/* The percent that a weight of this kind says. */
__u32 agent_percent_of(__u16 own, __u16 weight);
/* Twentieths of all weights up to this one are weights still. */
bool agent_is_fine(__u16 largest);

#endif
