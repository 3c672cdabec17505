/* SPDX-License-Identifier: GPL-2.0-only */
/* Rates as JSON: whole numbers, null where they are not known. Pure functions. */
#ifndef XDPLB_RATES_JSON_H
#define XDPLB_RATES_JSON_H

#include "output.h"
#include "rates.h"

/* A service's, or a backend's. */
void json_add_rates(struct json_object *object, const struct rates *rates);
/* Verdicts, and drops by reason. */
void json_add_balancer_rates(struct json_object *object, const struct sample *sample);

#endif
