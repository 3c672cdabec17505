// SPDX-License-Identifier: GPL-2.0-only
/* Also takes the place of loader/error.c: errors are formatted and not shown. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/error.h"

void error_place(const char *format, ...)
{
	char line[ERROR_PLACE];
	va_list args;

	if (!format)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fuzz_check(line[0], "a place says something");
}

int fail(int err, const char *format, ...)
{
	char line[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fuzz_check(line[0], "an error says something");
	return -err;
}

void warn(const char *format, ...)
{
	fuzz_check(format[0], "a warning says something");
}

char *fuzz_string(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1);

	fuzz_check(string != NULL, "there is memory");
	if (size)
		memcpy(string, data, size);
	string[size] = '\0';
	return string;
}

void fuzz_check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "==fuzz== not so: %s\n", what);
	abort();
}
