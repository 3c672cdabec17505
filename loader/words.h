/* SPDX-License-Identifier: GPL-2.0-only */
/* Words of the command line, and the numbers in them. */
#ifndef XDPLB_WORDS_H
#define XDPLB_WORDS_H

#include <stddef.h>

#define WORD 128 /* longer than any address, option or number */

/* Copies the first `length` bytes of a word; -EINVAL when no word is that long. */
int word_copy(char word[WORD], const char *text, size_t length);

/*
 * Reads a whole number from min to max; `what` says what it is in an error. 0,
 * or -EINVAL after an error line.
 */
int parse_number(const char *text, const char *what, long min, long max, long *number);

#endif
