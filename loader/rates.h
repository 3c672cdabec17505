/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens in a second, from what two looks have counted. Pure functions. */
#ifndef XDPLB_RATES_H
#define XDPLB_RATES_H

#include <stdbool.h>

#include "counts.h"

#define HISTORY 60 /* seconds */

/* A second. */
struct rates {
	bool known; /* counted before as well, and not begun anew since */
	double packets;
	double bits;
	double new_flows;
	double replies;
	double reply_bits;
};

struct history {
	float packets[HISTORY]; /* in each second, the last one last; NAN: not known */
};

struct sample {
	struct all_counts counts;
	double seconds; /* since the sample before; 0: there is none to compare with */
	struct rates *service; /* by place in counts; malloc()ed, as the next two */
	struct history *history; /* likewise */
	struct rates *backend;
	struct rates total; /* of all services */
	__u64 active; /* likewise */
	double verdict[8]; /* a second, by enum xdp_action */
	double reason[XDPLB_REASONS];
};

/* A counter that fell began anew: then no rate is known. */
struct rates rates_between(const struct counts *before, const struct counts *now, double seconds);

/*
 * Fills a sample whose counts are read, from the one before. Of another balancer's
 * nothing is known. 0, or -ENOMEM after an error line; sample_free() it in any case.
 */
int sample_compare(struct sample *now, const struct sample *before);
void sample_free(struct sample *sample);

#endif
