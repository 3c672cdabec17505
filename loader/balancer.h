/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A balancer as user space sees it: one set of maps, whichever programs and
 * pins hold it. The tables are mapped into memory; what changes is changed
 * there, under the lock.
 */
#ifndef XDPLB_BALANCER_H
#define XDPLB_BALANCER_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>

#include "../xdp/xdplb.h"

enum balancer_map {
	MAP_CONFIG,
	MAP_DIRECTORY,
	MAP_SERVICES,
	MAP_BACKENDS,
	MAP_SETS,
	MAP_FLOWS,
	MAP_POOLS,
	MAP_BLOCKS,
	MAP_FREE,
	MAP_NAT,
	MAP_FRAGMENTS,
	MAP_CLIENTS,
	MAP_ACTIVE,
	MAP_TABLES,
	MAP_PORTS,
	MAP_EVENTS,
	MAP_BACKEND_CPU,
	MAP_CPU,
	MAPS,
	/* of a balancer whose flow table is changing its size, see ../xdp/resize.h; else not open
	 */
	MAP_OLD = MAPS,
	MAP_RESIZE,
	ALL_MAPS,
	MAP_BESIDE = ALL_MAPS, /* no map, but the name of a pin before it takes another's place */
	PIN_NAMES,
};

extern const char *const balancer_map_names[PIN_NAMES];
/* Bytes of a map's value, of one CPU. */
__u32 balancer_value_size(enum balancer_map map);

#define DEFAULT_PINS "/sys/fs/bpf/xdplb"

struct balancer {
	int fd[ALL_MAPS];
	__u32 entries[ALL_MAPS];
	void *memory[ALL_MAPS]; /* NULL: not a table that user space maps */
	size_t length[ALL_MAPS];
	int cpus; /* possible CPUs, the length of a per-CPU value */
	int lock; /* -1: not held */

	struct xdplb_config *config;
	struct xdplb_directory_bucket *directory;
	struct xdplb_service *services;
	struct xdplb_backend *backends;
	union xdplb_set_line *sets;
	struct xdplb_flow_bucket *flows;
	struct xdplb_flow_bucket *old_flows; /* of MAP_OLD */
	struct xdplb_pool *pools;
	struct xdplb_block *blocks;
	struct xdplb_nat_record *nat;
	struct xdplb_table *tables;
	__u64 *ports; /* by port in host order: users of it */
	struct xdplb_active *active; /* by backend id: XDPLB_ACTIVE(), XDPLB_ENTRIES() */
};

/* The line of the set in force of a service, 0: it is not in force. */
static inline __u32 service_set(const struct balancer *balancer, __u32 id)
{
	return balancer->services[id].set[balancer->config->phase & 1];
}

/* Its flow table is changing its size, or that was interrupted: flows are in both tables. */
static inline bool has_two_tables(const struct balancer *balancer)
{
	return balancer->entries[MAP_OLD] != 0;
}

/* Which balancer is meant; NULL: not said. */
struct balancer_choice {
	const char *interface;
	const char *pins;
	bool at_once; /* do not wait for the lock: -EBUSY */
	bool silent; /* ... without an error line */
	bool no_flows; /* who looks needs no flows, blocks and records of nat */
};

/*
 * Opens the balancer that is meant, and holds the lock with it. A balancer that was never
 * configured is made ready then; a reader meets an empty one. 0, or a negative errno after an error
 * line.
 */
int balancer_open(struct balancer *balancer, const struct balancer_choice *choice, bool change);
void balancer_close(struct balancer *balancer);

/*
 * Maps the flows and blocks, which balancer_open() leaves NULL where a change is
 * meant. 0, or a negative errno after an error line.
 */
int balancer_map_flows(struct balancer *balancer);
/* Maps nat's records, the largest table, which nobody else does. Returns the same. */
int balancer_map_nat(struct balancer *balancer);

/* Has the tables' pointers lead to where they are mapped. */
void balancer_point(struct balancer *balancer);

/* The maps of a program (its id), or of a pin directory, likewise. */
int balancer_open_program(struct balancer *balancer, __u32 program);
int balancer_open_pins(struct balancer *balancer, const char *pins);
bool pins_exist(const char *pins);

/* The balancer_id() of what is pinned there, be it read-only; 0: nothing that can be seen. */
__u32 pins_id(const char *pins);
/* It is of this ABI, so that it can be opened. */
bool pins_are_ours(const char *pins);
/* The path of a map's pin, into `path` of PATH_MAX bytes. */
void pin_path(const char *pins, enum balancer_map map, char *path);

/* The pin directory of the balancer with this id, of those that are looked at: the one that was
 * named, else the default. NULL: it is not pinned there. */
const char *balancer_pins(const struct balancer_choice *choice, __u32 id);

/*
 * The lock of all balancers here, alone for a change, shared for a look: a
 * descriptor to close, or a negative errno after an error line.
 */
int balancer_lock(bool change);

/* The buckets of a flow table of so many entries that are used: the largest power of two. */
static inline __u32 flow_buckets(__u32 entries)
{
	__u32 power = 1;

	while (power <= entries / 2)
		power *= 2;
	return power;
}

/* The id of the map, by which two descriptors are known to be one balancer. */
__u32 balancer_id(const struct balancer *balancer);

/* Returns when every program run that may have seen the state before has ended. */
int balancer_grace(void);

/*
 * Puts a backend into this state (enum xdplb_backend_state), by its flags;
 * `open` says that it takes new flows.
 */
void backend_state_set(struct xdplb_backend *backend, __u8 state, bool open);

/*
 * Sums over CPUs what the program counted for a backend; looked_up is the latest
 * second, 0: no packet went there yet. 0, or a negative errno after an error line.
 */
int balancer_backend_counts(const struct balancer *balancer, __u32 id,
			    struct xdplb_backend_cpu *sum);
/* The same of the whole balancer, with what a registrar counted; `packets` takes balancer->cpus
 * numbers, NULL: they are not asked for. */
int balancer_counts(const struct balancer *balancer, struct xdplb_cpu *sum, __u64 *packets);

#endif
