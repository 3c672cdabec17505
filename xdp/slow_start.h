/* SPDX-License-Identifier: GPL-2.0-only */
/* Slow start: a backend that has just come up takes its share of new flows bit by bit. */
#ifndef XDPLB_SLOW_START_H
#define XDPLB_SLOW_START_H

#include "service.h"

#define WHOLE_SHARE 256

/* What part a backend takes of its share, 1 .. WHOLE_SHARE: less during its slow start. */
static __always_inline __u32 share_now(__u32 id, __u32 now)
{
	const struct xdplb_backend *backend = backend_of(id);
	__u32 elapsed;

	if (!backend || !backend->ramp_seconds)
		return WHOLE_SHARE;
	elapsed = now - backend->ramp_start;
	if (elapsed >= backend->ramp_seconds)
		return WHOLE_SHARE;
	return 1 + elapsed * (WHOLE_SHARE - 1) / backend->ramp_seconds;
}

/* The same, which the verifier looks at once. */
__noinline __u32 share_of(__u32 id, __u32 now)
{
	return share_now(id, now);
}

#endif
