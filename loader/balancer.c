// SPDX-License-Identifier: GPL-2.0-only
#include "balancer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "config.h"
#include "error.h"
#include "progress.h"

const char *const balancer_map_names[PIN_NAMES] = {
	[MAP_CONFIG] = "xdplb_config",
	[MAP_DIRECTORY] = "xdplb_dir",
	[MAP_SERVICES] = "xdplb_services",
	[MAP_BACKENDS] = "xdplb_backends",
	[MAP_SETS] = "xdplb_sets",
	[MAP_FLOWS] = "xdplb_flows",
	[MAP_POOLS] = "xdplb_pools",
	[MAP_BLOCKS] = "xdplb_blocks",
	[MAP_FREE] = "xdplb_free",
	[MAP_NAT] = "xdplb_nat",
	[MAP_FRAGMENTS] = "xdplb_frags",
	[MAP_CLIENTS] = "xdplb_clients",
	[MAP_ACTIVE] = "xdplb_active",
	[MAP_TABLES] = "xdplb_tables",
	[MAP_PORTS] = "xdplb_ports",
	[MAP_EVENTS] = "xdplb_events",
	[MAP_BACKEND_CPU] = "xdplb_back_cpu",
	[MAP_CPU] = "xdplb_cpu",
	[MAP_OLD] = "xdplb_old",
	[MAP_RESIZE] = "xdplb_resize",
	[MAP_BESIDE] = "xdplb_beside",
};

static const __u32 value_size[ALL_MAPS] = {
	[MAP_CONFIG] = sizeof(struct xdplb_config),
	[MAP_DIRECTORY] = sizeof(struct xdplb_directory_bucket),
	[MAP_SERVICES] = sizeof(struct xdplb_service),
	[MAP_BACKENDS] = sizeof(struct xdplb_backend),
	[MAP_SETS] = sizeof(union xdplb_set_line),
	[MAP_FLOWS] = sizeof(struct xdplb_flow_bucket),
	[MAP_POOLS] = sizeof(struct xdplb_pool),
	[MAP_BLOCKS] = sizeof(struct xdplb_block),
	[MAP_FREE] = sizeof(__u32),
	[MAP_NAT] = sizeof(struct xdplb_nat_record),
	[MAP_FRAGMENTS] = sizeof(struct xdplb_fragment),
	[MAP_CLIENTS] = sizeof(struct xdplb_nat_record),
	[MAP_ACTIVE] = sizeof(struct xdplb_active),
	[MAP_TABLES] = sizeof(struct xdplb_table),
	[MAP_PORTS] = sizeof(__u64),
	[MAP_EVENTS] = 0, /* a ring buffer */
	[MAP_BACKEND_CPU] = sizeof(struct xdplb_backend_cpu),
	[MAP_CPU] = sizeof(struct xdplb_cpu),
	[MAP_OLD] = sizeof(struct xdplb_flow_bucket),
	[MAP_RESIZE] = sizeof(struct xdplb_resize),
};

__u32 balancer_value_size(enum balancer_map map)
{
	return value_size[map];
}

#define LOCK_FILE "/run/xdplb.lock"
#define LOCK_SECONDS 60
#define LOCK_TRIES 50 /* a second */

static int no_bpf(int err)
{
	if (err == -EPERM || err == -EACCES)
		return fail(err,
			    "not permitted to use BPF: run it as root (CAP_BPF, CAP_NET_ADMIN)");
	return fail(err, "cannot ask the kernel for its BPF objects: %s", strerror(-err));
}

static void balancer_reset(struct balancer *balancer)
{
	memset(balancer, 0, sizeof(*balancer));
	for (int i = 0; i < ALL_MAPS; i++)
		balancer->fd[i] = -1;
	balancer->lock = -1;
}

void balancer_close(struct balancer *balancer)
{
	for (int i = 0; i < ALL_MAPS; i++) {
		if (balancer->memory[i])
			munmap(balancer->memory[i], balancer->length[i]);
		if (balancer->fd[i] >= 0)
			close(balancer->fd[i]);
	}
	if (balancer->lock >= 0)
		close(balancer->lock);
	balancer_reset(balancer);
}

static void map_put(struct balancer *balancer, enum balancer_map which, int fd, __u32 entries)
{
	balancer->fd[which] = fd;
	balancer->entries[which] = entries;
}

/*
 * A program that knows two flow tables has both by the same name; the kernel counts
 * the ids of maps up, so that the lower one is the old table's. False: it has one.
 */
