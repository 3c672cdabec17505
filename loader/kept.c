// SPDX-License-Identifier: GPL-2.0-only
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

struct kept {
	struct kept *next;
	char memory[] __attribute__((aligned(16)));
};

void *kept_add(struct kept **list, size_t size)
{
	struct kept *more = calloc(1, sizeof(*more) + size);

	if (!more) {
		fail(ENOMEM, "no memory for %zu bytes", size);
		return NULL;
	}
	more->next = *list;
	*list = more;
	return more->memory;
}

char *kept_text(struct kept **list, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = kept_add(list, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void kept_free(struct kept **list)
{
	while (*list) {
		struct kept *next = (*list)->next;

		free(*list);
		*list = next;
	}
}
