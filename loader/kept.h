/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that lives as long as what it belongs to, and is freed with it at once. */
#ifndef XDPLB_KEPT_H
#define XDPLB_KEPT_H

#include <stddef.h>

struct kept;

/* Zeroed memory, NULL after an error line. */
void *kept_add(struct kept **list, size_t size);
/* A copy of a text, likewise. */
char *kept_text(struct kept **list, const char *text);
void kept_free(struct kept **list);

#endif
