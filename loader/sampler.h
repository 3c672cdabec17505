/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks at a balancer again and again, whatever becomes of it meanwhile. */
#ifndef XDPLB_SAMPLER_H
#define XDPLB_SAMPLER_H

#include <time.h>

#include "command.h"
#include "rates.h"

struct sampler {
	struct options *options;
	struct sample sample; /* of the last look that succeeded */
	struct timespec time; /* of the last look, since 1970 */
	bool stale; /* what was there is no more: the sample is none of now */
	char message[300]; /* what the last look failed for; "": it did not */
	int said; /* a file with what would be on standard error */
	int errors; /* standard error */
};

/* Takes the first look. 0, or a negative errno after an error line. */
int sampler_open(struct sampler *sampler, struct options *options);
/* The next. 0, or a negative errno, with the error line in `message`. */
int sampler_look(struct sampler *sampler);
/* Says what has been put aside since the last look; from now on errors are said at once again. */
void sampler_close(struct sampler *sampler);

#endif
