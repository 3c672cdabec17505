/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads one check from a file. */
#ifndef XDPLB_READ_CHECK_H
#define XDPLB_READ_CHECK_H

#include "checks.h"
#include "document.h"
#include "kept.h"

/*
 * Reads a check, a type alone or a mapping, over what `check` says already; texts
 * are kept in the list. 0, or a negative errno after an error line with its place.
 */
int check_read(struct document *document, yaml_node_t *node, struct kept **kept,
	       struct check_options *check);

#endif
