// SPDX-License-Identifier: GPL-2.0-only
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

static char said[256];

/* The summary that ends every log, and what libbpf puts around it. */
static bool is_frame(const char *line)
{
	static const char *const beginnings[] = { "processed ", "-- ",
						  "libbpf: ", "verification time", "stack depth" };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++)
		if (!strncmp(line, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

void refusal_last_line(const char *log, char *text, size_t size)
{
	text[0] = '\0';
	while (*log) {
		size_t length = strcspn(log, "\n");

		if (length && !is_frame(log))
			snprintf(text, size, "%.*s", (int)length, log);
		log += length + (log[length] == '\n');
	}
}

static int libbpf_heard(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	if (strstr(text, "BEGIN PROG LOAD LOG"))
		refusal_last_line(text, said, sizeof(said));
	free(text);
	return 0;
}

static int libxdp_heard(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

void refusal_listen(void)
{
	libbpf_set_print(libbpf_heard);
	libxdp_set_print(libxdp_heard);
}

const char *refusal_text(void)
{
	return said;
}
