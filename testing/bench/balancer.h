/* SPDX-License-Identifier: GPL-2.0-only */
/* The balancer that is measured: its two programs, through the generator, and its counters. */
#ifndef XDPLB_BENCH_BALANCER_H
#define XDPLB_BENCH_BALANCER_H

#include <bpf/libbpf.h>

#include "bench.h"

struct balancer {
	struct bpf_object *object; /* of bench.bpf.c */
	int generator;
	int config; /* the generator's */
	int counters; /* xdplb_cpu */
	__u32 ifindex; /* packets come in by it */
};

/* What is right for a packet. */
struct expected {
	__u32 verdict;
	__u32 growth; /* bytes */
};

/* Opens the programs with these ids, which share their maps. */
void balancer_open(struct balancer *balancer, const char *object, __u32 plain, __u32 encap,
		   __u32 ifindex);

/*
 * Nanoseconds a packet, the generator's included, for so many packets of
 * bench->flows flows through bench->target. Ends the program when one of them
 * was not treated as expected.
 */
__u32 balancer_run(const struct balancer *balancer, const char *name, const struct bench *bench,
		   int packets, const struct expected *expected);

void die(const char *what);

#endif
