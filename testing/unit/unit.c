// SPDX-License-Identifier: GPL-2.0-only
/* Also takes the place of loader/error.c, so that tests can read the errors. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/error.h"

static char last[4096];
static int lines;

/* So that what tests print and their results keep their order. */
__attribute__((constructor)) static void print_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

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

static void say(const char *format, va_list args)
{
	size_t length = snprintf(last, sizeof(last), "%s%s", place, *place ? ": " : "");

	vsnprintf(last + length, sizeof(last) - length, format, args);
	lines++;
}

int fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return -(err < 0 ? -err : err ? err : EINVAL);
}

int misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return -EUSAGE;
}

void warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void said_reset(void)
{
	lines = 0;
	last[0] = '\0';
}

int said_lines(void)
{
	return lines;
}

const char *said(void)
{
	return last;
}

void assert_said(const char *input, const char *part)
{
	if (lines != 1)
		fail_msg("\"%s\": %d error lines, one is right", input, lines);
	if (!strstr(last, part))
		fail_msg("\"%s\": the error \"%s\" has no \"%s\"", input, last, part);
	if (strchr(last, '\n'))
		fail_msg("\"%s\": the error is more than one line: \"%s\"", input, last);
}

/* splitmix64 */
uint64_t random_64(void)
{
	static uint64_t state;
	static bool seeded;
	uint64_t x;

	if (!seeded) {
		const char *seed = getenv("XDPLB_SEED");

		state = seed ? strtoull(seed, NULL, 0) : 1;
		seeded = true;
	}
	x = state += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint32_t random_from(uint32_t low, uint32_t high)
{
	return low + random_64() % ((uint64_t)high - low + 1);
}
