// SPDX-License-Identifier: GPL-2.0-only
/* The steps for people: a line each, its name in front. */
#include <stdio.h>

#include "explain.h"

static const struct {
	const char *step, *label;
} lines[] = {
	{ "packet", "packet" },	    { "chain", "chain" },     { "service", "service" },
	{ "flow", "flow" },	    { "backend", "backend" }, { "method", "method" },
	{ "next_hop", "next hop" }, { "before", "before" },   { "after", "after" },
	{ "verdict", "verdict" },   { "why", "why" },	      { "remedy", "what to do" },
};

void explain_print(struct json_object *told)
{
	struct json_object *step, *text;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (json_object_object_get_ex(told, lines[i].step, &step) &&
		    json_object_object_get_ex(step, "text", &text))
			printf("%-10s  %s\n", lines[i].label, json_object_get_string(text));
}
