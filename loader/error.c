// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "file_words.h"
#include "progress.h"

#define ERROR_TEXT 4096

static char place[ERROR_PLACE];

void error_place(const char *format, ...)
{
	va_list args;

	place[0] = '\0';
	if (!format)
		return;
	va_start(args, format);
	vsnprintf(place, sizeof(place), format, args);
	va_end(args);
}

static void say_plainly(const char *kind, const char *where, const char *text)
{
	progress_give_way();
	fprintf(stderr, "xdplb-config: %s%s%s%s\n", where, *where ? ": " : "", kind, text);
}

static void (*say_it)(const char *kind, const char *where, const char *text) = say_plainly;

void error_to(void (*say)(const char *kind, const char *where, const char *text))
{
	say_it = say;
}

static void say(const char *kind, const char *format, va_list args)
{
	char text[ERROR_TEXT], of_file[ERROR_TEXT];

	vsnprintf(text, sizeof(text), format, args);
	if (*place)
		file_words(text, place, of_file, sizeof(of_file));
	say_it(kind, place, *place ? of_file : text);
}

int fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
	return -(err < 0 ? -err : err ? err : EINVAL);
}

int misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
	return -EUSAGE;
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("warning: ", format, args);
	va_end(args);
}
