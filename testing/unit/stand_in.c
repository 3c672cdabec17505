// SPDX-License-Identifier: GPL-2.0-only
#include "stand_in.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "../../loader/machine.h"
#include "../../loader/ports.h"
#include "../../loader/sets.h"
#include "../../loader/ways.h"
#include "../../loader/ways_left.h"
#include "unit.h"

struct balancer balancer;

struct flows *flows;

bool has_flows(__u32 id)
{
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++)
		if (flows[id].of[forward])
			return true;
	return false;
}

void flow_set(__u32 id, __u8 forward, bool begins)
{
	flows[id].of[forward] = begins;
	balancer.active[id].flows = has_flows(id) ? 1ULL << 32 : 0;
}

int balancer_backend_counts(const struct balancer *of, __u32 id, struct xdplb_backend_cpu *sum)
{
	(void)of, (void)id;
	*sum = (struct xdplb_backend_cpu){};
	return 0;
}

int steps_left;

/* Where a command is waiting, and may be killed. */
static int step(void)
{
	if (steps_left && !--steps_left)
		raise(SIGKILL);
	return 0;
}

void (*watch)(void);

int balancer_grace(void)
{
	if (watch)
		watch();
	return step();
}

void backend_state_set(struct xdplb_backend *backend, __u8 state, bool open)
{
	backend->flags = (backend->flags & XDPLB_BACKEND_SPREAD) | XDPLB_BACKEND_USED |
			 (state == XDPLB_DOWN ? XDPLB_BACKEND_DOWN : 0) |
			 (open ? XDPLB_BACKEND_OPEN : 0);
}

int balancer_map_flows(struct balancer *of)
{
	(void)of;
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)fd, (void)key, (void)value, (void)flags;
	return step();
}

int ports_publish(struct balancer *of)
{
	(void)of;
	return step();
}

void machine_prepare(struct balancer *of)
{
	(void)of;
}

const __be32 own_address[2][4] = { { 0x0900000a }, { 0x000000fd, 0, 0, 0x09000000 } };

int ways_find(const struct wanted_service *wanted, struct next_hop *way)
{
	for (int i = 0; i < wanted->backends; i++)
		memcpy(way[i].source, own_address[xdplb_is_ipv6(wanted->backend[i].addr)], 16);
	return 0;
}

void ways_ask(const struct wanted_service *wanted, const struct next_hop *way, const bool *stays,
	      struct asked *asked)
{
	(void)wanted, (void)way, (void)stays, (void)asked;
}

void ways_wait(struct asked *asked, int *steps)
{
	(void)asked, (void)steps;
	step();
}

void ways_keep(const struct wanted_service *wanted, const struct next_hop *way, int *steps)
{
	(void)wanted, (void)way, (void)steps;
	step();
}

int left_add(struct left_ways *left, __u32 service, const struct wanted_service *wanted)
{
	(void)left, (void)service, (void)wanted;
	return 0;
}

void left_free(struct left_ways *left)
{
	(void)left;
}

void ways_forget(const struct balancer *of, struct left_ways *left)
{
	(void)of, (void)left;
}

void ways_compare(const struct balancer *of, struct left_ways *left)
{
	(void)of, (void)left;
}

/* Seen by a child too, whose writes outlive it. */
static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

void make(void)
{
	balancer.cpus = 1;
	balancer.config = shared(sizeof(*balancer.config));
	balancer.directory = shared(XDPLB_DIRECTORY_BUCKETS * sizeof(*balancer.directory));
	balancer.services = shared(XDPLB_SERVICES * sizeof(*balancer.services));
	balancer.backends = shared(XDPLB_BACKENDS * sizeof(*balancer.backends));
	balancer.sets = shared(XDPLB_SET_LINES * sizeof(*balancer.sets));
	balancer.pools = shared(XDPLB_POOLS * sizeof(*balancer.pools));
	balancer.active = shared(XDPLB_BACKENDS * sizeof(*balancer.active));
	balancer.tables = shared(XDPLB_TABLES * sizeof(*balancer.tables));
	balancer.ports = shared(XDPLB_PORTS * sizeof(*balancer.ports));
	balancer.flows = shared(FLOW_BUCKETS * sizeof(*balancer.flows));
	balancer.entries[MAP_FLOWS] = FLOW_BUCKETS;
	balancer.config->flow_mask = FLOW_BUCKETS - 1;
	balancer.config->seed[0] = random_64();
	balancer.config->seed[1] = random_64();
	flows = shared(XDPLB_BACKENDS * sizeof(*flows));
	said_reset();
}

void forget(void)
{
	munmap(balancer.config, sizeof(*balancer.config));
	munmap(balancer.directory, XDPLB_DIRECTORY_BUCKETS * sizeof(*balancer.directory));
	munmap(balancer.services, XDPLB_SERVICES * sizeof(*balancer.services));
	munmap(balancer.backends, XDPLB_BACKENDS * sizeof(*balancer.backends));
	munmap(balancer.sets, XDPLB_SET_LINES * sizeof(*balancer.sets));
	munmap(balancer.pools, XDPLB_POOLS * sizeof(*balancer.pools));
	munmap(balancer.flows, FLOW_BUCKETS * sizeof(*balancer.flows));
	munmap(balancer.tables, XDPLB_TABLES * sizeof(*balancer.tables));
	munmap(balancer.ports, XDPLB_PORTS * sizeof(*balancer.ports));
	munmap(balancer.active, XDPLB_BACKENDS * sizeof(*balancer.active));
	munmap(flows, XDPLB_BACKENDS * sizeof(*flows));
}
