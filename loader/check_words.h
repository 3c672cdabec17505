/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values that the keys of checks have. All return 0 or more, or a negative errno
 * after an error line.
 */
#ifndef XDPLB_CHECK_WORDS_H
#define XDPLB_CHECK_WORDS_H

#include "checks.h"

#define DAY 86400000U /* in milliseconds */

/* Seconds (2, 0.5, 2s) or milliseconds (500ms) into milliseconds. */
int parse_duration(const char *text, __u32 least, __u32 most, __u32 *duration);
/* A number, or percent as in 50%. */
int parse_amount(const char *text, struct amount *amount);
/* One of these words: its place among them. */
int parse_choice(const char *text, const char *const *words, int count);
/* enum check_type */
int parse_check_type(const char *text);
/* on or off */
int parse_switch(const char *text, bool *value);
/* 0 to 100, with or without %; `what` is the key. */
int parse_percent(const char *text, const char *what, __u8 *percent);
/* A text that a server is sent: at least one byte of it. */
int send_check(const char *text);
/* A path of a URL. */
int path_check(const char *text);
/* A name in a URL, or in a TLS handshake. */
int host_check(const char *text);
/* Into network byte order. */
int parse_port(const char *text, __be16 *port);

#endif
