// SPDX-License-Identifier: GPL-2.0-only
#include "carry.h"

#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "../xdp/carry_order.h"
#include "error.h"
#include "steps.h"

#define AT_ONCE 4096 /* buckets: some milliseconds */
#define PASSES 16 /* a flow that is being written in one is not in the next */

/* The flows that are left in some buckets, or that ended there; negative: error. */
static int carry_some(int fd, const struct carry_order *order)
{
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	int err;

	memcpy(frame, order, sizeof(*order));
	err = bpf_prog_test_run_opts(fd, &run);
	if (!err && (int)run.retval < 0)
		err = -EIO;
	return err ? err : (int)run.retval;
}

/* Goes once through the old table. */
static int carry_pass(const struct balancer *balancer, int fd, __u32 end, __u32 *left)
{
	__u32 buckets = balancer->entries[MAP_OLD];

	*left = 0;
	for (__u32 first = 0; first < buckets; first += AT_ONCE) {
		const struct carry_order order = {
			.first = first,
			.buckets = buckets - first < AT_ONCE ? buckets - first : AT_ONCE,
			.end = end,
		};
		int some;

		step_show(first, buckets, "carrying flows: %u of %u places seen",
			  first * XDPLB_WAYS, buckets * XDPLB_WAYS);
		some = carry_some(fd, &order);
		if (some < 0)
			return fail(some, "cannot carry flows to the new table: %s",
				    strerror(-some));
		*left += some;
	}
	return 0;
}

/* Until none is left, or those that are find no room. */
static int carry_passes(const struct balancer *balancer, int fd, __u32 *left)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	int err = carry_pass(balancer, fd, 0, left);

	for (int i = 1; !err && *left && i < PASSES; i++) {
		nanosleep(&step, NULL);
		err = carry_pass(balancer, fd, 0, left);
	}
	return err;
}

/* Ends those that find no room. One that is being changed in a pass is not in the next. */
static int carry_end(const struct balancer *balancer, int fd, __u32 *left, __u32 *ended)
{
	int err = 0;

	for (int i = 0; !err && *left && i < PASSES; i++) {
		__u32 some;

		err = carry_pass(balancer, fd, 1, &some);
		*ended += err ? 0 : some;
		if (!err)
			err = carry_pass(balancer, fd, 0, left);
	}
	return err;
}

int carry_flows(const struct balancer *balancer, int fd, __u32 *ended)
{
	__u32 left;
	int err = carry_passes(balancer, fd, &left);

	*ended = 0;
	if (!err)
		err = carry_end(balancer, fd, &left, ended);
	if (!err && left)
		err = fail(EBUSY, "%u flows cannot be carried to the new table", left);
	return err;
}
