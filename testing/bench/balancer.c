// SPDX-License-Identifier: GPL-2.0-only
#include "balancer.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../xdp/xdplb.h"

void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A map of a program, by its name. */
static int map_find(int program, const char *name)
{
	__u32 ids[64], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (unsigned long)ids };
	struct bpf_map_info map;

	if (bpf_obj_get_info_by_fd(program, &info, &length))
		die("program");
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		memset(&map, 0, sizeof(map));
		length = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &length))
			die("map");
		if (!strcmp(map.name, name))
			return fd;
	}
	fprintf(stderr, "the program has no map %s\n", name);
	exit(1);
}

/*
 * The interface is a veth, which xdplb-config has had marked for a redirect;
 * what is measured is XDP_TX, as on a network card.
 */
static void redirects_clear(int program)
{
	int map = map_find(program, "xdplb_config");
	static struct xdplb_config config;
	__u32 only = 0;

	if (bpf_map_lookup_elem(map, &only, &config))
		die("xdplb_config");
	memset(config.interface, 0, sizeof(config.interface));
	if (bpf_map_update_elem(map, &only, &config, 0))
		die("xdplb_config");
}

static int program_fd(const struct balancer *balancer, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(balancer->object, name));
}

static void target_set(const struct balancer *balancer, __u32 target, int program)
{
	int map = bpf_object__find_map_fd_by_name(balancer->object, "bench_targets");

	if (program < 0 || bpf_map_update_elem(map, &target, &program, 0))
		die("bench_targets");
}

void balancer_open(struct balancer *balancer, const char *object, __u32 plain, __u32 encap,
		   __u32 ifindex)
{
	int program = bpf_prog_get_fd_by_id(plain);

	balancer->object = bpf_object__open_file(object, NULL);
	if (!balancer->object || bpf_object__load(balancer->object))
		die(object);
	balancer->generator = program_fd(balancer, "generate");
	balancer->config = bpf_object__find_map_fd_by_name(balancer->object, "bench_config");
	balancer->ifindex = ifindex;
	target_set(balancer, BENCH_BARE, program_fd(balancer, "bare"));
	target_set(balancer, BENCH_PLAIN, program);
	target_set(balancer, BENCH_ENCAP, bpf_prog_get_fd_by_id(encap));
	balancer->counters = map_find(program, "xdplb_cpu");
	redirects_clear(program);
}

/* The verdicts and reasons of all CPUs together. */
static void counters_read(const struct balancer *balancer, struct xdplb_cpu *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct xdplb_cpu *each = calloc(cpus, sizeof(*each));
	__u32 only = 0;

	if (!each || bpf_map_lookup_elem(balancer->counters, &only, each))
		die("xdplb_cpu");
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (int i = 0; i < 8; i++)
			sum->verdict[i] += each[cpu].verdict[i];
		for (int i = 0; i < XDPLB_REASONS; i++)
			sum->reason[i] += each[cpu].reason[i];
	}
	free(each);
}

/*
 * All packets had the verdict, and none was dropped, passed or answered for a
 * reason. A few may be passed besides: the neighbours' own.
 */
static void counters_check(const char *name, const struct xdplb_cpu *before,
			   const struct xdplb_cpu *after, int packets, __u32 verdict)
{
	for (int i = 0; i < XDPLB_REASONS; i++) {
		if (after->reason[i] == before->reason[i])
			continue;
		fprintf(stderr, "%s: %llu packets of %d counted for reason %d\n", name,
			after->reason[i] - before->reason[i], packets, i);
		exit(1);
	}
	for (__u32 i = 0; i < 8; i++) {
		__u64 more = after->verdict[i] - before->verdict[i];
		__u64 right = i == verdict ? packets : 0;

		if (more == right || (i == XDP_PASS && more > right && more < right + 100))
			continue;
		fprintf(stderr, "%s: %llu packets of %d with verdict %u, expected %llu\n", name,
			more, packets, i, right);
		exit(1);
	}
}

static void result_check(const char *name, const struct bpf_test_run_opts *opts,
			 const struct expected *expected)
{
	if (opts->retval == expected->verdict &&
	    opts->data_size_out == BENCH_FRAME + expected->growth)
		return;
	fprintf(stderr, "%s: verdict %u and %u bytes, not %u and %u\n", name, opts->retval,
		opts->data_size_out, expected->verdict, BENCH_FRAME + expected->growth);
	exit(1);
}

__u32 balancer_run(const struct balancer *balancer, const char *name, const struct bench *bench,
		   int packets, const struct expected *expected)
{
	__u8 data[BENCH_FRAME] = {}, out[256];
	struct xdp_md context = { .data_end = sizeof(data), .ingress_ifindex = balancer->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = packets);
	struct xdplb_cpu before, after;
	__u32 only = 0;

	if (bpf_map_update_elem(balancer->config, &only, bench, 0))
		die("bench_config");
	counters_read(balancer, &before);
	if (bpf_prog_test_run_opts(balancer->generator, &opts))
		die("BPF_PROG_TEST_RUN");
	counters_read(balancer, &after);
	if (bench->target != BENCH_BARE)
		counters_check(name, &before, &after, packets, expected->verdict);
	result_check(name, &opts, expected);
	return opts.duration;
}