static bool table_take(struct balancer *balancer, int fd, const struct bpf_map_info *info)
{
	int other = balancer->fd[MAP_FLOWS];
	struct bpf_map_info known;

	if (strcmp(info->name, balancer_map_names[MAP_FLOWS]) || other < 0 ||
	    balancer->fd[MAP_OLD] >= 0 || map_info(other, &known))
		return false;
	if (info->id < known.id) {
		map_put(balancer, MAP_OLD, fd, info->max_entries);
	} else {
		map_put(balancer, MAP_OLD, other, known.max_entries);
		map_put(balancer, MAP_FLOWS, fd, info->max_entries);
	}
	return true;
}

/* Takes a map into the balancer if it is one of ours. True: it keeps `fd`. */
static bool map_take(struct balancer *balancer, int fd, const struct bpf_map_info *info)
{
	for (int i = 0; i < ALL_MAPS; i++) {
		if (strcmp(info->name, balancer_map_names[i]) || balancer->fd[i] >= 0)
			continue;
		map_put(balancer, i, fd, info->max_entries);
		return true;
	}
	return table_take(balancer, fd, info);
}

static int abi_wrong(__u32 abi)
{
	return fail(EPROTO,
		    "the balancer speaks ABI %u and this xdplb-config ABI %u: it goes on as it is; "
		    "use the xdplb-config that came with it, which can save its services and "
		    "unload it",
		    abi, XDPLB_ABI);
}

/* Tables of which a change needs none, most times: mapping all their pages takes longer than it. */
static bool is_large(enum balancer_map map)
{
	return map == MAP_FLOWS || map == MAP_OLD || map == MAP_BLOCKS || map == MAP_NAT;
}

static int map_memory(struct balancer *balancer, enum balancer_map map,
		      const struct bpf_map_info *info)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t length = (size_t)info->value_size * info->max_entries;

	if (!(info->map_flags & BPF_F_MMAPABLE))
		return 0;
	length = (length + page - 1) / page * page;
	balancer->memory[map] =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, balancer->fd[map], 0);
	if (balancer->memory[map] == MAP_FAILED) {
		balancer->memory[map] = NULL;
		return fail(errno, "cannot map %s: %s", balancer_map_names[map], strerror(errno));
	}
	balancer->length[map] = length;
	return 0;
}

void balancer_point(struct balancer *balancer)
{
	balancer->config = balancer->memory[MAP_CONFIG];
	balancer->directory = balancer->memory[MAP_DIRECTORY];
	balancer->services = balancer->memory[MAP_SERVICES];
	balancer->backends = balancer->memory[MAP_BACKENDS];
	balancer->sets = balancer->memory[MAP_SETS];
	balancer->pools = balancer->memory[MAP_POOLS];
	balancer->active = balancer->memory[MAP_ACTIVE];
	balancer->tables = balancer->memory[MAP_TABLES];
	balancer->ports = balancer->memory[MAP_PORTS];
	balancer->flows = balancer->memory[MAP_FLOWS];
	balancer->old_flows = balancer->memory[MAP_OLD];
	balancer->blocks = balancer->memory[MAP_BLOCKS];
	balancer->nat = balancer->memory[MAP_NAT];
}

/*
 * There are two tables, which the programs know: else what is called so has one
 * entry, or is the only table, pinned before another took its place.
 */
static bool is_resizing(const struct balancer *balancer)
{
	struct bpf_map_info old, new;

	return balancer->fd[MAP_OLD] >= 0 && balancer->fd[MAP_RESIZE] >= 0 &&
	       balancer->entries[MAP_OLD] > 1 && !map_info(balancer->fd[MAP_OLD], &old) &&
	       !map_info(balancer->fd[MAP_FLOWS], &new) && old.id != new.id;
}

/* Keeps the old table only where there are two. */
static void tables_tell(struct balancer *balancer)
{
	if (is_resizing(balancer))
		return;
	for (int i = MAPS; i < ALL_MAPS; i++) {
		if (balancer->fd[i] >= 0)
			close(balancer->fd[i]);
		balancer->fd[i] = -1;
		balancer->entries[i] = 0;
	}
}

