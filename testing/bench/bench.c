// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a packet through attached balancers, less the generator and a
 * bare XDP_TX (on the way out: a tc program that does nothing) that is measured
 * in turn with them, as a table; see rows.c.
 *
 *	bench OBJECT IFINDEX NAME=XDPLB-ID[,XDPLB-ENCAP-ID[,XDPLB-REPLIES-ID]]...
 *
 * An id of 0 is a program that is not there.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "generator.h"
#include "maps.h"
#include "rows.h"

#define ROUNDS 9
#define PACKETS 200000
#define BALANCERS 32
#define ROWS_MAX 96
#define NS_MAX 100000
#define LOOPBACK_IFINDEX 1
#define CHANGES_RUN \
	200 /* selections that are made in a row: fewer than BUILDS_MAX of xdp/listeners.h */
#define CHANGES_PAUSE_NS 300000000 /* after which so many may be made again */

struct balancer {
	char name[16];
	struct maps maps;
	__u32 target[PROGRAMS];
	__u32 fresh; /* clients that have opened a flow in a column of new flows */
};

static struct generator generator;
static struct balancer balancers[BALANCERS];
static int balancers_count;
static __u32 ifindex; /* of the interface that packets come in by, but for some */

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

/* Of listeners in turn, who have the ports that follow their service's. */
static struct bench_flow registration_make(const struct row *row, __u32 n)
{
	__u32 listeners = row->listeners ? row->listeners : 1, listener = n % listeners;
	__u32 turn = row->changes ? n / listeners : 0;

	return flow_of_listener(row->port + 1 + listener, 1 + (listener + turn) % WEIGHTS);
}

