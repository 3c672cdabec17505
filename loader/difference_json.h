/* SPDX-License-Identifier: GPL-2.0-only */
/* What apply would change, for programs. */
#ifndef XDPLB_DIFFERENCE_JSON_H
#define XDPLB_DIFFERENCE_JSON_H

#include "configuration.h"
#include "output.h"

/*
 * What is not the same in both, as xdplb-config(8), section JSON, describes it;
 * to be put. Keys of registrations are not in it.
 */
struct json_object *difference_json(const struct configuration *before,
				    const struct configuration *after);

#endif