/* All maps are there, of this version's sizes; maps the tables into memory, but the large ones. */
static int balancer_complete(struct balancer *balancer)
{
	struct bpf_map_info info;
	int err;

	if (balancer->fd[MAP_CONFIG] >= 0 && balancer->entries[MAP_CONFIG] != XDPLB_ABI)
		return abi_wrong(balancer->entries[MAP_CONFIG]);
	for (int i = 0; i < MAPS; i++) {
		if (balancer->fd[i] < 0 || map_info(balancer->fd[i], &info) ||
		    info.value_size != value_size[i])
			return fail(EPROTO,
				    "map %s is missing or of another version: load the object that "
				    "came with this xdplb-config (ABI %u)",
				    balancer_map_names[i], XDPLB_ABI);
		err = is_large(i) ? 0 : map_memory(balancer, i, &info);
		if (err)
			return err;
	}
	tables_tell(balancer);
	balancer_point(balancer);
	balancer->cpus = libbpf_num_possible_cpus();
	if (balancer->cpus < 1)
		return fail(EINVAL, "cannot tell the number of CPUs from /sys");
	return 0;
}

static int map_large(struct balancer *balancer, enum balancer_map map)
{
	struct bpf_map_info info;
	int err;

	if (balancer->memory[map] || balancer->fd[map] < 0)
		return 0;
	if (map_info(balancer->fd[map], &info))
		return fail(errno, "cannot ask about %s: %s", balancer_map_names[map],
			    strerror(errno));
	err = map_memory(balancer, map, &info);
	balancer_point(balancer);
	return err;
}

int balancer_map_flows(struct balancer *balancer)
{
	int err = map_large(balancer, MAP_FLOWS);

	if (!err)
		err = map_large(balancer, MAP_OLD);
	return err ? err : map_large(balancer, MAP_BLOCKS);
}

int balancer_map_nat(struct balancer *balancer)
{
	return map_large(balancer, MAP_NAT);
}

/* With all tables, or nothing open. */
static int with_flows(struct balancer *balancer, int err)
{
	if (!err)
		err = balancer_map_flows(balancer);
	if (err)
		balancer_close(balancer);
	return err;
}

static int open_program(struct balancer *balancer, __u32 program)
{
	__u32 ids[PROGRAM_MAPS], count = PROGRAM_MAPS;
	struct bpf_map_info info;
	int err;

	balancer_reset(balancer);
	err = program_maps(program, ids, &count);
	if (err)
		return no_bpf(err);
	for (__u32 i = 0; i < count; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0 || map_info(fd, &info)) {
			err = no_bpf(-errno);
			break;
		}
		if (!map_take(balancer, fd, &info))
			close(fd);
	}
	if (!err)
		err = balancer_complete(balancer);
	if (err)
		balancer_close(balancer);
	return err;
}

void pin_path(const char *pins, enum balancer_map map, char *path)
{
	snprintf(path, PATH_MAX, "%s/%s", pins, balancer_map_names[map]);
}

bool pins_exist(const char *pins)
{
	char path[PATH_MAX];

	pin_path(pins, MAP_CONFIG, path);
	return !access(path, F_OK);
}

static int open_pins(struct balancer *balancer, const char *pins)
{
	struct bpf_map_info info;
	char path[PATH_MAX];
	int err;

	balancer_reset(balancer);
	if (access(pins, F_OK))
		return fail(errno, "%s: %s; mount -t bpf bpf /sys/fs/bpf, then load into it", pins,
			    strerror(errno));
	if (!pins_exist(pins))
		return fail(ENOENT, "%s: no xdplb is pinned there; xdplb-config load -p %s IFNAME",
			    pins, pins);
	for (int i = 0; i < ALL_MAPS; i++) {
		pin_path(pins, i, path);
		balancer->fd[i] = bpf_obj_get(path);
		if (balancer->fd[i] < 0 && errno == ENOENT)
			continue; /* balancer_complete() says which must be there */
		if (balancer->fd[i] < 0 || map_info(balancer->fd[i], &info)) {
			err = no_bpf(-errno);
			balancer_close(balancer);
			return err;
		}
		balancer->entries[i] = info.max_entries;
	}
	err = balancer_complete(balancer);
	if (err)
		balancer_close(balancer);
	return err;
}

int balancer_open_program(struct balancer *balancer, __u32 program)
{
	return with_flows(balancer, open_program(balancer, program));
}

int balancer_open_pins(struct balancer *balancer, const char *pins)
{
	return with_flows(balancer, open_pins(balancer, pins));
}

