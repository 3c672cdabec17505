/* SPDX-License-Identifier: GPL-2.0-only */
/* What is wanted beside what is in force: completed by it, and compared with it. */
#ifndef XDPLB_COMPLETE_H
#define XDPLB_COMPLETE_H

#include "wanted.h"

/*
 * What was left open stays as it is now, or is the default; but source addresses
 * belong to the method they were given for. 0, or a negative errno after an error
 * line about what does not go together.
 */
int wanted_complete(const struct wanted_service *now, struct wanted_service *wanted);

/*
 * A state or weight that health checks or an agent have made another stays so, where the operator
 * wants the same as before and does not force it (struct wanted_backend).
 */
void own_keep(const struct wanted_service *now, struct wanted_service *wanted);

/* Of complete ones: both say the same, but for their backends; with them, in their order. */
bool same_options(const struct wanted_service *a, const struct wanted_service *b);
bool same_service(const struct wanted_service *a, const struct wanted_service *b);

/* They have the same backends, but one comes elsewhere in their order. */
bool another_order(const struct wanted_service *a, const struct wanted_service *b);

/* The same in all that is said of them. */
bool same_backend(const struct wanted_backend *a, const struct wanted_backend *b);

#endif
