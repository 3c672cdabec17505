// SPDX-License-Identifier: GPL-2.0-only
#include "rate_table.h"

#include <linux/bpf.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "sparkline.h"

#define BARS_MIN 10 /* fewer say nothing */
#define BARS_GAP 2
#define NAME_MIN 20 /* columns that a name gets whatever the width */

static const struct {
	const char *head;
	int width; /* with the space before it */
} columns[] = {
	{ "packets/s", 10 }, { "bits/s", 8 },	  { "new/s", 7 },
	{ "active", 8 },     { "replies/s", 10 }, { "bits/s", 8 },
};

#define COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))
#define COLUMN_ACTIVE 3 /* no rate, so always known */

static int at_most(int number, int limit)
{
	return number < limit ? number : limit;
}

/* ---- lines of a width --------------------------------------------------------------- */

/* A line that ends at the table's width, with no more than fits. */
struct line {
	char *text;
	int length; /* bytes, and columns too while they are ASCII */
	int width;
};

static struct line line_begin(char *text, int width)
{
	*text = '\0';
	return (struct line){ .text = text, .width = at_most(width, TABLE_WIDTH) };
}

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line->text + line->length, line->width - line->length + 1, format, args);
	va_end(args);
	line->length = at_most(line->length + length, line->width);
}

/* Adds the whole word, or nothing and false. */
static bool add_word(struct line *line, const char *word)
{
	if (line->length + (int)strlen(word) > line->width)
		return false;
	add(line, "%s", word);
	return true;
}

/* ---- a width ------------------------------------------------------------------------- */

struct table_shape table_shape(int width, int longest)
{
	struct table_shape shape = { .width = at_most(width, TABLE_WIDTH) };
	int most = shape.width * 2 / 5, left;

	most = most < NAME_MIN ? NAME_MIN : most;
	shape.name = at_most(at_most(longest, most), shape.width);
	left = shape.width - shape.name;
	while (shape.columns < COLUMNS - 1 && columns[shape.columns].width <= left)
		left -= columns[shape.columns++].width;
	if (shape.columns < COLUMNS - 1)
		return shape;
	/* The bars say more than the last column. */
	if (columns[COLUMNS - 1].width + BARS_GAP + BARS_MIN <= left)
		left -= columns[shape.columns++].width;
	if (left >= BARS_GAP + BARS_MIN)
		shape.bars = at_most(left - BARS_GAP, HISTORY);
	return shape;
}

const char *rate_text(bool known, double rate, char text[RATE_TEXT])
{
	static const char units[] = " kMGTPE";
	int unit = 0;

	if (!known) {
		snprintf(text, RATE_TEXT, "-");
		return text;
	}
	/* 999.5 is a thousand in three digits */
	for (; rate >= 999.5 && unit < (int)sizeof(units) - 2; unit++)
		rate /= 1000;
	if (!unit || rate >= 99.95)
		snprintf(text, RATE_TEXT, "%ld", lround(rate));
	else
		snprintf(text, RATE_TEXT, rate >= 9.995 ? "%.1f" : "%.2f", rate);
	if (unit)
		strncat(text, (char[]){ units[unit], '\0' }, RATE_TEXT - strlen(text) - 1);
	return text;
}

/* ---- head and rows -------------------------------------------------------------------- */

const char *table_head(const struct table_shape *shape, char *line)
{
	struct line head = line_begin(line, shape->width);

	add(&head, "%*s", shape->name, "");
	for (int i = 0; i < shape->columns; i++)
		add(&head, "%*s", columns[i].width, columns[i].head);
	if (shape->bars)
		add(&head, "%*s%.*s", BARS_GAP, "", shape->bars, "last minute");
	return line;
}

/* A name that is too long keeps its end, where most differ. */
static void add_name(struct line *line, const char *name, int width)
{
	int length = strlen(name);

	if (length <= width)
		add(line, "%-*s", width, name);
	else if (width > 0)
		add(line, "~%s", name + length - width + 1);
}

const char *table_row(const struct table_shape *shape, const char *name, const struct rates *rates,
		      __u64 active, const struct history *history, bool utf8, char *line)
{
	const double values[] = { rates->packets, rates->bits,	  rates->new_flows,
				  active,	  rates->replies, rates->reply_bits };
	struct line row = line_begin(line, shape->width);
	char text[RATE_TEXT];

	add_name(&row, name, shape->name);
	for (int i = 0; i < shape->columns; i++)
		add(&row, "%*s", columns[i].width,
		    rate_text(rates->known || i == COLUMN_ACTIVE, values[i], text));
	if (!shape->bars || !history)
		return line;
	add(&row, "%*s", BARS_GAP, "");
	sparkline(history->packets, HISTORY, shape->bars, utf8, line + row.length);
	return line;
}

