/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of a loaded balancer, as its tests and the bench look at them. */
#ifndef XDPLB_BENCH_MAPS_H
#define XDPLB_BENCH_MAPS_H

#include <linux/types.h>

#include "../../xdp/xdplb.h"

struct maps {
	int counters; /* xdplb_cpu */
	int backend_counters; /* xdplb_back_cpu */
	int free_blocks; /* xdplb_free */
	/* mapped into memory */
	struct xdplb_config *config;
	struct xdplb_directory_bucket *directory;
	struct xdplb_service *services;
	struct xdplb_backend *backends;
	union xdplb_set_line *sets;
	struct xdplb_flow_bucket *flows; /* config->flow_mask + 1 of them */
	struct xdplb_pool *pools;
	struct xdplb_block *blocks;
	__u32 blocks_count;
	struct xdplb_nat_record *nat;
	struct xdplb_active *active;
	struct xdplb_table *tables;
};

/* The line of the set in force of a service, 0: it is not in force. */
static inline __u32 maps_set(const struct maps *maps, __u32 service)
{
	__u32 phase = __atomic_load_n(&maps->config->phase, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&maps->services[service].set[phase & 1], __ATOMIC_ACQUIRE);
}

/* The maps of the program with this id. Ends the program when they cannot be had. */
void maps_open(struct maps *maps, __u32 program);

/* The verdicts and reasons of all CPUs together. */
void maps_counts(const struct maps *maps, struct xdplb_cpu *sum);

/* What all CPUs together counted for a backend. */
void maps_backend_counts(const struct maps *maps, __u32 id, struct xdplb_backend_cpu *sum);

/* The same of all backends together. */
void maps_backends_counts(const struct maps *maps, struct xdplb_backend_cpu *sum);

/* Selections that were made for services whose listeners register themselves. */
__u64 maps_selections(const struct maps *maps);

/* Flows that all backends were given, and entries of the flow table by their counts. */
__u64 maps_new_flows(const struct maps *maps);
__u64 maps_entries(const struct maps *maps);

/* The id of the service with this port (host order) and family (4 or 6), 0: there is none. */
__u32 maps_service(const struct maps *maps, int family, __u16 port);

/* Ends the program with an error line. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
