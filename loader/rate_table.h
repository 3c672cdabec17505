/* SPDX-License-Identifier: GPL-2.0-only */
/* Rates as lines of a table that is as wide as there is room. Pure functions. */
#ifndef XDPLB_RATE_TABLE_H
#define XDPLB_RATE_TABLE_H

#include "rates.h"

#define TABLE_WIDTH 500 /* columns, at most; none of what is written here is wider */
#define TABLE_LINE (TABLE_WIDTH + HISTORY * 2 + 1) /* bytes; a bar takes up to three */
#define RATE_TEXT 24 /* more than it takes, for compilers that reckon with any number */

/* What fits a width. */
struct table_shape {
	int width;
	int name; /* columns that names have */
	int columns; /* of numbers, the first ones of those there are */
	int bars; /* columns that the last minute has, 0: no room */
};

/* For names of which the longest has this length. */
struct table_shape table_shape(int width, int longest);

/* At most five characters: 0, 999, 1.23k, 45.6M, and - where it is not known. */
const char *rate_text(bool known, double rate, char text[RATE_TEXT]);

/* Each into TABLE_LINE bytes, which are returned. */
const char *table_head(const struct table_shape *shape, char *line);
/* `history` NULL: a line without. */
const char *table_row(const struct table_shape *shape, const char *name, const struct rates *rates,
		      __u64 active, const struct history *history, bool utf8, char *line);
/* What balancer and services do altogether; `clock` says when. */
const char *table_title(int width, const char *clock, const struct sample *sample, char *line);
const char *table_verdicts(int width, const struct sample *sample, char *line);
/* By reason, the most first. */
const char *table_drops(int width, const struct sample *sample, char *line);

/* What is not seen, when `room` rows are from `first` on, and how to leave. */
const char *table_foot(int width, __u32 first, __u32 room, __u32 rows, char *line);

/* A line of a sample's table: a service, or one of its backends, which follow it. */
struct table_place {
	__u32 service; /* places in the counts */
	__u32 backend;
	bool is_service;
};

__u32 table_rows(const struct sample *sample);
struct table_place table_place(const struct sample *sample, __u32 row);

#define TABLE_NAME (ADDRESS_TEXT + 4)

/* Its name, a backend's indented, into TABLE_NAME bytes, which are returned. */
const char *table_name(const struct sample *sample, const struct table_place *place, char *text);
/* The length of the longest name. */
int table_longest(const struct sample *sample);

#endif
