// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a packet through attached balancers, less the generator and a
 * bare XDP_TX that is measured in turn with them, as a table; see rows.c.
 *
 *	bench OBJECT IFINDEX NAME=XDPLB-ID[,XDPLB-ENCAP-ID]...
 */
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "generator.h"
#include "maps.h"
#include "rows.h"

#define ROUNDS 9
#define PACKETS 200000
#define BALANCERS 16
#define ROWS_MAX 64
#define NS_MAX 100000

struct balancer {
	char name[16];
	struct maps maps;
	__u32 target[PROGRAMS];
	__u32 fresh; /* clients that have opened a flow in a column of new flows */
};

static struct generator generator;
static struct balancer balancers[BALANCERS];
static int balancers_count;

/* Of one row and column: what each round took, and the bare XDP_TX's own. */
struct figures {
	__s32 net[ROUNDS];
	__s32 bare[ROUNDS];
	__s32 both[ROUNDS]; /* on both CPUs at once: the slower one, */
	__s32 bare_both[ROUNDS]; /* and the bare XDP_TX likewise */
};

static struct figures figures[ROWS_MAX][COLUMNS];

static int compare(const void *a, const void *b)
{
	return *(const __s32 *)a - *(const __s32 *)b;
}

static __s32 median(__s32 *of)
{
	qsort(of, ROUNDS, sizeof(*of), compare);
	return of[ROUNDS / 2];
}

/* The balancer with this name, NULL when run has not set it up. */
static struct balancer *balancer_of(const struct row *row, enum column column)
{
	const char *name = row->balancer;

	if (column == COLUMN_NEW && row->new_balancer)
		name = row->new_balancer;
	for (int i = 0; i < balancers_count; i++)
		if (!strcmp(balancers[i].name, name))
			return &balancers[i];
	return NULL;
}

/* ---- flows -------------------------------------------------------------------------- */

static struct bench_flow flow_make(const struct row *row, __u32 n)
{
	if (row->direction == NAT_REPLY)
		return flow_of_reply(row->family, n, BACKENDS, row->port);
	return flow_of_client(n, row->port + n % (row->services ? row->services : 1));
}

/*
 * Lays out flows `first` to `first` + `count` - 1 for the generator, so scattered that no order of
 * theirs can show. The step is a prime that no column's number of flows has.
 */
static void flows_fill(const struct row *row, __u32 first, __u32 count)
{
	const __u64 step = 7919;

	for (__u32 i = 0; i < count; i++)
		generator.flows[i] = flow_make(row, first + i * step % count);
}

/* The same in order: what opens flows, so that nat's replies know their ports. */
static void flows_fill_in_order(const struct row *row, __u32 count)
{
	for (__u32 i = 0; i < count; i++)
		generator.flows[i] = flow_make(row, i);
}

/* ---- one run ------------------------------------------------------------------------ */

/* What a run should have done. */
struct expected {
	const char *name;
	const struct maps *maps; /* NULL: nothing is counted */
	__u64 packets;
	__u32 verdict;
	__u32 size;
	bool opens; /* each packet opened a flow that is remembered */
	bool both; /* CPUs: they may get in each other's way, once in a thousand packets */
};

struct counts {
	struct xdplb_cpu cpu;
	__u64 new_flows;
	__u64 entries;
};

static void counts_read(const struct expected *expected, struct counts *counts)
{
	if (!expected->maps)
		return;
	maps_counts(expected->maps, &counts->cpu);
	if (!expected->opens)
		return;
	counts->new_flows = maps_new_flows(expected->maps);
	counts->entries = maps_entries(expected->maps);
}

/* What packets were counted for, and how many. */
static void reasons_print(const struct expected *expected, const struct xdplb_cpu *before,
			  const struct xdplb_cpu *after)
{
	for (int i = 0; i < XDPLB_REASONS; i++)
		if (after->reason[i] != before->reason[i])
			fprintf(stderr, "%s: %llu packets of %llu counted for reason %d\n",
				expected->name, after->reason[i] - before->reason[i],
				expected->packets, i);
}

/* Packets that were dropped because of the other CPU. */
static __u64 races(const struct xdplb_cpu *before, const struct xdplb_cpu *after)
{
	return after->reason[XDPLB_DROP_RACE] - before->reason[XDPLB_DROP_RACE];
}

