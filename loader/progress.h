/* SPDX-License-Identifier: GPL-2.0-only */
/* What takes long says how far it is, on a terminal, in one line that changes. */
#ifndef XDPLB_PROGRESS_H
#define XDPLB_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#define PROGRESS_WIDTH 250 /* at most */

/*
 * A bar of how much of `of` is done (0: it is not known, no bar), then the text,
 * in no more columns than there are: into PROGRESS_WIDTH + 1 bytes, which are
 * returned. Where both do not fit the bar is left out, then the text's end.
 */
const char *progress_text(unsigned int done, unsigned int of, const char *text, int columns,
			  char *line);

/* Whether a line there can change: it is a terminal, and TERM does not call it dumb. */
bool progress_changes(FILE *out);
/* Shows that in place of what was shown before, where a line can change. */
void progress_show(FILE *out, unsigned int done, unsigned int of, const char *text);
/* Takes it away again. */
void progress_clear(FILE *out);
/* The same wherever something is shown: another line comes. */
void progress_give_way(void);

#endif
