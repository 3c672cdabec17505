// SPDX-License-Identifier: GPL-2.0-only
/*
 * swept PROGRAM-ID IFINDEX SECONDS: packets that are for nobody sweep the flow
 * table on two CPUs until nothing is left there, at most so many seconds. Then
 * nothing may be counted, no port be taken, and every block of ports be free.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../bench/generator.h"
#include "audit.h"
#include "probe.h"

/* A packet on each CPU, by which it sees what time it is. */
static void tick(const struct probe *probe)
{
	const struct endpoint from = client_endpoint(4, 0), to = client_endpoint(4, 4);
	struct seen seen;

	for (int cpu = 0; cpu < 2; cpu++) {
		cpu_stay(cpu);
		probe_send(probe, &from, &to, IPPROTO_UDP, 0, &seen);
	}
}

/* What of the flow table did not expire. */
static void rest_print(const struct maps *maps)
{
	for (__u32 i = 0; i < (maps->config->flow_mask + 1) * XDPLB_WAYS; i++) {
		const struct xdplb_flow *flow = &maps->flows[i / XDPLB_WAYS].way[i % XDPLB_WAYS];
		__u32 id = XDPLB_FIELD(flow->value, BACKEND),
		      state = XDPLB_FIELD(flow->value, STATE);

		if (flow->key)
			printf("# left: key %llx, state %u, backend %u with flags %u, timeout %u\n",
			       flow->key, state, id, maps->backends[id].flags,
			       maps->backends[id].timeout[state]);
	}
}

/* How many blocks nobody uses; each must be there once. */
static __u32 blocks_free(const struct maps *maps)
{
	__u32 *ids = calloc(maps->blocks_count, sizeof(*ids)), count = 0;
	bool *known = calloc(maps->blocks_count, sizeof(*known));

	if (!ids || !known)
		die("no memory");
	while (count < maps->blocks_count &&
	       !bpf_map_lookup_and_delete_elem(maps->free_blocks, NULL, &ids[count]))
		count++;
	for (__u32 i = 0; i < count; i++) {
		if (ids[i] >= maps->blocks_count || known[ids[i]])
			die("block %u is free twice", ids[i]);
		known[ids[i]] = true;
		if (bpf_map_update_elem(maps->free_blocks, NULL, &ids[i], 0))
			die("xdplb_free: %s", strerror(errno));
	}
	free(ids);
	free(known);
	return count;
}

int main(int argc, char **argv)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	struct probe probe;
	struct audit audit;
	__u32 free_blocks;

	if (argc != 4) {
		fprintf(stderr, "usage: swept PROGRAM-ID IFINDEX SECONDS\n");
		return 2;
	}
	probe_open(&probe, atoi(argv[1]), atoi(argv[2]));
	for (int i = 0; i < atoi(argv[3]) * 100; i++) {
		tick(&probe);
		audit_make(&probe.maps, &audit);
		if (!audit.entries)
			break;
		nanosleep(&step, NULL);
	}
	rest_print(&probe.maps);
	free_blocks = blocks_free(&probe.maps);
	if (audit.entries || audit.wrong || audit.ports ||
	    free_blocks != probe.maps.blocks_count - 1) {
		printf("not ok race: all that expires is swept: %u entries left, %u ports taken, "
		       "%u of %u "
		       "blocks free; %s\n",
		       audit.entries, audit.ports, free_blocks, probe.maps.blocks_count - 1,
		       audit.what);
		return 1;
	}
	printf("ok race: all that expires is swept\n");
	return 0;
}