static void verdicts_check(const struct expected *expected, const struct xdplb_cpu *before,
			   const struct xdplb_cpu *after)
{
	for (__u32 i = 0; i < 8; i++) {
		__u64 more = after->verdict[i] - before->verdict[i], lost = races(before, after);
		__u64 right = i == expected->verdict ? expected->packets - lost : 0;

		right += i == XDP_DROP ? lost : 0;

		/* A few may be passed besides: the neighbours' own. */
		if (more == right || (i == XDP_PASS && more > right && more < right + 100))
			continue;
		reasons_print(expected, before, after);
		die("%s: %llu packets of %llu with verdict %u, expected %llu", expected->name, more,
		    expected->packets, i, right);
	}
}

/* Each packet opened a flow that was remembered, be it in the place of an older one. */
static void opened_check(const struct expected *expected, const struct counts *before,
			 const struct counts *after)
{
	__u64 packets = expected->packets - races(&before->cpu, &after->cpu);
	__u64 opened = after->new_flows - before->new_flows;
	__u64 remembered = after->entries - before->entries;

	for (int i = XDPLB_FLOW_EVICTED; i <= XDPLB_FLOW_EXPIRED; i++)
		remembered += after->cpu.reason[i] - before->cpu.reason[i];
	if (opened != packets || remembered != packets)
		die("%s: %llu packets opened %llu flows, and %llu were remembered", expected->name,
		    packets, opened, remembered);
}

/* How many packets may be counted for a reason that is no fault. */
static __u64 tolerated(const struct expected *expected, int reason)
{
	switch (reason) {
	case XDPLB_FLOW_EXPIRED:
		return ~0ULL;
	case XDPLB_FLOW_EVICTED: /* new flows take the place of some that sent nothing but SYN */
		return expected->opens ? expected->packets / 100 : 0;
	case XDPLB_DROP_RACE:
		return expected->both ? expected->packets / 1000 : 0;
	default:
		return 0;
	}
}

/* All packets had the verdict, and none was dropped, passed or answered for a reason. */
static void counts_check(const struct expected *expected, const struct counts *before)
{
	struct counts after;

	if (!expected->maps)
		return;
	counts_read(expected, &after);
	verdicts_check(expected, &before->cpu, &after.cpu);
	for (int i = 0; i < XDPLB_REASONS; i++) {
		if (after.cpu.reason[i] - before->cpu.reason[i] <= tolerated(expected, i))
			continue;
		reasons_print(expected, &before->cpu, &after.cpu);
		exit(1);
	}
	if (expected->opens)
		opened_check(expected, before, &after);
}

static void outcome_check(const struct expected *expected, const struct outcome *outcome)
{
	if (outcome->verdict != expected->verdict || outcome->size != expected->size)
		die("%s: verdict %u and %u bytes, not %u and %u", expected->name, outcome->verdict,
		    outcome->size, expected->verdict, expected->size);
}

/* One CPU's part of a run. */
struct part {
	pthread_t thread;
	int cpu;
	int packets;
	__u32 duration;
	struct outcome outcome;
	pthread_barrier_t *start;
};

static void *part_run(void *argument)
{
	struct part *part = argument;

	cpu_stay(part->cpu);
	pthread_barrier_wait(part->start);
	part->duration =
		generator_run(&generator, generator.generate, part->packets, &part->outcome);
	return NULL;
}

/* Two CPUs at once, each with one half of the flows; what the slower one took a packet. */
static __u32 run_both(const struct bench *bench, int packets)
{
	struct part part[2] = { { .cpu = 0 }, { .cpu = 1 } };
	struct bench *each = calloc(libbpf_num_possible_cpus(), sizeof(*each));
	pthread_barrier_t start;

	if (!each || pthread_barrier_init(&start, NULL, 2))
		die("no memory");
	for (int i = 0; i < 2; i++) {
		each[i] = *bench;
		each[i].first = i * (bench->count / 2);
		each[i].count = bench->count / 2 ? bench->count / 2 : 1;
		part[i].packets = packets / 2;
		part[i].start = &start;
	}
	generator_set_each(&generator, each);
	free(each);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&part[i].thread, NULL, part_run, &part[i]))
			die("thread: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		pthread_join(part[i].thread, NULL);
	pthread_barrier_destroy(&start);
	return part[0].duration > part[1].duration ? part[0].duration : part[1].duration;
}