static struct bench_flow flow_make(const struct row *row, __u32 n)
{
	switch (row->direction) {
	case NAT_REPLY:
		return flow_of_reply(row->family, n, BACKENDS, row->port);
	case LOCAL_REPLY:
	case LOCAL_REPLY_UDP:
		return flow_of_client(n, row->port + 1);
	case REGISTRATION:
		return registration_make(row, n);
	default:
		return flow_of_client(n, row->port + n % (row->services ? row->services : 1));
	}
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

/* One CPU's part of a run. */
struct part {
	pthread_t thread;
	int cpu;
	int program; /* of the generator's */
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
	part->duration = generator_run(&generator, part->program, part->packets, &part->outcome);
	return NULL;
}

/* Two CPUs at once, each with one half of the flows; what the slower one took a packet. */
static __u32 run_both(const struct bench *bench, int program, int packets)
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
		part[i].program = program;
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

/* Registrations are sealed as this balancer would have them. */
static void tags_fill(const struct bench *bench, const struct maps *maps)
{
	if (bench->count > BENCH_TAGS)
		die("%u registrations: more than %d", bench->count, BENCH_TAGS);
	for (__u32 n = 0; n < bench->count; n++)
		generator.tags[n] = frame_tag(bench, &generator.flows[n], maps->config->seal);
}

/* Nanoseconds a packet, the generator's included. */
static __u32 run(const struct bench *bench, int packets, bool both, struct expected *expected)
{
	int program = expected->out ? generator.generate_out : generator.generate;
	struct counts before = {};
	struct outcome outcome;
	__u32 duration;

	expected->both = both;
	if (bench->tag_at && expected->maps)
		tags_fill(bench, expected->maps);
	counts_read(expected, &before);
	if (both) {
		duration = run_both(bench, program, packets);
	} else {
		generator_set(&generator, bench);
		duration = generator_run(&generator, program, packets, &outcome);
		outcome_check(expected, &outcome);
	}
	counts_check(expected, &before);
	return duration;
}

/* ---- rows ---------------------------------------------------------------------------- */

static bool is_out(const struct row *row)
{
	return row->program == XDPLB_REPLIES;
}

static struct expected expected_of(const struct row *row, const struct balancer *balancer,
				   __u32 packets)
{
	return (struct expected){ .name = row->name,
				  .maps = &balancer->maps,
				  .packets = packets,
				  .verdict = is_out(row) ? TC_ACT_UNSPEC : row->verdict,
				  .size = BENCH_FRAME + row->growth,
				  .reason = row->reason,
				  .counted = row->counted,
				  .out = is_out(row) };
}

/* The bare program's, where this row's packets go. */
static __u32 run_bare(const struct row *row, struct bench *bench, int packets, bool both)
{
	struct expected sent = { .name = "bare XDP_TX",
				 .verdict = is_out(row) ? TC_ACT_UNSPEC : XDP_TX,
				 .size = BENCH_FRAME,
				 .out = is_out(row) };

	generator.ifindex = row->by_lo ? LOOPBACK_IFINDEX : ifindex;
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

/* All listeners of a row register, with this balancer. */
static void listeners_register(const struct row *row, const struct balancer *balancer)
{
	struct expected expected = { .name = row->name,
				     .maps = &balancer->maps,
				     .packets = row->listeners,
				     .verdict = XDP_DROP,
				     .size = BENCH_FRAME,
				     .reason = XDPLB_ANSWER_REGISTERED,
				     .counted = COUNTED_REASON };
	struct row all = *row;
	struct bench bench;

	all.direction = REGISTRATION;
	all.changes = CHANGES_NONE;
	generator.ifindex = LOOPBACK_IFINDEX;
	frame_make(&bench, REGISTRATION, row->family, row->port, 0);
	flows_fill_in_order(&all, row->listeners);
	bench.target = balancer->target[XDPLB];
	bench.count = row->listeners;
	run(&bench, row->listeners, false, &expected);
	generator.ifindex = ifindex;
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
	__u32 flows = row_flows(row, column);
	struct expected expected;
	struct bench bench;

	frame_make(&bench, row->direction, row->family, row->port, TCP_ACK_FLAG);
	flows_fill(row, 0, flows);
	bench.count = flows;
	*bare = run_bare(row, &bench, PACKETS, both);
	bench.target = balancer->target[row->program];
	expected = expected_of(row, balancer, flows);
	if (first)
		second_begin();
	flows = run(&bench, flows, both && flows > 1, &expected);
	if (first)
		*first = (__s32)flows - *bare;
	expected = expected_of(row, balancer, PACKETS);
	if (expected.counted != COUNTED_REASON)
		expected.counted = COUNTED_NOTHING; /* reading that would empty the caches */
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
	*bare = run_bare(row, &bench, flows, both);
	bench.target = balancer->target[row->program];
	expected.opens = row->tracked;
	*net = (__s32)run(&bench, flows, both, &expected) - *bare;
}

/* A round of registrations, each of which takes a selection that is made at once. */
static void measure_change(const struct row *row, __s32 *net, __s32 *bare)
{
	const struct timespec pause = { .tv_nsec = CHANGES_PAUSE_NS };
	const struct balancer *balancer = balancer_of(row, COLUMN_ONE);
	struct expected expected = expected_of(row, balancer, CHANGES_RUN);
	struct bench bench;

	listeners_register(row, balancer);
	frame_make(&bench, row->direction, row->family, row->port, 0);
	for (__u32 i = 0; i < CHANGES_RUN; i++)
		generator.flows[i] = flow_make(row, row->listeners + i);
	bench.count = CHANGES_RUN;
	*bare = run_bare(row, &bench, PACKETS, false);
	nanosleep(&pause, NULL);
	bench.target = balancer->target[row->program];
	expected.builds = true;
	*net = (__s32)run(&bench, CHANGES_RUN, false, &expected) - *bare;
}

/* The same on one CPU, and where a row says so on two. */
static void measure(const struct row *row, enum column column, struct figures *at, int round)
{
	__s32 *first = column == COLUMN_1M && row->columns & IN(FIRST) ?
			       &at[COLUMN_FIRST - COLUMN_1M].net[round] :
			       NULL;

	if (!(row->columns & 1 << column) || column == COLUMN_FIRST || !balancer_of(row, column))
		return;
	if (row->changes == CHANGES_ONE)
		measure_change(row, &at->net[round], &at->bare[round]);
	else if (column == COLUMN_NEW)
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

/* What was taken off: the least and the most. */
struct base {
	__s32 least;
	__s32 most;
};

static void base_note(struct base *base, __s32 bare)
{
	base->least = bare < base->least ? bare : base->least;
	base->most = bare > base->most ? bare : base->most;
}

static void base_print(const struct base *base, const char *what)
{
	if (base->most)
		printf("\nTaken off%s, %d to %d ns.\n", what, base->least, base->most);
}

static void row_print(int i, struct base *base)
{
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

static void table_print(void)
{
	struct base base[2] = { { .least = NS_MAX }, { .least = NS_MAX } };

	printf("| ns a packet, net | 1 flow | 10 k flows | 1 M flows | its flow's first in a "
	       "second "
	       "| every packet a new flow |\n|---|---|---|---|---|---|\n");
	for (int i = 0; i < rows_count; i++) {
		if (balancer_of(&rows[i], COLUMN_ONE))
			row_print(i, &base[is_out(&rows[i])]);
	}
	base_print(&base[0], ": generator and bare XDP_TX");
	base_print(&base[1], " on the way out: generator and a program that does nothing");
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

/* See above; packets that leave by the interface they came by are sent by XDP_TX, as on a card. */
static void balancer_add(const char *word)
{
	struct balancer *balancer = &balancers[balancers_count];
	__u32 id[PROGRAMS] = {};

	if (balancers_count == BALANCERS ||
	    sscanf(word, "%15[^=]=%u,%u,%u", balancer->name, &id[XDPLB], &id[XDPLB_ENCAP],
		   &id[XDPLB_REPLIES]) < 2)
		die("%s: a balancer is NAME=XDPLB-ID[,XDPLB-ENCAP-ID[,XDPLB-REPLIES-ID]], at most "
		    "%d",
		    word, BALANCERS);
	for (int i = 0; i < XDPLB_REPLIES; i++)
		if (id[i])
			balancer->target[i] = generator_target(&generator, id[i]);
	if (id[XDPLB_REPLIES])
		balancer->target[XDPLB_REPLIES] =
			generator_target_out(&generator, id[XDPLB_REPLIES]);
	maps_open(&balancer->maps, id[XDPLB]);
	memset(balancer->maps.config->interface, 0, sizeof(balancer->maps.config->interface));
	balancers_count++;
}

/* What must be there before a row is measured. */
static void row_prepare(const struct row *row)
{
	const struct balancer *balancer = balancer_of(row, COLUMN_ONE),
			      *new_balancer = balancer_of(row, COLUMN_NEW);

	if (!balancer || !new_balancer)
		return;
	if (row->listeners)
		listeners_register(row, balancer);
	if (row->listeners && new_balancer != balancer)
		listeners_register(row, new_balancer);
	if (row->tracked)
		flows_open(row);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: bench OBJECT IFINDEX NAME=ID[,ID[,ID]]...\n");
		return 2;
	}
	cpu_stay(0);
	ifindex = atoi(argv[2]);
	generator_open(&generator, argv[1], ifindex);
	for (int i = 3; i < argc; i++)
		balancer_add(argv[i]);
	for (int i = 0; i < rows_count; i++)
		row_prepare(&rows[i]);
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
