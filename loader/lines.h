/* SPDX-License-Identifier: GPL-2.0-only */
/* What a balancer is as the lines of a file that configuration_read() takes. */
#ifndef XDPLB_LINES_H
#define XDPLB_LINES_H

#include "settings.h"
#include "wanted.h"

/* One line, without its indentation; what two of them say of the same has the same key. */
struct line {
	char *key;
	char *text;
};

struct lines {
	struct line *line; /* malloc()ed */
	int count;
	bool full; /* there was no memory for all */
};

/* Settings that are not the default; the seed unless it is not known yet. */
void settings_lines(const struct settings *settings, struct lines *lines);

/* A service's options that are not the default, and the usual two; then its backends. */
void service_lines(const struct wanted_service *wanted, struct lines *lines);
void backends_lines(const struct wanted_service *wanted, struct lines *lines);

void lines_free(struct lines *lines);

#endif