/* Nanoseconds a packet, the generator's included. */
static __u32 run(const struct bench *bench, int packets, bool both, struct expected *expected)
{
	struct counts before = {};
	struct outcome outcome;
	__u32 duration;

	expected->both = both;
	counts_read(expected, &before);
	if (both) {
		duration = run_both(bench, packets);
	} else {
		generator_set(&generator, bench);
		duration = generator_run(&generator, generator.generate, packets, &outcome);
		outcome_check(expected, &outcome);
	}
	counts_check(expected, &before);
	return duration;
}

/* ---- rows ---------------------------------------------------------------------------- */

static struct expected expected_of(const struct row *row, const struct balancer *balancer,
				   __u32 packets)
{
	return (struct expected){ .name = row->name,
				  .maps = &balancer->maps,
				  .packets = packets,
				  .verdict = row->verdict,
				  .size = BENCH_FRAME + row->growth };
}

static __u32 run_bare(struct bench *bench, int packets, bool both)
{
	struct expected sent = { .name = "bare XDP_TX", .verdict = XDP_TX, .size = BENCH_FRAME };

	bench->target = BENCH_BARE;
	return run(bench, packets, both, &sent);
}

/* Opens the flows of a row: a SYN each, then what makes them established. */
static void flows_open(const struct row *row)
{
	static const __u8 flags[] = { TCP_SYN_FLAG, TCP_ACK_FLAG };
	const struct balancer *balancer = balancer_of(row, COLUMN_ONE);
	__u32 flows = row->columns & IN(1M) ? column_flows(COLUMN_1M) : column_flows(COLUMN_10K);
	struct expected expected;
	struct bench bench;

	flows_fill_in_order(row, flows);
	for (int i = 0; i < 2; i++) {
		frame_make(&bench, row->direction, row->family, row->port, flags[i]);
		bench.target = balancer->target[row->program];
		bench.count = flows;
		expected = expected_of(row, balancer, flows);
		expected.opens = flags[i] == TCP_SYN_FLAG;
		run(&bench, flows, false, &expected);
	}
}

/* Waits until the program's clock shows another second. */
static void second_begin(void)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	struct timespec first, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &first);
	do {
		nanosleep(&step, NULL);
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	} while (now.tv_sec == first.tv_sec);
}

/*
 * A round of flows that are there already, or need not be: first one packet of
 * each, since what is done for a flow once a second would be done often in so
 * short a run. What those took is left in *first, where a second began with them.
 */
static void measure_old(const struct row *row, enum column column, bool both, __s32 *net,
			__s32 *bare, __s32 *first)
{
	const struct balancer *balancer = balancer_of(row, column);
	__u32 flows = column_flows(column);
	struct expected expected;
	struct bench bench;

	frame_make(&bench, row->direction, row->family, row->port, TCP_ACK_FLAG);
	flows_fill(row, 0, flows);
	bench.count = flows;
	*bare = run_bare(&bench, PACKETS, both);
	bench.target = balancer->target[row->program];
	expected = expected_of(row, balancer, flows);
	if (first)
		second_begin();
	flows = run(&bench, flows, both && flows > 1, &expected);
	if (first)
		*first = (__s32)flows - *bare;
	expected = expected_of(row, balancer, PACKETS);
	*net = (__s32)run(&bench, PACKETS, both, &expected) - *bare;
}

/* A round of flows that nobody has seen before. */
static void measure_new(const struct row *row, bool both, __s32 *net, __s32 *bare)
{
	struct balancer *balancer = balancer_of(row, COLUMN_NEW);
	__u32 flows = column_flows(COLUMN_NEW);
	struct expected expected = expected_of(row, balancer, flows);
	struct bench bench;

	frame_make(&bench, row->direction, row->family, row->port, TCP_SYN_FLAG);
	flows_fill(row, balancer->fresh, flows);
	balancer->fresh += flows;
	bench.count = flows;
	*bare = run_bare(&bench, flows, both);
	bench.target = balancer->target[row->program];
	expected.opens = row->tracked;
	*net = (__s32)run(&bench, flows, both, &expected) - *bare;
}

