// SPDX-License-Identifier: GPL-2.0-only
/*
 * shares OBJECT IFINDEX PROGRAM-ID FLOWS PORT...: opens so many flows to each
 * service with these ports, half of them on each of two CPUs at once. What each
 * backend got must be its exact share: of rr and wrr, any run of as many flows
 * as there are slots takes each slot once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../bench/frame.h"
#include "../bench/generator.h"
#include "../bench/maps.h"

#define CPUS 2

static struct generator generator;
static struct maps maps;

struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	int cpu;
	int flows;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct outcome outcome;

	cpu_stay(worker->cpu);
	pthread_barrier_wait(worker->start);
	generator_run(&generator, generator.generate, worker->flows, &outcome);
	return NULL;
}

static void work_all(int flows)
{
	struct worker worker[CPUS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, CPUS);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		worker[cpu] = (struct worker){ .cpu = cpu, .flows = flows / CPUS, .start = &start };
		if (pthread_create(&worker[cpu].thread, NULL, work, &worker[cpu]))
			die("thread: %s", strerror(errno));
	}
	for (int cpu = 0; cpu < CPUS; cpu++)
		pthread_join(worker[cpu].thread, NULL);
	pthread_barrier_destroy(&start);
}

/* Each CPU opens flows of clients of its own. */
static void flows_open(__u16 port, int flows, __u32 target)
{
	struct bench *each = calloc(libbpf_num_possible_cpus(), sizeof(*each));

	if (!each)
		die("no memory");
	for (int n = 0; n < flows; n++)
		generator.flows[n] = flow_of_client(n, port);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		frame_make(&each[cpu], TO_SERVICE, 4, port, TCP_SYN_FLAG);
		each[cpu].target = target;
		each[cpu].first = cpu * (flows / CPUS);
		each[cpu].count = flows / CPUS;
	}
	generator_set_each(&generator, each);
	work_all(flows);
	free(each);
}

/* How often a backend owns a slot of a set. */
static __u32 slots_of(const struct xdplb_set *set, __u32 backend)
{
	const __u32 *slot = maps.sets[set->slot_line].slot;
	__u32 count = 0;

	for (__u32 s = 0; s < set->slots; s++)
		count += XDPLB_SLOT_OWNER(slot[s]) == backend;
	return count;
}

static bool shares_check(__u16 port, int flows)
{
	const struct xdplb_set *set =
		&maps.sets[maps_set(&maps, maps_service(&maps, 4, port))].head;
	struct xdplb_backend_cpu counts;
	struct xdplb_cpu cpu;
	__u64 opened = set->next, sum = 0;
	int wrong = 0;

	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		__u32 slots = slots_of(set, id);
		__u64 turns = opened / set->slots;

		if (!slots)
			continue;
		maps_backend_counts(&maps, id, &counts);
		sum += counts.new_flows;
		wrong += counts.new_flows < turns * slots || counts.new_flows > (turns + 1) * slots;
	}
	maps_counts(&maps, &cpu);
	printf("# port %u: %llu flows of %d opened on two CPUs, %u slots; so far %llu dropped for "
	       "races, "
	       "%llu for want of a port\n",
	       port, sum, flows, set->slots, cpu.reason[XDPLB_DROP_RACE],
	       cpu.reason[XDPLB_DROP_NO_PORT]);
	/* Some were dropped because of the other CPU, before they had their turn. */
	if (!wrong && sum == opened && sum > (__u64)flows * 99 / 100) {
		printf("ok race: exact shares on two CPUs, port %u\n", port);
		return true;
	}
	printf("not ok race: exact shares on two CPUs, port %u: %llu flows opened, %llu turns, the "
	       "shares of %d backends are wrong\n",
	       port, sum, opened, wrong);
	return false;
}

int main(int argc, char **argv)
{
	bool right = true;
	__u32 target;
	int flows;

	if (argc < 6) {
		fprintf(stderr, "usage: shares OBJECT IFINDEX PROGRAM-ID FLOWS PORT...\n");
		return 2;
	}
	generator_open(&generator, argv[1], atoi(argv[2]));
	target = generator_target(&generator, atoi(argv[3]));
	maps_open(&maps, atoi(argv[3]));
	flows = atoi(argv[4]);
	for (int i = 5; i < argc; i++) {
		flows_open(atoi(argv[i]), flows, target);
		right = shares_check(atoi(argv[i]), flows) && right;
	}
	generator_close(&generator);
	return right ? 0 : 1;
}
