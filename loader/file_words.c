// SPDX-License-Identifier: GPL-2.0-only
#include "file_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct word {
	const char *option, *key;
} words[] = {
	{ "--affinity", "affinity" },
	{ "--forward", "forward" },
	{ "--registration", "registration" },
	{ "--registration-from", "registration-from" },
	{ "--registration-key", "registration-key-file" },
	{ "--scheduler", "scheduler" },
	{ "--slow-start", "slow-start" },
	{ "--snat", "snat" },
	{ "--table-size", "table-size" },
	{ "--timeout", "timeout" },
	{ "--udp", "udp" },
	{ "--window", "window" },
};

#define LETTERS "-abcdefghijklmnopqrstuvwxyz"

/* The option that this word is, NULL: none. */
static const struct word *word_of(const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i].option) == length && !strncmp(text, words[i].option, length))
			return &words[i];
	return NULL;
}

/* The place ends with this key. */
static bool names(const char *place, const char *key)
{
	const char *last = strrchr(place, ' ');

	return last && !strcmp(last + 1, key);
}

void file_words(const char *text, const char *place, char *out, size_t size)
{
	size_t used = 0, length = strspn(text, LETTERS);
	const struct word *word = word_of(text, length);

	if (word && names(place, word->key)) {
		text += length;
		text += strspn(text, ": ");
	}
	for (; *text && used + 1 < size; text += length) {
		length = strspn(text, LETTERS);
		word = word_of(text, length);
		if (!length)
			length = 1; /* not of a word */
		if (word)
			snprintf(out + used, size - used, "%s%s", word->key,
				 text[length] == ' ' ? ":" : "");
		else
			snprintf(out + used, size - used, "%.*s", (int)length, text);
		used += strlen(out + used);
	}
	out[used] = '\0';
}
