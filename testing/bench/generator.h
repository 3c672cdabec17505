/* SPDX-License-Identifier: GPL-2.0-only */
/* The generator of bench.bpf.c, loaded, with programs behind it. */
#ifndef XDPLB_BENCH_GENERATOR_H
#define XDPLB_BENCH_GENERATOR_H

#include <bpf/libbpf.h>

#include "bench.h"

struct generator {
	struct bpf_object *object;
	int generate; /* programs */
	int flood;
	int generate_out;
	int config; /* the map bench_config */
	struct bench_flow *flows; /* BENCH_FLOWS of them, mapped */
	__u64 *tags; /* BENCH_TAGS of them, mapped */
	__u32 ifindex; /* packets come in by it */
	__u32 targets;
};

/* What the last packet of a run became. */
struct outcome {
	__u32 verdict;
	__u32 size; /* bytes */
	__u8 frame[256];
};

/* Each of these ends the program with an error line when something fails. */
void generator_open(struct generator *generator, const char *object, __u32 ifindex);
void generator_close(struct generator *generator);

/*
 * Puts the program with this id behind the generator, or the one of the way out; returns what
 * struct bench.target shall be.
 */
__u32 generator_target(struct generator *generator, __u32 program);
__u32 generator_target_out(struct generator *generator, __u32 program);

/* Says what every CPU shall generate; or each its own, of all possible CPUs. */
void generator_set(const struct generator *generator, const struct bench *bench);
void generator_set_each(const struct generator *generator, const struct bench *each);

/*
 * Generates so many packets on this CPU, by `program`, one of the generator's;
 * nanoseconds a packet, the generator's included.
 */
__u32 generator_run(const struct generator *generator, int program, int packets,
		    struct outcome *outcome);

/* Keeps the calling thread on this CPU. */
void cpu_stay(int cpu);

#endif
