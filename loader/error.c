// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *kind, const char *format, va_list args)
{
	fprintf(stderr, "xdplb-config: %s", kind);
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
