/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON, by json-c. */
#ifndef XDPLB_OUTPUT_H
#define XDPLB_OUTPUT_H

#include <json-c/json.h>
#include <linux/types.h>
#include <stdbool.h>
#include <time.h>

#include "address.h"

void json_add_text(struct json_object *object, const char *key, const char *text);
void json_add_number(struct json_object *object, const char *key, __u64 number);
void json_add_bool(struct json_object *object, const char *key, bool value);
/* "address" and "port". */
void json_add_endpoint(struct json_object *object, const __be32 addr[4], __be16 port);
/* "time": seconds since 1970, to the microsecond. */
void json_add_time(struct json_object *object, const struct timespec *time);
void json_print(struct json_object *object, bool pretty);

#endif
