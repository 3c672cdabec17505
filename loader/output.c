// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "address.h"

void json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

void json_add_number(struct json_object *object, const char *key, __u64 number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void json_add_endpoint(struct json_object *object, const __be32 addr[4], __be16 port)
{
	char text[ADDRESS_TEXT];

	json_add_text(object, "address", address_text(addr, text));
	json_add_number(object, "port", ntohs(port));
}

void json_add_time(struct json_object *object, const struct timespec *time)
{
	double seconds = time->tv_sec + time->tv_nsec / 1e9;
	char text[40];

	snprintf(text, sizeof(text), "%lld.%06ld", (long long)time->tv_sec, time->tv_nsec / 1000);
	json_object_object_add(object, "time", json_object_new_double_s(seconds, text));
}

void json_print(struct json_object *object, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
			  JSON_C_TO_STRING_SPACED;
	printf("%s\n", json_object_to_json_string_ext(object, flags));
}
