/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program tells somebody who watches, in words. Pure functions. */
#ifndef XDPLB_MONITOR_H
#define XDPLB_MONITOR_H

#include <json-c/json.h>
#include <stdbool.h>
#include <time.h>

#include "../xdp/xdplb.h"
#include "wanted.h"

#define MONITOR_TEXT 320 /* room for a line */

/*
 * The service that an event is about: of a flow or a drop where the packet was
 * going; of a registration what the event's id means now (`record`), with
 * protocol 0 when that is nothing, or is no more.
 */
struct service_address monitor_service(const struct xdplb_event *event,
				       const struct xdplb_service *record);

/* A line without its end, into a buffer of MONITOR_TEXT bytes, which is returned. */
const char *monitor_text(const struct xdplb_event *event, const struct service_address *service,
			 char *text);

/* The same for programs. */
struct json_object *monitor_json(const struct xdplb_event *event,
				 const struct service_address *service,
				 const struct timespec *time);

#endif