/* ---- the balancer --------------------------------------------------------------------- */

const char *table_title(int width, const char *clock, const struct sample *sample, char *line)
{
	struct line title = line_begin(line, width);
	const struct rates *total = &sample->total;
	char text[RATE_TEXT], word[64];
	__u32 services = sample->counts.services;
	struct {
		const char *what;
		double value;
		bool known;
	} parts[] = {
		{ "packets/s", total->packets, total->known },
		{ "bits/s", total->bits, total->known },
		{ "new/s", total->new_flows, total->known },
		{ "active", sample->active, true },
	};

	add(&title, "xdplb %s", clock);
	snprintf(word, sizeof(word), "  %u service%s", services, services == 1 ? "" : "s");
	for (size_t i = 0; add_word(&title, word) && i < sizeof(parts) / sizeof(*parts); i++)
		snprintf(word, sizeof(word), "  %s %s", parts[i].what,
			 rate_text(parts[i].known, parts[i].value, text));
	return line;
}

const char *table_verdicts(int width, const struct sample *sample, char *line)
{
	static const struct {
		const char *name;
		int verdict;
	} verdicts[] = { { "tx", XDP_TX },
			 { "redirect", XDP_REDIRECT },
			 { "pass", XDP_PASS },
			 { "drop", XDP_DROP } };
	struct line list = line_begin(line, width);
	char text[RATE_TEXT], word[64];

	add(&list, "verdicts/s:");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		double rate = sample->verdict[verdicts[i].verdict];

		snprintf(word, sizeof(word), " %s %s", verdicts[i].name,
			 rate_text(sample->seconds > 0, rate, text));
		if (!add_word(&list, word))
			break;
	}
	return line;
}

struct drop {
	enum xdplb_reason reason;
	double rate;
};

static int more_drops(const void *a, const void *b)
{
	const struct drop *one = a, *other = b;

	return one->rate < other->rate ? 1 : one->rate > other->rate ? -1 : 0;
}

const char *table_drops(int width, const struct sample *sample, char *line)
{
	struct line list = line_begin(line, width);
	struct drop drops[XDPLB_DROPS];
	char text[RATE_TEXT], word[64];

	for (int i = 0; i < XDPLB_DROPS; i++)
		drops[i] = (struct drop){ .reason = i, .rate = sample->reason[i] };
	qsort(drops, XDPLB_DROPS, sizeof(*drops), more_drops);
	add(&list, "drops/s:");
	if (drops[0].rate <= 0)
		add(&list, " %s", sample->seconds > 0 ? "none" : "-");
	for (int i = 0; i < XDPLB_DROPS && drops[i].rate > 0; i++) {
		snprintf(word, sizeof(word), " %s %s", reason_name(drops[i].reason),
			 rate_text(true, drops[i].rate, text));
		if (add_word(&list, word))
			continue;
		add_word(&list, " ...");
		break;
	}
	return line;
}

const char *table_foot(int width, __u32 first, __u32 room, __u32 rows, char *line)
{
	struct line foot = line_begin(line, width);
	__u32 last = first + room < rows ? first + room : rows;

	if (rows > room)
		add(&foot, "rows %u to %u of %u; ", first + 1, last, rows);
	add_word(&foot, "q leaves");
	if (rows > room)
		add_word(&foot, "; arrow and page keys move");
	return line;
}

/* ---- which row is what ---------------------------------------------------------------- */

__u32 table_rows(const struct sample *sample)
{
	return sample->counts.services + sample->counts.backends;
}

/* Service i is in row i and as many as there are backends of those before it. */
struct table_place table_place(const struct sample *sample, __u32 row)
{
	const struct service_counts *service = sample->counts.service;
	__u32 low = 0, high = sample->counts.services - 1, first;

	while (low < high) {
		__u32 middle = (low + high + 1) / 2;

		if (middle + service[middle].first <= row)
			low = middle;
		else
			high = middle - 1;
	}
	first = low + service[low].first;
	return (struct table_place){
		.service = low,
		.backend = row == first ? 0 : service[low].first + row - first - 1,
		.is_service = row == first,
	};
}

const char *table_name(const struct sample *sample, const struct table_place *place, char *text)
{
	const struct service_counts *service = &sample->counts.service[place->service];

	if (place->is_service)
		return service_text(&service->at, text);
	text[0] = text[1] = ' ';
	counts_backend_text(service, &sample->counts.backend[place->backend], text + 2);
	return text;
}

int table_longest(const struct sample *sample)
{
	char text[TABLE_NAME];
	int longest = 0;

	for (__u32 row = 0; row < table_rows(sample); row++) {
		struct table_place place = table_place(sample, row);
		int length = strlen(table_name(sample, &place, text));

		longest = length > longest ? length : longest;
	}
	return longest;
}