__u32 balancer_id(const struct balancer *balancer)
{
	struct bpf_map_info info;

	return map_info(balancer->fd[MAP_CONFIG], &info) ? 0 : info.id;
}

/* Of the pinned configuration; 0, or a negative errno and nothing said. */
static int pins_info(const char *pins, struct bpf_map_info *info)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	char path[PATH_MAX];
	int fd, err;

	pin_path(pins, MAP_CONFIG, path);
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return -errno;
	err = map_info(fd, info);
	close(fd);
	return err;
}

__u32 pins_id(const char *pins)
{
	struct bpf_map_info info = {};

	return pins_info(pins, &info) ? 0 : info.id;
}

bool pins_are_ours(const char *pins)
{
	struct bpf_map_info info = {};

	return !pins_info(pins, &info) && info.max_entries == XDPLB_ABI;
}

const char *balancer_pins(const struct balancer_choice *choice, __u32 id)
{
	const char *pins = choice->pins ? choice->pins : DEFAULT_PINS;

	return pins_id(pins) == id ? pins : NULL;
}

/* Says that it takes long: a terminal in a line that changes, others once. */
static void lock_say(int try)
{
	static const char what[] = "waiting for another xdplb-config that is making a change";
	char text[128];

	if (!progress_changes(stderr)) {
		if (try == 2 * LOCK_TRIES)
			warn("%s", what);
		return;
	}
	snprintf(text, sizeof(text), "%s, %d s of %d s", what, try / LOCK_TRIES, LOCK_SECONDS);
	if (try >= 2 * LOCK_TRIES && try % LOCK_TRIES == 0)
		progress_show(stderr, 0, 0, text);
}

/* Waits for the lock. */
static int lock_wait(int fd, bool change, int seconds)
{
	const struct timespec step = { .tv_nsec = 1000000000 / LOCK_TRIES };
	int err = -EBUSY, try = 0;

	while (err && try <= seconds * LOCK_TRIES) {
		if (try > 0)
			nanosleep(&step, NULL);
		lock_say(try++);
		err = flock(fd, (change ? LOCK_EX : LOCK_SH) | LOCK_NB) ? -EBUSY : 0;
	}
	if (try > 2 * LOCK_TRIES)
		progress_clear(stderr);
	return err;
}

static int lock_open(bool change)
{
	int fd;

	mkdir("/run", 0755); /* a machine so small that it has none */
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 || change || (errno != ENOSPC && errno != EDQUOT && errno != EROFS))
		return fd;
	fd = open(LOCK_FILE, O_RDONLY | O_CLOEXEC);
	/* Where it cannot be made, nobody can begin a change that a reader would wait for. */
	return fd >= 0 ? fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int lock_take(bool change, int seconds, bool silent)
{
	int fd = lock_open(change);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return fail(errno, "not permitted to lock %s: run it as root", LOCK_FILE);
	if (fd < 0)
		return fail(errno, "%s: %s; changes need this lock", LOCK_FILE, strerror(errno));
	if (!lock_wait(fd, change, seconds))
		return fd;
	close(fd);
	if (silent)
		return -EBUSY;
	if (!seconds)
		return fail(EBUSY, "another xdplb-config is making a change");
	return fail(EBUSY, "%s: another xdplb-config has held this lock for %d s: see fuser %s",
		    LOCK_FILE, seconds, LOCK_FILE);
}

int balancer_lock(bool change)
{
	return lock_take(change, LOCK_SECONDS, false);
}

/*
 * Replacing the inner map of a map of maps makes the kernel wait for running
 * programs (maybe_wait_bpf_programs() in kernel/bpf/syscall.c).
 */
int balancer_grace(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int inner, outer = -1, err = 0;
	__u32 key = 0;

	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdplb_inner", 4, 4, 1, NULL);
	if (inner >= 0) {
		opts.inner_map_fd = inner;
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "xdplb_outer", 4, 4, 1, &opts);
	}
	if (inner < 0 || outer < 0 || bpf_map_update_elem(outer, &key, &inner, 0))
		err = fail(errno, "cannot wait for running programs: %s", strerror(errno));
	if (outer >= 0)
		close(outer);
	if (inner >= 0)
		close(inner);
	return err;
}

