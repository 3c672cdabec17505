// SPDX-License-Identifier: GPL-2.0-only
#include "place.h"

#include <stddef.h>

#include "error.h"

static const char *file = "";

void place_file(const char *path)
{
	file = path;
}

void place_here(const struct place *place, const char *key)
{
	if (!place || !place->line)
		error_place(NULL);
	else
		error_place("%s:%u:%u%s%s", file, place->line, place->column, key ? ": " : "",
			    key ? key : "");
}
