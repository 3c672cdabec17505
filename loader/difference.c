// SPDX-License-Identifier: GPL-2.0-only
#include "difference.h"

#include <stdlib.h>
#include <unistd.h>

#include "complete.h"
#include "error.h"
#include "lines.h"

struct printing {
	FILE *out;
	bool coloured;
	const char *head; /* to be printed before the first line, NULL: it is */
	char room[ADDRESS_TEXT + 16]; /* for it */
	int err;
};

/* ---- lines ----------------------------------------------------------------------------------- */

static void print_line(struct printing *printing, char sign, const char *indent, const char *text)
{
	const char *colour = sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "";

	if (!printing->coloured)
		colour = "";
	fprintf(printing->out, "%s%c %s%s%s\n", colour, sign, indent, text,
		*colour ? "\033[0m" : "");
}

static void print_head(struct printing *printing)
{
	if (printing->head)
		print_line(printing, ' ', "", printing->head);
	printing->head = NULL;
}

static const struct line *line_find(const struct lines *lines, const char *key)
{
	for (int i = 0; i < lines->count; i++)
		if (!strcmp(lines->line[i].key, key))
			return &lines->line[i];
	return NULL;
}

static void print_side(struct printing *printing, char sign, const char *indent,
		       const struct line *line)
{
	bool secret = !strcmp(line->key, "registration-key");

	print_head(printing);
	print_line(printing, sign, indent, secret ? "registration-key: (not shown)" : line->text);
}

/* What is not the same of both; of those with the same key, one line after the other. */
static void print_lines(struct printing *printing, const char *indent, const struct lines *before,
			const struct lines *after)
{
	if (before->full || after->full)
		printing->err = -ENOMEM;
	for (int i = 0; i < before->count; i++) {
		const struct line *now = &before->line[i], *then = line_find(after, now->key);

		if (then && !strcmp(now->text, then->text))
			continue;
		print_side(printing, '-', indent, now);
		if (then)
			print_side(printing, '+', indent, then);
	}
	for (int i = 0; i < after->count; i++)
		if (!line_find(before, after->line[i].key))
			print_side(printing, '+', indent, &after->line[i]);
}

/* ---- services ---------------------------------------------------------------------------------
 */

/* A service that is new, or is to go. */
static void print_whole(struct printing *printing, char sign, const struct wanted_service *service)
{
	const struct lines none = {};
	struct lines options = {}, backends = {};

	printing->head = NULL;
	service_lines(service, &options);
	backends_lines(service, &backends);
	if (options.full || backends.full)
		printing->err = -ENOMEM;
	for (int i = 0; i < options.count; i++)
		print_side(printing, sign, i ? "  " : "- ", &options.line[i]);
	print_lines(printing, "    - ", sign == '-' ? &backends : &none,
		    sign == '-' ? &none : &backends);
	lines_free(&options);
	lines_free(&backends);
}

/* One that stays, and is another then. */
static void print_changed(struct printing *printing, const struct wanted_service *before,
			  const struct wanted_service *after)
{
	struct lines old = {}, new = {};
	char text[ADDRESS_TEXT];

	snprintf(printing->room, sizeof(printing->room), "- service: %s",
		 service_text(&before->at, text));
	printing->head = printing->room;
	service_lines(before, &old);
	service_lines(after, &new);
	print_lines(printing, "  ", &old, &new);
	lines_free(&old);
	lines_free(&new);
	backends_lines(before, &old);
	backends_lines(after, &new);
	print_lines(printing, "    - ", &old, &new);
	if (another_order(before, after)) {
		print_head(printing);
		print_line(printing, '+', "    ", "# the backends in another order");
	}
	lines_free(&old);
	lines_free(&new);
}

static void print_settings(struct printing *printing, const struct settings *before,
			   const struct settings *after)
{
	struct lines old = {}, new = {};

	printing->head = "settings:";
	settings_lines(before, &old);
	settings_lines(after, &new);
	print_lines(printing, "  ", &old, &new);
	lines_free(&old);
	lines_free(&new);
}

int difference_print(FILE *out, const struct configuration *before,
		     const struct configuration *after, bool coloured)
{
	struct printing printing = { .out = out, .coloured = coloured };
	struct settings settings = after->settings;

	if (!after->seed_given)
		memcpy(settings.seed, before->settings.seed, sizeof(settings.seed));
	print_settings(&printing, &before->settings, &settings);
	for (int i = 0; i < before->services; i++) {
		const struct wanted_service *then =
			configuration_service(after, &before->service[i].at);

		if (!then)
			print_whole(&printing, '-', &before->service[i]);
		else if (!same_service(&before->service[i], then))
			print_changed(&printing, &before->service[i], then);
	}
	for (int i = 0; i < after->services; i++)
		if (!configuration_service(before, &after->service[i].at))
			print_whole(&printing, '+', &after->service[i]);
	return printing.err ? fail(ENOMEM, "no memory for all lines") : 0;
}
