// SPDX-License-Identifier: GPL-2.0-only
/*
 * carry OBJECT PROGRAM-ID IFINDEX FLOWS: a balancer's flow table changes its size, stage
 * by stage, to one of FLOWS; see xdp/resize.h. Flows of each service that the balancer
 * has are there before, others begin in each stage, and while they are carried over
 * one CPU keeps sending their packets. Each goes where its flow has always been, none
 * is dropped, and in the end every count is what a look at the new table finds.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../xdp/carry_order.h"
#include "../../xdp/hash.h"
#include "audit.h"
#include "pressure.h"
#include "probe.h"

#define PORT 8000 /* of the first service, others follow */
#define SERVICES 3 /* wrr and dsr, nat, dnat: see carry.sh */
#define BEFORE 200 /* flows of each that are there at first */
#define MORE 20 /* that begin in each stage */
#define FLOWS_MOST (SERVICES * (BEFORE + 4 * MORE))

struct one {
	__u32 service; /* id */
	__u32 client;
	__u32 backend;
	__u32 method;
};

static struct probe old, both; /* the program with one table, and the one with two */
static struct bpf_object *objects[2];
static int carry, resize;
static __u32 old_buckets, new_buckets;
static struct one flows[FLOWS_MOST];
static int count;
static atomic_bool over;
static atomic_int rounds;
static int wrong;

static void bad(const char *what, int flow)
{
	if (!wrong++)
		printf("# flow %d: %s\n", flow, what);
}

static void judge(const char *name)
{
	printf("%s carry: %s\n", wrong ? "not ok" : "ok", name);
	if (wrong)
		exit(1);
}

/* ---- the programs with two tables ---------------------------------------------------------- */

static int map_of(const char *name)
{
	__u32 ids[64], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (unsigned long)ids };

	if (bpf_obj_get_info_by_fd(old.program, &info, &length))
		die("program: %s", strerror(errno));
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = {};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		length = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &length))
			die("map %u: %s", ids[i], strerror(errno));
		if (!strcmp(map.name, name))
			return fd;
		close(fd);
	}
	return -1;
}

/* Those that the balancer has, but for the tables; the second object has the first one's. */
static void maps_share(struct bpf_object *object)
{
	const __u32 masks[2] = { new_buckets - 1, old_buckets - 1 };
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		int fd = -1;

		bpf_map__set_pin_path(map, NULL);
		if (!strcmp(name, ".rodata.resize")) {
			if (bpf_map__set_initial_value(map, masks, sizeof(masks)))
				die("%s", name);
			continue;
		}
		if (!strcmp(name, "xdplb_old"))
			fd = map_of("xdplb_flows");
		else if (strcmp(name, "xdplb_flows") && strcmp(name, "xdplb_resize"))
			fd = map_of(name);
		else if (objects[0])
			fd = bpf_map__fd(bpf_object__find_map_by_name(objects[0], name));
		else if (!strcmp(name, "xdplb_flows"))
			bpf_map__set_max_entries(map, new_buckets);
		if (fd >= 0 && bpf_map__reuse_fd(map, fd))
			die("map %s: %s", name, strerror(errno));
	}
}

static int program_load(const char *path, int which, const char *name)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object)
		die("%s: %s", path, strerror(errno));
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	maps_share(object);
	if (bpf_object__load(object))
		die("%s with two tables: %s", name, strerror(errno));
	objects[which] = object;
	return bpf_program__fd(bpf_object__find_program_by_name(object, name));
}

static void programs_load(const char *path)
{
	both = old;
	both.program = program_load(path, 0, "xdplb");
	carry = program_load(path, 1, "xdplb_carry");
	resize = bpf_map__fd(bpf_object__find_map_by_name(objects[0], "xdplb_resize"));
	both.maps.flows =
		mmap(NULL, (size_t)new_buckets * sizeof(*both.maps.flows), PROT_READ | PROT_WRITE,
		     MAP_SHARED,
		     bpf_map__fd(bpf_object__find_map_by_name(objects[0], "xdplb_flows")), 0);
	if (both.maps.flows == MAP_FAILED)
		die("the new table: %s", strerror(errno));
}

static void stage_set(__u32 stage)
{
	struct xdplb_resize how = { .stage = stage };
	__u32 only = 0;

	if (bpf_map_update_elem(resize, &only, &how, 0))
		die("stage: %s", strerror(errno));
}

/* ---- flows --------------------------------------------------------------------------------- */

/* Whether the flow is in that table. */
static bool is_in(const struct maps *maps, __u32 buckets, const struct one *flow, __u64 *value)
{
	struct endpoint client = client_endpoint(4, flow->client);
	__u64 key = flow_key(maps, flow->service, &client);
	__u32 at[2];

	xdplb_flow_buckets(xdplb_hash(maps->config->seed, key), buckets - 1, at);
	for (int i = 0; i < 2 * XDPLB_WAYS; i++) {
		const struct xdplb_flow *entry =
			&maps->flows[at[i / XDPLB_WAYS]].way[i % XDPLB_WAYS];

		if (entry->key == key && XDPLB_FIELD(entry->value, STATE) > XDPLB_FLOW_BUSY) {
			*value = entry->value;
			return true;
		}
	}
	return false;
}

