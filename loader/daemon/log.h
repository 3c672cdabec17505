/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line an event, on standard error: event=NAME and KEY=VALUE, values in quotes where they need
 * it; or a JSON object. The journal is told the priority; where standard error is not the
 * journal the time comes first.
 */
#ifndef XDPLBD_LOG_H
#define XDPLBD_LOG_H

#include <linux/types.h>
#include <stdbool.h>
#include <syslog.h> /* LOG_INFO ... */

struct watched_backend;
struct watched_service;

#define EVENT_LINE 4096

/* A line that is being put together; what does not fit is left out. */
struct event {
	int priority;
	int length;
	char line[EVENT_LINE];
};

/* From now on as JSON, or not. Lines of fail() and warn() are events too. */
void log_begin(bool json);

/* Somebody wants to know: what has just been said is said again. */
void log_anew(void);

void event_begin(struct event *event, int priority, const char *name);
/* The same about a service or a backend, which come next in the line. */
void event_service(struct event *event, int priority, const char *name,
		   const struct watched_service *service);
void event_backend(struct event *event, int priority, const char *name,
		   const struct watched_backend *backend);
/* Adds KEY=VALUE. */
void event_add(struct event *event, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same; a number in JSON too. */
void event_number(struct event *event, const char *key, __u32 number);
/* Prints it. */
void event_say(struct event *event);

#endif
