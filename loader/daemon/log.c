// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../error.h"
#include "daemon.h"

#define VALUE 512
#define REPEAT_SECONDS 60
#define REMEMBERED 8 /* lines */
#define MARGIN 8 /* what ends a line */

static bool json;

static bool to_journal(void)
{
	return getenv("JOURNAL_STREAM") != NULL;
}

/* ---- a line ------------------------------------------------------------------------------------
 */

static void put(struct event *event, const char *text, size_t length)
{
	if (event->length + length > sizeof(event->line) - MARGIN)
		return;
	memcpy(event->line + event->length, text, length);
	event->length += length;
}

/* A byte inside quotes; both forms read \" \\ \n and so on, and \u00XX, alike. */
static void put_quoted(struct event *event, unsigned char byte)
{
	char text[8];
	int length;

	if (byte == '"' || byte == '\\')
		length = snprintf(text, sizeof(text), "\\%c", byte);
	else if (byte < ' ' || byte >= 127)
		length = snprintf(text, sizeof(text), "\\u%04x", byte);
	else
		length = snprintf(text, sizeof(text), "%c", byte);
	put(event, text, length);
}

static bool is_plain(const char *value)
{
	if (!*value)
		return false;
	for (; *value; value++)
		if (*value <= ' ' || *value >= 127 || *value == '"' || *value == '\\' ||
		    *value == '=')
			return false;
	return true;
}

static void pair(struct event *event, const char *key, const char *value, bool quoted)
{
	char head[64];
	int length;

	if (json)
		length = snprintf(head, sizeof(head), "%s\"%s\":", event->length ? "," : "{", key);
	else
		length = snprintf(head, sizeof(head), "%s%s=", event->length ? " " : "", key);
	/* All of it, or nothing: no pair begins that has no room to end. */
	if (event->length + length + 6 * strlen(value) + 2 > sizeof(event->line) - MARGIN)
		return;
	put(event, head, length);
	if (!quoted || (!json && is_plain(value))) {
		put(event, value, strlen(value));
		return;
	}
	put(event, "\"", 1);
	while (*value)
		put_quoted(event, *value++);
	put(event, "\"", 1);
}

void event_add(struct event *event, const char *key, const char *format, ...)
{
	char value[VALUE];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	pair(event, key, value, true);
}

void event_number(struct event *event, const char *key, __u32 number)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", number);
	pair(event, key, value, false);
}

static const char *priority_name(int priority)
{
	return priority <= LOG_ERR     ? "error" :
	       priority == LOG_WARNING ? "warning" :
	       priority == LOG_NOTICE  ? "notice" :
					 "info";
}

void event_begin(struct event *event, int priority, const char *name)
{
	struct timespec now;
	struct tm local;
	char text[64];

	*event = (struct event){ .priority = priority };
	if (!to_journal()) {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &local);
		strftime(text, sizeof(text), "%FT%T", &local);
		event_add(event, "time", "%s.%03ld", text, now.tv_nsec / 1000000);
		event_add(event, "level", "%s", priority_name(priority));
	}
	event_add(event, "event", "%s", name);
}

void event_service(struct event *event, int priority, const char *name,
		   const struct watched_service *service)
{
	char text[ADDRESS_TEXT];

	event_begin(event, priority, name);
	event_add(event, "service", "%s", service_text(&service->at, text));
}

void event_backend(struct event *event, int priority, const char *name,
		   const struct watched_backend *backend)
{
	char text[ADDRESS_TEXT];

	event_service(event, priority, name, backend->service);
	event_add(event, "backend", "%s", watched_text(backend, text));
}

void event_say(struct event *event)
{
	char prefix[8] = "";

	snprintf(event->line + event->length, MARGIN, "%s", json ? "}" : "");
	if (to_journal())
		snprintf(prefix, sizeof(prefix), "<%d>", event->priority);
	fprintf(stderr, "%s%s\n", prefix, event->line);
}

/* ---- lines of the code that is shared with xdplb-config ----------------------------------------
 */

static struct said {
	char text[EVENT_LINE];
	time_t when;
} said[REMEMBERED];

void log_anew(void)
{
	memset(said, 0, sizeof(said));
}

/* What is said again and again is said once a minute, also where several lines take turns. */
static bool is_repeated(const char *text)
{
	struct said *oldest = &said[0];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (int i = 0; i < REMEMBERED; i++) {
		if (!strncmp(said[i].text, text, sizeof(said[i].text) - 1) &&
		    now.tv_sec - said[i].when < REPEAT_SECONDS)
			return true;
		if (said[i].when < oldest->when)
			oldest = &said[i];
	}
	oldest->when = now.tv_sec;
	snprintf(oldest->text, sizeof(oldest->text), "%s", text);
	return false;
}

static void say_error(const char *kind, const char *place, const char *text)
{
	bool warning = *kind;
	struct event event;

	if (is_repeated(text))
		return;
	event_begin(&event, warning ? LOG_WARNING : LOG_ERR, warning ? "warning" : "error");
	if (*place)
		event_add(&event, "place", "%s", place);
	event_add(&event, "text", "%s", text);
	event_say(&event);
}

void log_begin(bool as_json)
{
	json = as_json;
	error_to(say_error);
}
