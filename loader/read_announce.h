/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the key announce of a file's part for xdplbd. */
#ifndef XDPLB_READ_ANNOUNCE_H
#define XDPLB_READ_ANNOUNCE_H

#include "announce.h"
#include "document.h"

extern const struct announce_settings default_announce;

/* Reads the key's value over the defaults. 0, or a negative errno after an error line. */
int announce_settings_read(struct document *document, yaml_node_t *node,
			   struct announce_settings *settings);
void announce_settings_free(struct announce_settings *settings);

#endif
