/* SPDX-License-Identifier: GPL-2.0-only */
/* The backends that are watched. */
#ifndef XDPLBD_WATCHED_H
#define XDPLBD_WATCHED_H

#include "daemon.h"

/* Adds one, `options` its own check or NULL: the service's. NULL after an error line. */
struct watched_backend *watched_add(struct watched_service *service,
				    const struct wanted_backend *place,
				    const struct check_options *options);
/* Begins with what its place in the set says. */
void watched_first(struct watched_backend *backend);
/* Has it checked from now on. 0, or a negative errno after an error line. */
int watched_begin(struct watched_backend *backend);
void watched_free(struct watched_backend *backend);

/* The one with this address and port, looked for at `first` first; NULL: there is none. */
struct watched_backend *watched_find(const struct watched_service *service,
				     const struct wanted_backend *place, int first);

/* Notes a backend as it is in the set. */
void watched_place_set(struct watched_backend *backend, const struct wanted_backend *now);

/* Puts them in the order of what there is, which are the same. 0, or a negative errno. */
int watched_sort(struct watched_service *service, const struct wanted_service *now);

/* Takes over what was known of it with the file before; false: its check is another. */
bool watched_inherit(struct watched_backend *backend, const struct watched_backend *before);

#endif
