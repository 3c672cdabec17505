/* SPDX-License-Identifier: GPL-2.0-only */
/* A backend set as it lies in its lines: made of what is wanted, before it has its place. */
#ifndef XDPLB_SET_LAYOUT_H
#define XDPLB_SET_LAYOUT_H

#include "marks.h"
#include "wanted.h"

/* What a set is made of beside the wanted configuration. */
struct set_context {
	const __u64 *seed; /* struct xdplb_config's */
	const __u32 *ids; /* of the wanted backends */
	const struct marks *before; /* of the set in force, NULL: there is none */
	__u32 service;
	__u32 now; /* second of the program's clock */
};

/*
 * The lines of the set, malloc()ed; lines in it count from its first. NULL after
 * an error line. Warns about what cannot be exactly as wanted.
 */
union xdplb_set_line *set_layout(const struct wanted_service *wanted,
				 const struct set_context *context);

/* The words that begin in line `line` of some lines. */
static inline __u32 *set_words(union xdplb_set_line *lines, __u32 line)
{
	return (__u32 *)(lines + line);
}

/* The line where a set's backends begin, from its first. */
__u32 set_backend_line(const struct xdplb_set *set);

/* The state of backends that take new flows: up, or backup while none is up. */
__u8 wanted_taking(const struct wanted_service *wanted);

#endif
