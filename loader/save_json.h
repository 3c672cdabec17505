/* SPDX-License-Identifier: GPL-2.0-only */
/* The same as save.h, for programs: JSON, which configuration_read() takes too. */
#ifndef XDPLB_SAVE_JSON_H
#define XDPLB_SAVE_JSON_H

#include "configuration.h"
#include "output.h"

/* With the keys of xdplb.yaml(5) and what is the default left out; to be put. */
struct json_object *save_json(const struct configuration *configuration);

#endif
