// SPDX-License-Identifier: GPL-2.0-only
#include "copies.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach.h"
#include "error.h"
#include "flow_copies.h"
#include "flows.h"
#include "tables.h"

#define WATCHED_SECONDS 1000

/* ---- how large -------------------------------------------------------------------------- */

/* Lines up to the end of the last set in force. */
static __u32 lines_used(const struct balancer *live)
{
	__u32 used = 1;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		__u32 line = live->services[id].proto ? service_set(live, id) : 0, end;

		if (!line || line >= XDPLB_SET_LINES)
			continue;
		end = line + live->sets[line].head.lines;
		if (end > used)
			used = end;
	}
	return used < XDPLB_SET_LINES ? used : XDPLB_SET_LINES;
}

static __u32 pools_used(const struct balancer *live)
{
	__u32 used = 1;

	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		if (live->pools[id].proto)
			used = id + 1;
	return used;
}

/* The block that the next group of ports will get, 0: none is left. */
static __u32 block_next(const struct balancer *live)
{
	__u32 id;

	return bpf_map_lookup_elem(live->fd[MAP_FREE], NULL, &id) ? 0 : id;
}

static __u32 blocks_used(const struct balancer *live)
{
	__u32 last = block_next(live);

	for (__u32 id = 1; id < XDPLB_POOLS; id++) {
		const struct xdplb_pool *pool = &live->pools[id];

		for (int group = 0; pool->proto && group < XDPLB_GROUPS; group++)
			if (pool->block[group] > last)
				last = pool->block[group];
	}
	return last + 1;
}

/* So many entries are enough for what is in use. */
static __u32 entries_of(const struct balancer *live, enum balancer_map map)
{
	switch (map) {
	case MAP_SETS:
		return lines_used(live);
	case MAP_POOLS:
		return pools_used(live);
	case MAP_NAT:
		return 64 * blocks_used(live);
	case MAP_FREE:
		return 1;
	case MAP_FLOWS:
		return FLOW_COPIES_MAX;
	default:
		return live->entries[map];
	}
}

/* Which kind of map it is here; each takes the same calls of the program. */
static int map_shape(struct bpf_map *map, const struct balancer *live, enum balancer_map which)
{
	int err = bpf_map__set_max_entries(map, entries_of(live, which));

	switch (which) {
	case MAP_FREE:
	case MAP_EVENTS:
	case MAP_CPU:
		return err;
	case MAP_FLOWS:
	case MAP_BACKEND_CPU:
		if (!err)
			err = bpf_map__set_type(map, which == MAP_FLOWS ? BPF_MAP_TYPE_HASH :
									  BPF_MAP_TYPE_PERCPU_HASH);
		return err ? err : bpf_map__set_map_flags(map, BPF_F_NO_PREALLOC);
	default:
		return err ? err : bpf_map__set_map_flags(map, BPF_F_MMAPABLE);
	}
}

/* ---- loading ---------------------------------------------------------------------------- */

static int maps_shape(struct copies *copies)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(copies->object, balancer_map_names[i]);
		int err = map ? map_shape(map, copies->live, i) : -ENOENT;

		if (err)
			return fail(err, "map %s: %s", balancer_map_names[i], strerror(-err));
	}
	return 0;
}

/* Takes the maps' descriptors, and maps the tables into memory. */
static int maps_take(struct copies *copies)
{
	struct balancer *copy = &copies->copy;

	for (int i = 0; i < MAPS; i++) {
		const struct bpf_map *map =
			bpf_object__find_map_by_name(copies->object, balancer_map_names[i]);
		size_t length = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);

		copy->fd[i] = bpf_map__fd(map);
		copy->entries[i] = bpf_map__max_entries(map);
		if (!(bpf_map__map_flags(map) & BPF_F_MMAPABLE))
			continue;
		copy->memory[i] =
			mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, copy->fd[i], 0);
		if (copy->memory[i] == MAP_FAILED) {
			copy->memory[i] = NULL;
			return fail(errno, "cannot map a copy of %s: %s", balancer_map_names[i],
				    strerror(errno));
		}
		copy->length[i] = length;
	}
	copy->cpus = copies->live->cpus;
	balancer_point(copy);
	return 0;
}

/* The kernel's digest of a program's instructions, whatever its type and its maps. */
static int program_tag(int fd, __u8 tag[BPF_TAG_SIZE])
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	memcpy(tag, info.tag, BPF_TAG_SIZE);
	return 0;
}

static int same_program(const struct copies *copies)
{
	int fd = bpf_prog_get_fd_by_id(copies->at->id);
	__u8 attached[BPF_TAG_SIZE], ours[BPF_TAG_SIZE];
	int err = program_tag(fd, attached);

	if (fd >= 0)
		close(fd);
	if (!err)
		err = program_tag(copies->program, ours);
	if (err)
		return fail(err, "%s: cannot ask about its program: %s", copies->at->interface,
			    strerror(-err));
	if (!memcmp(attached, ours, BPF_TAG_SIZE))
		return 0;
	return fail(EPROTO,
		    "%s: the program there is not the one that came with this xdplb-config, so its "
		    "ways may be others: use the xdplb-config that came with it, or xdplb-config "
		    "load %s",
		    copies->at->interface, copies->at->interface);
}