static void packet(const struct probe *probe, int flow, __u8 flags)
{
	const struct one *one = &flows[flow];
	struct endpoint from = client_endpoint(4, one->client);
	struct endpoint to = service_endpoint(&probe->maps, one->service);
	struct seen seen;

	probe_send(probe, &from, &to, IPPROTO_TCP, flags, &seen);
	if (one->backend && !went_to(&probe->maps, &seen, one->backend, one->method))
		bad("its packet did not go to its backend", flow);
}

/* More flows of each service begin; they must lie in this table. */
static void begin(const struct probe *probe, int more, bool in_new)
{
	for (int n = 0; n < more * SERVICES; n++, count++) {
		struct one *one = &flows[count];
		__u64 value;

		one->service = maps_service(&probe->maps, 4, PORT + n % SERVICES);
		one->client = count;
		packet(probe, count, FLAG_SYN);
		if (is_in(&old.maps, old_buckets, one, &value) == in_new ||
		    is_in(&both.maps, new_buckets, one, &value) != in_new) {
			bad("it began in the wrong table", count);
			continue;
		}
		one->backend = XDPLB_FIELD(value, BACKEND);
		one->method = flow_method(value);
		packet(probe, count, FLAG_ACK);
	}
}

static void all_packets(const struct probe *probe)
{
	for (int i = 0; i < count; i++)
		packet(probe, i, FLAG_ACK | FLAG_PSH);
}

static void *keep_sending(void *context)
{
	(void)context;
	while (!over) {
		all_packets(&both);
		rounds++;
	}
	return NULL;
}

static int carry_pass(bool end)
{
	struct carry_order order = { .buckets = old_buckets, .end = end };
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));

	memcpy(frame, &order, sizeof(order));
	if (bpf_prog_test_run_opts(carry, &run))
		die("carry: %s", strerror(errno));
	return run.retval;
}

/* How many flows lie in the new table, and that none does in the old one. */
static int in_new(void)
{
	int found = 0;
	__u64 value;

	for (int i = 0; i < count; i++) {
		found += is_in(&both.maps, new_buckets, &flows[i], &value);
		if (is_in(&old.maps, old_buckets, &flows[i], &value))
			bad("it is still in the old table", i);
	}
	return found;
}

static __u64 drops(void)
{
	struct xdplb_cpu sum;
	__u64 all = 0;

	maps_counts(&old.maps, &sum);
	for (int i = 0; i < XDPLB_PASSES; i++)
		all += sum.reason[i];
	return all;
}

/* ---- the stages ------------------------------------------------------------------------------ */

static void stages(void)
{
	begin(&old, BEFORE, false);
	judge("flows of a program with one table");
	begin(&both, MORE, false);
	all_packets(&both);
	all_packets(&old);
	judge("a program with two uses the old one, as the other does");
	stage_set(XDPLB_RESIZE_BOTH);
	begin(&both, MORE, false);
	all_packets(&both);
	judge("it looks in both, and remembers in the old one");
	stage_set(XDPLB_RESIZE_NEW);
	begin(&both, MORE, true);
	all_packets(&both);
	judge("it remembers in the new one, and knows who is in the old one");
}

/* A pass now and then, while another CPU sends: all are carried at the first, and none comes back.
 */
static void carried(void)
{
	pthread_t sender;
	int left;

	if (pthread_create(&sender, NULL, keep_sending, NULL))
		die("a thread: %s", strerror(errno));
	while (rounds < 2)
		;
	left = carry_pass(false);
	for (int i = 0; left && i < 16; i++)
		left = carry_pass(false);
	while (rounds < 6)
		carry_pass(false);
	over = true;
	pthread_join(sender, NULL);
	if (left)
		bad("flows are left in the old table", left);
	if (in_new() != count)
		bad("not all flows are in the new table", in_new());
}

int main(int argc, char **argv)
{
	__u32 ends;

	if (argc != 5)
		die("usage: carry OBJECT PROGRAM-ID IFINDEX FLOWS");
	libbpf_set_print(NULL);
	probe_open(&old, atoi(argv[2]), atoi(argv[3]));
	old_buckets = old.maps.config->flow_mask + 1;
	new_buckets = atoi(argv[4]) / XDPLB_WAYS;
	ends = new_buckets * XDPLB_WAYS < FLOWS_MOST;
	programs_load(argv[1]);
	if (!ends) {
		stages();
		carried();
		if (drops())
			bad("packets were dropped", drops());
		judge("all are carried while their packets pass, and none is dropped");
	} else {
		begin(&old, BEFORE, false);
		stage_set(XDPLB_RESIZE_NEW);
		while (carry_pass(true))
			;
		if (carry_pass(false) || in_new() > (int)new_buckets * XDPLB_WAYS)
			bad("some are left", 0);
		if (in_new() < (int)new_buckets * XDPLB_WAYS / 2)
			bad("too few are carried to a table that is too small", in_new());
		judge("those that find no room end");
	}
	both.maps.config->flow_mask = new_buckets - 1;
	return !audit_report(&both.maps, ends ? "carry: counts, in a table that is too small" :
						"carry: counts, in the new table");
}
