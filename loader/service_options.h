/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of a service: each is read from the word behind it into what is
 * wanted. 0, or -EINVAL after an error line that says what is right.
 */
#ifndef XDPLB_SERVICE_OPTIONS_H
#define XDPLB_SERVICE_OPTIONS_H

#include "wanted.h"

/* The option with this name, --affinity and --registration-key excepted: "scheduler". */
int service_option(const char *name, const char *value, struct wanted_service *wanted);

/* An address, as often as there are several; or none. */
int parse_snat(const char *text, struct wanted_service *wanted);

/* client[/PREFIX][,TIMEOUT] or none; wanted->at is known. */
int parse_affinity(const char *text, struct wanted_service *wanted);

/* Some of established=SECONDS,closing=SECONDS,udp=SECONDS. */
int parse_timeouts(const char *text, struct wanted_service *wanted);

int parse_slow_start(const char *text, struct wanted_service *wanted);
/* off, kernel or user. */
int parse_registration(const char *text, struct wanted_service *wanted);
/* A file with the key, or none. */
int parse_registration_key(const char *text, struct wanted_service *wanted);
/* local or any. */
int parse_registration_from(const char *text, struct wanted_service *wanted);
int parse_window(const char *text, struct wanted_service *wanted);
/* tracked, stateless or each. */
int parse_udp(const char *text, struct wanted_service *wanted);
/* A prime, or auto. */
int parse_table_size(const char *text, struct wanted_service *wanted);

/* Affinity as it is given, client/24,600; `text` has ADDRESS_TEXT bytes and is returned. */
const char *affinity_text(const struct wanted_service *wanted, char *text);

/* A registration's key as it is given, 32 digits; returns `text`. */
#define KEY_TEXT 33
const char *key_text(const struct wanted_registration *registration, char text[KEY_TEXT]);

/* This timeout (enum xdplb_timeout) has a name, and is not the default. */
bool timeout_is_shown(const struct wanted_service *wanted, int timeout);

/* How UDP is treated, where that is not the default; NULL: it is. */
const char *udp_shown(const struct wanted_service *wanted);

#endif