void backend_state_set(struct xdplb_backend *backend, __u8 state, bool open)
{
	__u8 flags = (backend->flags & XDPLB_BACKEND_SPREAD) | XDPLB_BACKEND_USED;

	if (state == XDPLB_DOWN)
		flags |= XDPLB_BACKEND_DOWN;
	if (open)
		flags |= XDPLB_BACKEND_OPEN;
	if (backend->flags != flags) /* the program's CPUs read this line */
		__atomic_store_n(&backend->flags, flags, __ATOMIC_RELEASE);
}

/* Reads a per-CPU value; the array is malloc()ed, NULL after an error line. */
static void *per_cpu_read(const struct balancer *balancer, enum balancer_map map, __u32 key)
{
	void *values = calloc(balancer->cpus, value_size[map]);

	if (values && !bpf_map_lookup_elem(balancer->fd[map], &key, values))
		return values;
	fail(errno, "cannot read %s: %s", balancer_map_names[map], strerror(errno));
	free(values);
	return NULL;
}

int balancer_backend_counts(const struct balancer *balancer, __u32 id,
			    struct xdplb_backend_cpu *sum)
{
	struct xdplb_backend_cpu *cpu = per_cpu_read(balancer, MAP_BACKEND_CPU, id);

	memset(sum, 0, sizeof(*sum));
	if (!cpu)
		return -EIO;
	for (int i = 0; i < balancer->cpus; i++) {
		if (cpu[i].looked_up > sum->looked_up)
			sum->looked_up = cpu[i].looked_up;
		sum->packets += cpu[i].packets;
		sum->bytes += cpu[i].bytes;
		sum->reply_packets += cpu[i].reply_packets;
		sum->reply_bytes += cpu[i].reply_bytes;
		sum->new_flows += cpu[i].new_flows;
	}
	free(cpu);
	return 0;
}

/* All that a CPU has seen has a verdict. */
static __u64 cpu_packets(const struct xdplb_cpu *cpu)
{
	__u64 packets = 0;

	for (int i = 0; i < 8; i++)
		packets += cpu->verdict[i];
	return packets;
}

int balancer_counts(const struct balancer *balancer, struct xdplb_cpu *sum, __u64 *packets)
{
	struct xdplb_cpu *cpu = per_cpu_read(balancer, MAP_CPU, 0);

	memset(sum, 0, sizeof(*sum));
	if (!cpu)
		return -EIO;
	for (int i = 0; i < balancer->cpus; i++) {
		for (int j = 0; j < 8; j++)
			sum->verdict[j] += cpu[i].verdict[j];
		for (int j = 0; j < XDPLB_REASONS; j++)
			sum->reason[j] += cpu[i].reason[j];
		if (packets)
			packets[i] = cpu_packets(&cpu[i]);
	}
	for (int j = 0; j < XDPLB_REASONS; j++)
		sum->reason[j] += balancer->config->heard[j];
	free(cpu);
	return 0;
}

/* The only balancer here, on an interface or in the default pins. */
static int balancer_find(struct balancer *balancer)
{
	struct chain_program found[CHAIN_MAX];
	char list[512];
	int count = chain_balancers(found, CHAIN_MAX, list, sizeof(list));

	if (count < 0)
		return count;
	if (count > 1)
		return fail(ENOTUNIQ, "several balancers here, say which one with -d: %s", list);
	if (count == 1)
		return open_program(balancer, found[0].id);
	if (pins_exist(DEFAULT_PINS))
		return open_pins(balancer, DEFAULT_PINS);
	return fail(ENOENT, "no interface has xdplb; attach it with: xdplb-config load IFNAME");
}

static int balancer_locate(struct balancer *balancer, const struct balancer_choice *choice)
{
	struct chain_program found;
	int err;

	if (choice->interface && choice->pins)
		return misuse("-d and -p both say which balancer: give one of them");
	if (choice->pins)
		return open_pins(balancer, choice->pins);
	if (!choice->interface)
		return balancer_find(balancer);
	err = chain_find(choice->interface, &found);
	return err ? err : open_program(balancer, found.id);
}

int balancer_open(struct balancer *balancer, const struct balancer_choice *choice, bool change)
{
	int lock, err;

	balancer_reset(balancer);
	lock = lock_take(change, choice->at_once ? 0 : LOCK_SECONDS, choice->silent);
	if (lock < 0)
		return lock;
	err = balancer_locate(balancer, choice);
	balancer->lock = lock;
	if (!err)
		err = change	       ? config_prepare(balancer) :
		      choice->no_flows ? 0 :
					 balancer_map_flows(balancer);
	if (err)
		balancer_close(balancer);
	return err;
}
