/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_ERROR_H
#define XDPLB_ERROR_H

#include <errno.h>

/*
 * An error is said once, in one line on standard error, where it is found, and
 * travels from there as the negative errno that these return.
 */
int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Error lines begin with this place in a file, until another is said; NULL: with
 * none. At most ERROR_PLACE - 1 bytes of it.
 */
void error_place(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define ERROR_PLACE 512

/* Wrong usage: exit status 2 and not 1. */
int misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define EUSAGE 4095

/*
 * From now on this says them and warnings, in a daemon's way: `kind` is "" or "warning: ", `place`
 * "" or a place in a file.
 */
void error_to(void (*say)(const char *kind, const char *place, const char *text));

/* Something the user should know although the command did what it was told. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
