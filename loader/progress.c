// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR 20
#define COLUMNS 80 /* of a terminal that does not say */

static FILE *shown; /* where something is; NULL: nowhere */

const char *progress_text(unsigned int done, unsigned int of, const char *text, int columns,
			  char *line)
{
	static const char full[] = "####################", none[] = "....................";
	int width = columns < PROGRESS_WIDTH ? columns : PROGRESS_WIDTH;
	int part = of ? (int)((unsigned long long)(done < of ? done : of) * BAR / of) : 0;

	if (of && (int)strlen(text) + BAR + 3 <= width)
		snprintf(line, width + 1, "[%.*s%.*s] %s", part, full, BAR - part, none, text);
	else
		snprintf(line, width + 1, "%s", text);
	return line;
}

bool progress_changes(FILE *out)
{
	const char *kind = getenv("TERM");

	return isatty(fileno(out)) && !(kind && strcmp(kind, "dumb") == 0);
}

void progress_show(FILE *out, unsigned int done, unsigned int of, const char *text)
{
	char line[PROGRESS_WIDTH + 1];
	struct winsize size = {};

	if (!progress_changes(out))
		return;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) || !size.ws_col)
		size.ws_col = COLUMNS;
	/* The last column is left free: some terminals go on to the next line in it. */
	fprintf(out, "\r%s\033[K", progress_text(done, of, text, size.ws_col - 1, line));
	fflush(out);
	shown = out;
}

void progress_clear(FILE *out)
{
	if (!progress_changes(out))
		return;
	fprintf(out, "\r\033[K");
	fflush(out);
	shown = NULL;
}

void progress_give_way(void)
{
	if (shown)
		progress_clear(shown);
}
