/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status page: HTML with its style and a few lines of script inside, which need nothing from
 * elsewhere; without the script the browser renews it all the same. A pure function.
 */
#ifndef XDPLBD_PAGE_H
#define XDPLBD_PAGE_H

#include <stdio.h>

#include "view.h"

/* `nonce` is the word by which the answer's header lets this script run and no other. */
void page_print(FILE *out, const struct view *view, const char *nonce);

/* Text where HTML has text, or an attribute's value in quotes. */
void page_text(FILE *out, const char *text);

#endif