int copies_open(struct copies *copies, const struct balancer *live, const struct chain_program *at)
{
	const struct bpf_program *program;
	int err;

	memset(copies, 0, sizeof(*copies));
	copies->live = live;
	copies->at = at;
	if (has_two_tables(live))
		return fail(EBUSY,
			    "the flow table is changing its size, and that was interrupted; finish "
			    "it with: xdplb-config load %s",
			    at->interface);
	err = object_open(NULL, NULL, at->program, 0, &copies->object);
	if (!err)
		err = maps_shape(copies);
	if (err)
		return err;
	err = bpf_object__load(copies->object);
	if (err)
		return fail(err, "cannot load %s once more, to run it aside: %s", at->program,
			    strerror(-err));
	program = bpf_object__find_program_by_name(copies->object, at->program);
	copies->program = bpf_program__fd(program);
	err = same_program(copies);
	return err ? err : maps_take(copies);
}

void copies_close(struct copies *copies)
{
	for (int i = 0; i < MAPS; i++)
		if (copies->copy.memory[i])
			munmap(copies->copy.memory[i], copies->copy.length[i]);
	bpf_object__close(copies->object);
	memset(copies, 0, sizeof(*copies));
}

/* ---- copying ---------------------------------------------------------------------------- */

/* A whole table. */
static void table_copy(struct copies *copies, enum balancer_map map)
{
	size_t length = copies->copy.length[map] < copies->live->length[map] ?
				copies->copy.length[map] :
				copies->live->length[map];

	memcpy(copies->copy.memory[map], copies->live->memory[map], length);
}

static void sets_copy(struct copies *copies)
{
	const struct balancer *live = copies->live;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		__u32 line = live->services[id].proto ? service_set(live, id) : 0, lines;

		lines = line && line < XDPLB_SET_LINES ? live->sets[line].head.lines : 0;
		if (line + lines <= copies->copy.entries[MAP_SETS])
			memcpy(&copies->copy.sets[line], &live->sets[line],
			       lines * sizeof(*live->sets));
	}
}

static void pools_copy(struct copies *copies)
{
	for (__u32 id = 1; id < copies->copy.entries[MAP_POOLS]; id++)
		if (copies->live->pools[id].proto)
			copies->copy.pools[id] = copies->live->pools[id];
}

/* A selection that was being made when it was copied is made anew: nobody goes on with it here. */
static void tables_settle(struct balancer *copy)
{
	for (__u32 id = 1; id < XDPLB_TABLES; id++) {
		struct xdplb_table *table = &copy->tables[id];

		if (table->building)
			table->built = table->changes - 1;
		table->building = 0;
		for (int i = 0; i < 2; i++)
			table->selection[i].seq &= ~1U;
	}
}

static int blocks_copy(struct copies *copies)
{
	__u32 next = block_next(copies->live);

	table_copy(copies, MAP_BLOCKS);
	if (next && bpf_map_update_elem(copies->copy.fd[MAP_FREE], NULL, &next, 0))
		return fail(errno, "cannot copy xdplb_free: %s", strerror(errno));
	return 0;
}

/* What each CPU knows of itself, with all counts from 0, and a clock that is to be read. */
static int cpus_copy(struct copies *copies)
{
	const struct balancer *live = copies->live;
	struct xdplb_cpu *cpu = calloc(live->cpus, sizeof(*cpu));
	__u32 only = 0;
	int err = 0;

	if (!cpu || bpf_map_lookup_elem(live->fd[MAP_CPU], &only, cpu))
		err = fail(errno, "cannot read xdplb_cpu: %s", strerror(errno));
	for (int i = 0; !err && i < live->cpus; i++) {
		cpu[i].jiffies = 0;
		cpu[i].swept = clock_nanoseconds();
		memset(cpu[i].verdict, 0, sizeof(cpu[i].verdict));
		memset(cpu[i].reason, 0, sizeof(cpu[i].reason));
		memset(cpu[i].work, 0, sizeof(cpu[i].work));
	}
	if (!err && bpf_map_update_elem(copies->copy.fd[MAP_CPU], &only, cpu, 0))
		err = fail(errno, "cannot copy xdplb_cpu: %s", strerror(errno));
	free(cpu);
	return err;
}

/* The ways that CPUs know to a backend, with all counts from 0. */
static int hops_copy(struct copies *copies, __u32 id, struct xdplb_backend_cpu *hop)
{
	if (bpf_map_lookup_elem(copies->live->fd[MAP_BACKEND_CPU], &id, hop))
		return fail(errno, "cannot read xdplb_back_cpu: %s", strerror(errno));
	for (int i = 0; i < copies->live->cpus; i++) {
		hop[i].packets = hop[i].bytes = 0;
		hop[i].reply_packets = hop[i].reply_bytes = 0;
		hop[i].new_flows = 0;
	}
	if (bpf_map_update_elem(copies->copy.fd[MAP_BACKEND_CPU], &id, hop, 0))
		return fail(errno, "cannot copy xdplb_back_cpu: %s", strerror(errno));
	return 0;
}

