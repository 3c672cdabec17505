/* SPDX-License-Identifier: GPL-2.0-only */
/* What a command that does one thing after the other is at, on a terminal at standard output. */
#ifndef XDPLB_STEPS_H
#define XDPLB_STEPS_H

/*
 * In place of what was shown before: a bar of how much of `of` is done (0: it is not
 * known, no bar), these words, and the time since the first step.
 */
void step_show(unsigned int done, unsigned int of, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Nothing more follows: takes it away again. */
void steps_end(void);

#endif