/* The same on one CPU, and where a row says so on two. */
static void measure(const struct row *row, enum column column, struct figures *at, int round)
{
	__s32 *first = column == COLUMN_1M && row->columns & IN(FIRST) ?
			       &at[COLUMN_FIRST - COLUMN_1M].net[round] :
			       NULL;

	if (!(row->columns & 1 << column) || column == COLUMN_FIRST || !balancer_of(row, column))
		return;
	if (column == COLUMN_NEW)
		measure_new(row, false, &at->net[round], &at->bare[round]);
	else
		measure_old(row, column, false, &at->net[round], &at->bare[round], first);
	if (!row->cores || (column != COLUMN_10K && column != COLUMN_NEW))
		return;
	if (column == COLUMN_NEW)
		measure_new(row, true, &at->both[round], &at->bare_both[round]);
	else
		measure_old(row, column, true, &at->both[round], &at->bare_both[round], NULL);
}

/* ---- tables --------------------------------------------------------------------------- */

static void base_note(__s32 base[2], __s32 bare)
{
	base[0] = bare < base[0] ? bare : base[0];
	base[1] = bare > base[1] ? bare : base[1];
}

static void table_print(void)
{
	__s32 base[2] = { NS_MAX, 0 };

	printf("| ns a packet, net | 1 flow | 10 k flows | 1 M flows | its flow's first in a "
	       "second "
	       "| every packet a new flow |\n|---|---|---|---|---|---|\n");
	for (int i = 0; i < rows_count; i++) {
		if (!balancer_of(&rows[i], COLUMN_ONE))
			continue;
		printf("| %s |", rows[i].name);
		for (int column = 0; column < COLUMNS; column++) {
			if (!(rows[i].columns & 1 << column)) {
				printf(" |");
				continue;
			}
			printf(" %d |", median(figures[i][column].net));
			if (column != COLUMN_FIRST)
				base_note(base, median(figures[i][column].bare));
		}
		printf("\n");
	}
	printf("\nTaken off: generator and bare XDP_TX, %d to %d ns.\n", base[0], base[1]);
}

/* What is gained by a second CPU: both at once against twice one, in packets a second. */
static void cores_print(void)
{
	static const char *const flows[COLUMNS] = {
		[COLUMN_10K] = "10 k flows", [COLUMN_NEW] = "new flows"
	};

	printf("\n| ns a packet, net | one CPU | each of two at once |\n|---|---|---|\n");
	for (int i = 0; i < rows_count; i++)
		for (int column = 0; column < COLUMNS; column++) {
			struct figures *at = &figures[i][column];

			if (!rows[i].cores || !flows[column] || !balancer_of(&rows[i], column) ||
			    !(rows[i].columns & 1 << column))
				continue;
			printf("| %s, %s | %d | %d |\n", rows[i].name, flows[column],
			       median(at->net), median(at->both));
		}
}

/* ---- everything ------------------------------------------------------------------------ */

/* NAME=ID[,ID]; packets that leave by the interface they came by are sent by XDP_TX, as on a card.
 */
static void balancer_add(const char *word)
{
	struct balancer *balancer = &balancers[balancers_count];
	__u32 id[PROGRAMS] = {};

	if (balancers_count == BALANCERS ||
	    sscanf(word, "%15[^=]=%u,%u", balancer->name, &id[XDPLB], &id[XDPLB_ENCAP]) < 2)
		die("%s: a balancer is NAME=XDPLB-ID[,XDPLB-ENCAP-ID], at most %d", word,
		    BALANCERS);
	for (int i = 0; i < PROGRAMS; i++)
		if (id[i])
			balancer->target[i] = generator_target(&generator, id[i]);
	maps_open(&balancer->maps, id[XDPLB]);
	memset(balancer->maps.config->interface, 0, sizeof(balancer->maps.config->interface));
	balancers_count++;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: bench OBJECT IFINDEX NAME=XDPLB-ID[,XDPLB-ENCAP-ID]...\n");
		return 2;
	}
	cpu_stay(0);
	generator_open(&generator, argv[1], atoi(argv[2]));
	for (int i = 3; i < argc; i++)
		balancer_add(argv[i]);
	for (int i = 0; i < rows_count; i++)
		if (rows[i].tracked && balancer_of(&rows[i], COLUMN_ONE))
			flows_open(&rows[i]);
	/* All rows in each round, so that what else this machine does is spread over them. */
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < rows_count; i++)
			for (int column = 0; column < COLUMNS; column++)
				measure(&rows[i], column, &figures[i][column], round);
	table_print();
	cores_print();
	generator_close(&generator);
	return 0;
}