static int backends_copy(struct copies *copies)
{
	struct xdplb_backend_cpu *hop = calloc(copies->live->cpus, sizeof(*hop));
	int err = hop ? 0 : fail(ENOMEM, "no memory for the ways to backends");

	table_copy(copies, MAP_BACKENDS);
	for (__u32 id = 1; !err && id < XDPLB_BACKENDS; id++)
		if (copies->copy.backends[id].flags)
			err = hops_copy(copies, id, hop);
	free(hop);
	return err;
}

/*
 * The configuration; somebody seems to watch, so that every packet goes the long
 * way, which decides as the short one does and writes down what it finds out.
 */
static void config_copy(struct copies *copies)
{
	*copies->copy.config = *copies->live->config;
	copies->copy.config->watched_until = clock_seconds() + WATCHED_SECONDS;
}

int copies_fill(struct copies *copies, const struct work *parsed)
{
	static const enum balancer_map whole[] = { MAP_DIRECTORY, MAP_SERVICES, MAP_ACTIVE,
						   MAP_TABLES, MAP_PORTS };
	int err;

	config_copy(copies);
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		table_copy(copies, whole[i]);
	tables_settle(&copies->copy);
	sets_copy(copies);
	pools_copy(copies);
	err = blocks_copy(copies);
	if (!err)
		err = cpus_copy(copies);
	if (!err)
		err = backends_copy(copies);
	return err ? err : flow_copies_fill(copies, parsed);
}

/* ---- running ---------------------------------------------------------------------------- */

/* Per-CPU copies are of this CPU from now on. */
static void stay_on_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* What the one CPU that has run the program wrote down. */
static int outcome_read(const struct copies *copies, struct outcome *outcome)
{
	struct xdplb_cpu *cpu = calloc(copies->copy.cpus, sizeof(*cpu));
	__u32 only = 0;
	int err = 0;

	if (!cpu || bpf_map_lookup_elem(copies->copy.fd[MAP_CPU], &only, cpu))
		err = fail(errno, "cannot read what the program wrote down: %s", strerror(errno));
	memset(&outcome->work, 0, sizeof(outcome->work));
	memset(outcome->reason, 0, sizeof(outcome->reason));
	for (int i = 0; !err && i < copies->copy.cpus; i++) {
		if (!cpu[i].jiffies)
			continue;
		memcpy(&outcome->work, cpu[i].work, sizeof(outcome->work));
		memcpy(outcome->reason, cpu[i].reason, sizeof(outcome->reason));
	}
	free(cpu);
	return err;
}

int copies_run(struct copies *copies, const struct frame *frame, struct outcome *outcome)
{
	struct xdp_md ctx = { .data_end = frame->size, .ingress_ifindex = copies->at->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->data, .data_size_in = frame->size,
		    .data_out = outcome->frame.data, .data_size_out = sizeof(outcome->frame.data),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	int err;

	stay_on_cpu();
	err = bpf_prog_test_run_opts(copies->program, &run);
	if (err)
		return fail(err, "the kernel does not run the program on %u bytes from %s: %s",
			    frame->size, copies->at->interface, strerror(-err));
	outcome->verdict = run.retval;
	outcome->frame.size = run.data_size_out;
	err = outcome_read(copies, outcome);
	/* What is passed on is no longer the packet, see xdp/ask.h. */
	if (outcome->work.counted == XDP_DROP)
		outcome->verdict = XDP_DROP;
	return err;
}

int copies_parse(struct copies *copies, const struct frame *frame, struct work *parsed)
{
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	struct xdplb_config *config = copies->copy.config;
	int err;

	if (!outcome)
		return fail(ENOMEM, "no memory for a packet");
	config_copy(copies);
	config->abi = XDPLB_ABI;
	config->kinds = 0;
	err = copies_run(copies, frame, outcome);
	*parsed = outcome->work;
	free(outcome);
	return err;
}

/* ---- what is found there afterwards ----------------------------------------------------- */

bool copies_hop(const struct copies *copies, __u32 backend, struct xdplb_backend_cpu *hop)
{
	struct xdplb_backend_cpu *cpu = calloc(copies->copy.cpus, sizeof(*cpu));
	int here = sched_getcpu();
	bool found = cpu && here >= 0 && here < copies->copy.cpus &&
		     !bpf_map_lookup_elem(copies->copy.fd[MAP_BACKEND_CPU], &backend, cpu);

	if (found)
		*hop = cpu[here];
	free(cpu);
	return found;
}

__u64 copies_flow(const struct copies *copies, __u64 key)
{
	struct xdplb_flow_bucket bucket;
	__u32 at[2];

	flow_copies_buckets(copies, key, at);
	for (int i = 0; i < 2; i++) {
		if (bpf_map_lookup_elem(copies->copy.fd[MAP_FLOWS], &at[i], &bucket))
			continue;
		for (int way = 0; way < XDPLB_WAYS; way++)
			if (bucket.way[way].key == key)
				return bucket.way[way].value;
	}
	return 0;
}
