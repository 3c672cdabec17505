/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads from a file what is xdplbd's own: log, page, announcing. */
#ifndef XDPLB_READ_DAEMON_H
#define XDPLB_READ_DAEMON_H

#include "checks.h"
#include "document.h"

/* What holds where the mapping `daemon` says nothing. */
struct daemon_options daemon_usual(void);
/* Reads that mapping over it. 0, or a negative errno after an error line with its place. */
int daemon_read(struct document *document, yaml_node_t *node, struct daemon_options *options);

#endif
