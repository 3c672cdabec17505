/* SPDX-License-Identifier: GPL-2.0-only */
/* Error lines about a file speak of its keys, not of the options that mean the same. */
#ifndef XDPLB_FILE_WORDS_H
#define XDPLB_FILE_WORDS_H

#include <stddef.h>

/*
 * Writes an error's text, which may be cut short, as it is said of `place`: "--udp
 * tracked" becomes "udp: tracked", and nothing at the beginning where the place names
 * the key already.
 */
void file_words(const char *text, const char *place, char *out, size_t size);

#endif
