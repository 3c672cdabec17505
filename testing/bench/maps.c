// SPDX-License-Identifier: GPL-2.0-only
#include "maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* A map of a program, by its name. */
static int map_find(int program, const char *name, __u32 *entries)
{
	__u32 ids[64], length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (unsigned long)ids };
	struct bpf_map_info map;

	if (bpf_obj_get_info_by_fd(program, &info, &length))
		die("program: %s", strerror(errno));
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		memset(&map, 0, sizeof(map));
		length = sizeof(map);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &map, &length))
			die("map %u: %s", ids[i], strerror(errno));
		*entries = map.max_entries;
		if (!strcmp(map.name, name))
			return fd;
		close(fd);
	}
	die("the program has no map %s", name);
}

/* The values of an array, mapped; a value takes a multiple of eight bytes. */
static void *map_memory(int program, const char *name, size_t value, __u32 *entries)
{
	int fd = map_find(program, name, entries);
	void *memory = mmap(NULL, *entries * ((value + 7) / 8 * 8), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		die("map %s: %s", name, strerror(errno));
	close(fd);
	return memory;
}

void maps_open(struct maps *maps, __u32 program)
{
	int fd = bpf_prog_get_fd_by_id(program);
	__u32 entries;

	if (fd < 0)
		die("program %u: %s", program, strerror(errno));
	maps->counters = map_find(fd, "xdplb_cpu", &entries);
	maps->backend_counters = map_find(fd, "xdplb_back_cpu", &entries);
	maps->free_blocks = map_find(fd, "xdplb_free", &entries);
	maps->config = map_memory(fd, "xdplb_config", sizeof(*maps->config), &entries);
	maps->directory = map_memory(fd, "xdplb_dir", sizeof(*maps->directory), &entries);
	maps->services = map_memory(fd, "xdplb_services", sizeof(*maps->services), &entries);
	maps->backends = map_memory(fd, "xdplb_backends", sizeof(*maps->backends), &entries);
	maps->sets = map_memory(fd, "xdplb_sets", sizeof(*maps->sets), &entries);
	maps->flows = map_memory(fd, "xdplb_flows", sizeof(*maps->flows), &entries);
	maps->pools = map_memory(fd, "xdplb_pools", sizeof(*maps->pools), &entries);
	maps->blocks = map_memory(fd, "xdplb_blocks", sizeof(*maps->blocks), &maps->blocks_count);
	maps->nat = map_memory(fd, "xdplb_nat", sizeof(*maps->nat), &entries);
	maps->active = map_memory(fd, "xdplb_active", sizeof(*maps->active), &entries);
	maps->tables = map_memory(fd, "xdplb_tables", sizeof(*maps->tables), &entries);
	close(fd);
}

/* Reads a per-CPU value of `size` bytes; the array is malloc()ed. */
static void *per_cpu_read(int map, __u32 key, size_t size)
{
	void *values = calloc(libbpf_num_possible_cpus(), size);

	if (!values || bpf_map_lookup_elem(map, &key, values))
		die("per-CPU map, key %u: %s", key, strerror(errno));
	return values;
}

void maps_counts(const struct maps *maps, struct xdplb_cpu *sum)
{
	struct xdplb_cpu *cpu = per_cpu_read(maps->counters, 0, sizeof(*cpu));

	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		for (int j = 0; j < 8; j++)
			sum->verdict[j] += cpu[i].verdict[j];
		for (int j = 0; j < XDPLB_REASONS; j++)
			sum->reason[j] += cpu[i].reason[j];
	}
	free(cpu);
}

static void backend_counts_add(const struct maps *maps, __u32 id, struct xdplb_backend_cpu *sum)
{
	struct xdplb_backend_cpu *cpu = per_cpu_read(maps->backend_counters, id, sizeof(*cpu));

	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum->packets += cpu[i].packets;
		sum->bytes += cpu[i].bytes;
		sum->reply_packets += cpu[i].reply_packets;
		sum->reply_bytes += cpu[i].reply_bytes;
		sum->new_flows += cpu[i].new_flows;
	}
	free(cpu);
}

void maps_backend_counts(const struct maps *maps, __u32 id, struct xdplb_backend_cpu *sum)
{
	memset(sum, 0, sizeof(*sum));
	backend_counts_add(maps, id, sum);
}

void maps_backends_counts(const struct maps *maps, struct xdplb_backend_cpu *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (maps->backends[id].flags)
			backend_counts_add(maps, id, sum);
}

__u64 maps_selections(const struct maps *maps)
{
	__u64 sum = 0;

	/* It counts twice in each. */
	for (__u32 id = 1; id < XDPLB_TABLES; id++)
		for (int i = 0; i < 2; i++)
			sum += maps->tables[id].selection[i].seq;
	return sum / 2;
}

__u64 maps_new_flows(const struct maps *maps)
{
	struct xdplb_backend_cpu sum;

	maps_backends_counts(maps, &sum);
	return sum.new_flows;
}

__u64 maps_entries(const struct maps *maps)
{
	__u64 sum = 0;

	for (__u32 id = 0; id < XDPLB_BACKENDS; id++)
		sum += XDPLB_ENTRIES(__atomic_load_n(&maps->active[id].flows, __ATOMIC_RELAXED));
	return sum;
}

__u32 maps_service(const struct maps *maps, int family, __u16 port)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_service *service = &maps->services[id];

		if (service->proto && service->port == htons(port) &&
		    xdplb_is_ipv6(service->addr) == (family == 6))
			return id;
	}
	return 0;
}
