// SPDX-License-Identifier: GPL-2.0-only
#include "steps.h"

#include <stdarg.h>

#include "flows.h"
#include "progress.h"

#define WORDS_TEXT 160

static __u32 begin; /* second, 0: there was no step yet */

void step_show(unsigned int done, unsigned int of, const char *format, ...)
{
	char words[WORDS_TEXT], text[WORDS_TEXT + 32];
	__u32 now = clock_seconds();
	va_list args;

	if (!begin)
		begin = now;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s, %u:%02u", words, (now - begin) / 60, (now - begin) % 60);
	progress_show(stdout, done, of, text);
}

void steps_end(void)
{
	begin = 0;
	progress_clear(stdout);
}
