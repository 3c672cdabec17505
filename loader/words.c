// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

int word_copy(char word[WORD], const char *text, size_t length)
{
	if (length >= WORD)
		return -EINVAL;
	memcpy(word, text, length);
	word[length] = '\0';
	return 0;
}

int parse_number(const char *text, const char *what, long min, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || *number < min ||
	    *number > max)
		return fail(EINVAL, "%s %s: a number from %ld to %ld is expected", what, text, min,
			    max);
	return 0;
}
