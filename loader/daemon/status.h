/* SPDX-License-Identifier: GPL-2.0-only */
/* The same as JSON; xdplbd(8) says what is in it. */
#ifndef XDPLBD_STATUS_H
#define XDPLBD_STATUS_H

#include "../output.h"
#include "view.h"

struct json_object *status_json(const struct view *view);

/* The words for a result of a check (enum check_verdict). */
const char *check_verdict_name(enum check_verdict verdict);

#endif
