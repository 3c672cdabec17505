/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XDPLB_EDIT_H
#define XDPLB_EDIT_H

#include "command.h"

/*
 * Changes `wanted`, which is what is in force, by the words behind the service.
 * 0, or a negative errno after an error line.
 */
typedef int edit_function(struct wanted_service *wanted, char **words, int count);

/* Edits the service that the first argument names. Likewise. */
int service_edit(struct options *options, edit_function *edit);

/*
 * Adds the listeners that are there only because they registered themselves, as
 * such. Likewise.
 */
int registered_add(const struct balancer *balancer, __u32 id, struct wanted_service *wanted);

/* Puts the backend that `word` names into a state (enum xdplb_backend_state). Likewise. */
int edit_backend_state(struct wanted_service *wanted, const char *word, __u8 state);

#endif
