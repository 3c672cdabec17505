// SPDX-License-Identifier: GPL-2.0-only
#include "generator.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

static int program_fd(const struct generator *generator, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(generator->object, name));
}

static int map_fd(const struct generator *generator, const char *name)
{
	return bpf_object__find_map_fd_by_name(generator->object, name);
}

static void target_set(const struct generator *generator, const char *map, __u32 target,
		       int program)
{
	if (bpf_map_update_elem(map_fd(generator, map), &target, &program, 0))
		die("%s: %s", map, strerror(errno));
}

void generator_open(struct generator *generator, const char *object, __u32 ifindex)
{
	generator->object = bpf_object__open_file(object, NULL);
	if (!generator->object || bpf_object__load(generator->object))
		die("%s: %s", object, strerror(errno));
	generator->generate = program_fd(generator, "generate");
	generator->flood = program_fd(generator, "flood");
	generator->generate_out = program_fd(generator, "generate_out");
	generator->config = map_fd(generator, "bench_config");
	generator->ifindex = ifindex;
	generator->flows =
		mmap(NULL, BENCH_FLOWS * sizeof(*generator->flows), PROT_READ | PROT_WRITE,
		     MAP_SHARED, map_fd(generator, "bench_flows"), 0);
	generator->tags = mmap(NULL, BENCH_TAGS * sizeof(*generator->tags), PROT_READ | PROT_WRITE,
			       MAP_SHARED, map_fd(generator, "bench_tags"), 0);
	if (generator->flows == MAP_FAILED || generator->tags == MAP_FAILED)
		die("bench_flows, bench_tags: %s", strerror(errno));
	target_set(generator, "bench_targets", BENCH_BARE, program_fd(generator, "bare"));
	target_set(generator, "bench_outs", BENCH_BARE, program_fd(generator, "bare_out"));
	generator->targets = BENCH_FIRST;
}

void generator_close(struct generator *generator)
{
	munmap(generator->tags, BENCH_TAGS * sizeof(*generator->tags));
	munmap(generator->flows, BENCH_FLOWS * sizeof(*generator->flows));
	bpf_object__close(generator->object);
}

static __u32 target_add(struct generator *generator, const char *map, __u32 program)
{
	int fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0)
		die("program %u: %s", program, strerror(errno));
	if (generator->targets >= BENCH_TARGETS)
		die("more than %d programs", BENCH_TARGETS);
	target_set(generator, map, generator->targets, fd);
	close(fd);
	return generator->targets++;
}

__u32 generator_target(struct generator *generator, __u32 program)
{
	return target_add(generator, "bench_targets", program);
}

__u32 generator_target_out(struct generator *generator, __u32 program)
{
	return target_add(generator, "bench_outs", program);
}

void generator_set_each(const struct generator *generator, const struct bench *each)
{
	__u32 only = 0;

	if (bpf_map_update_elem(generator->config, &only, each, 0))
		die("bench_config: %s", strerror(errno));
}

void generator_set(const struct generator *generator, const struct bench *bench)
{
	int cpus = libbpf_num_possible_cpus();
	struct bench *each = calloc(cpus, sizeof(*each));

	if (!each)
		die("no memory");
	for (int cpu = 0; cpu < cpus; cpu++)
		each[cpu] = *bench;
	generator_set_each(generator, each);
	free(each);
}

__u32 generator_run(const struct generator *generator, int program, int packets,
		    struct outcome *outcome)
{
	__u8 data[BENCH_FRAME] = {};
	struct xdp_md context = { .data_end = sizeof(data), .ingress_ifindex = generator->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		    .data_out = outcome->frame, .data_size_out = sizeof(outcome->frame),
		    .repeat = packets);

	if (program != generator->generate_out) {
		opts.ctx_in = &context;
		opts.ctx_size_in = sizeof(context);
	}
	if (bpf_prog_test_run_opts(program, &opts))
		die("BPF_PROG_TEST_RUN: %s", strerror(errno));
	outcome->verdict = opts.retval;
	outcome->size = opts.data_size_out;
	return opts.duration;
}

void cpu_stay(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %d: %s", cpu, strerror(errno));
}
