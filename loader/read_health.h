/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads from a file what xdplbd shall do with a service and its backends. */
#ifndef XDPLB_READ_HEALTH_H
#define XDPLB_READ_HEALTH_H

#include "document.h"
#include "kept.h"
#include "wanted.h"

/*
 * Reads what a service's mapping says for xdplbd into wanted->health, and into
 * its backends' check, the rest of the service being read; a fallback becomes
 * its last backend. What they point to is kept in the list. 0, or a negative
 * errno after an error line with its place.
 */
int health_read(struct document *document, yaml_node_t *service, struct kept **kept,
		struct wanted_service *wanted);

#endif
