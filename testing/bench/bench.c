// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a
 * packet through the attached xdplb, less the generator and a bare XDP_TX that
 * is measured in turn with it. The balancer has two backends, all of whose port
 * groups the flows fill, so that every port in the range below is somebody's.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../xdp/xdplb.h"
#include "bench.h"

#define ROUNDS 9
#define REPEAT 400000
#define FLOWS (2 * 64 * 70)
#define TCP_SYN 0x02
#define TCP_ACK 0x10

struct setup {
	struct bpf_object *object;
	int generator;
	int config;
	__u32 ifindex;
	struct bench service; /* packets from clients to the service */
	struct bench other; /* the same to a port that is no service's */
	struct bench reply; /* packets from a backend to the balancer */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void packet(struct bench *bench, const char *from, const char *to, int sport, int dport)
{
	__u8 *ip = bench->header + 14, *tcp = ip + 20;

	memset(bench, 0, sizeof(*bench));
	bench->header[12] = 0x08;
	ip[0] = 0x45;
	ip[3] = 46; /* of a 60-byte frame */
	ip[8] = 64;
	ip[9] = 6;
	inet_pton(AF_INET, from, ip + 12);
	inet_pton(AF_INET, to, ip + 16);
	tcp[0] = sport >> 8;
	tcp[1] = sport;
	tcp[2] = dport >> 8;
	tcp[3] = dport;
	tcp[12] = 0x50;
	tcp[13] = TCP_ACK;
	bench->flows = bench->ports = 1;
	bench->first_port = 20000;
}

/* Nanoseconds a packet with the generator, for packets as `bench` says. */
static __u32 run(const struct setup *setup, const struct bench *bench, enum bench_target target,
		 __u32 flows, int repeat, __u32 expected)
{
	__u8 data[60] = {}, out[256];
	struct xdp_md context = { .data_end = sizeof(data), .ingress_ifindex = setup->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = repeat);
	struct bench now = *bench;
	__u32 only = 0;

	now.target = target;
	now.flows = flows;
	if (bpf_map_update_elem(setup->config, &only, &now, 0))
		die("bench_config");
	if (bpf_prog_test_run_opts(setup->generator, &opts))
		die("BPF_PROG_TEST_RUN");
	if (opts.retval != expected) {
		fprintf(stderr, "verdict %u, not %u\n", opts.retval, expected);
		exit(1);
	}
	return opts.duration;
}

static int compare(const void *a, const void *b)
{
	return *(const __s32 *)a - *(const __s32 *)b;
}

/* The median of what xdplb costs over the baseline; *base is the baseline's. */
static __s32 measure(const struct setup *setup, const struct bench *bench, __u32 flows,
		     __u32 verdict, __s32 *base)
{
	__s32 net[ROUNDS], bare[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = run(setup, bench, BENCH_BARE, flows, REPEAT, XDP_TX);
		net[i] = run(setup, bench, BENCH_XDPLB, flows, REPEAT, verdict) - bare[i];
	}
	qsort(net, ROUNDS, sizeof(*net), compare);
	qsort(bare, ROUNDS, sizeof(*bare), compare);
	*base = bare[ROUNDS / 2];
	return net[ROUNDS / 2];
}

static void row(const struct setup *setup, const char *name, const struct bench *bench, __u32 flows,
		__u32 verdict)
{
	__s32 base, net = measure(setup, bench, flows, verdict, &base);

	printf("%-26s %6u flows  %5d ns over a bare XDP_TX  (%.1f times its %d ns, generator "
	       "included)\n",
	       name, flows, net, (double)(net + base) / base, base);
}

/* Opens all flows: a SYN each, then what makes them established. */
static void open_flows(const struct setup *setup)
{
	struct bench bench = setup->service;

	bench.header[14 + 20 + 13] = TCP_SYN;
	run(setup, &bench, BENCH_XDPLB, FLOWS, FLOWS, XDP_TX);
	run(setup, &setup->service, BENCH_XDPLB, FLOWS, FLOWS, XDP_TX);
}

static void target_set(const struct setup *setup, __u32 target, int program)
{
	int map = bpf_object__find_map_fd_by_name(setup->object, "bench_targets");

	if (program < 0 || bpf_map_update_elem(map, &target, &program, 0))
		die("bench_targets");
}

static int program_fd(const struct setup *setup, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(setup->object, name));
}

/*
 * The interface is a veth, which xdplb-config has had marked for a redirect;
 * what is measured is XDP_TX, as on a network card.
 */
static void redirects_clear(int program)
{
	__u32 ids[64], length = sizeof(struct bpf_prog_info), only = 0;
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (unsigned long)ids };
	static struct xdplb_config config;
	struct bpf_map_info map;

	if (bpf_obj_get_info_by_fd(program, &info, &length))
		die("program");
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		memset(&map, 0, sizeof(map));
		length = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &length))
			die("map");
		if (strcmp(map.name, "xdplb_config"))
			continue;
		if (bpf_map_lookup_elem(fd, &only, &config))
			die(map.name);
		memset(config.interface, 0, sizeof(config.interface));
		if (bpf_map_update_elem(fd, &only, &config, 0))
			die(map.name);
	}
}

static void setup_new(struct setup *setup, char **argv)
{
	int port = atoi(argv[5]), program = bpf_prog_get_fd_by_id(atoi(argv[2]));

	setup->object = bpf_object__open_file(argv[1], NULL);
	if (!setup->object || bpf_object__load(setup->object))
		die(argv[1]);
	setup->generator = program_fd(setup, "generate");
	setup->config = bpf_object__find_map_fd_by_name(setup->object, "bench_config");
	setup->ifindex = atoi(argv[3]);
	target_set(setup, BENCH_BARE, program_fd(setup, "bare"));
	target_set(setup, BENCH_XDPLB, program);
	redirects_clear(program);
	packet(&setup->service, argv[6], argv[4], 20000, port);
	packet(&setup->other, argv[6], argv[4], 20000, port + 1);
	packet(&setup->reply, argv[7], argv[4], port, 1024);
	setup->service.ports = setup->other.ports = 4096;
	setup->reply.first_port = 1024;
	setup->reply.ports = FLOWS / 2;
	setup->reply.vary = BENCH_REPLY;
}

int main(int argc, char **argv)
{
	struct setup setup;

	if (argc != 8) {
		fprintf(stderr,
			"usage: bench OBJECT PROGRAM-ID IFINDEX SERVICE PORT CLIENT BACKEND\n");
		return 2;
	}
	setup_new(&setup, argv);
	open_flows(&setup);
	row(&setup, "not for a service: pass", &setup.other, 1, XDP_PASS);
	row(&setup, "not for a service: pass", &setup.other, FLOWS, XDP_PASS);
	row(&setup, "nat, to the backend", &setup.service, 1, XDP_TX);
	row(&setup, "nat, to the backend", &setup.service, FLOWS, XDP_TX);
	row(&setup, "nat, reply to the client", &setup.reply, 1, XDP_TX);
	row(&setup, "nat, reply to the client", &setup.reply, FLOWS / 2, XDP_TX);
	bpf_object__close(setup.object);
	return 0;
}
