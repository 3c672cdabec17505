/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends whose flows get no answer, by what the data plane remembers of them. A pure function.
 */
#ifndef XDPLBD_SILENCE_H
#define XDPLBD_SILENCE_H

#include <linux/types.h>
#include <stdbool.h>

#include "../checks.h"

/* One backend of a service. */
struct silence {
	__u32 waiting; /* flows of TCP whose client has sent nothing but SYN for long enough */
	__u32 further; /* those that went on lately */
	bool was; /* it was silent at the last look */
	bool silent; /* the answer */
};

/*
 * A backend is silent when so large a share of its flows waits, and not of the others' together:
 * then it is the clients, or the way to all. No more than the limit are.
 */
void silence_judge(struct silence *silence, int count, const struct passive_options *options);

#endif
