// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

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

static void say(const char *kind, const char *format, va_list args)
{
	fprintf(stderr, "xdplb-config: %s%s%s", place, *place ? ": " : "", kind);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
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
