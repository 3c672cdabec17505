// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a packet through the attached xdplb and xdplb_encap, less the
 * generator and a bare XDP_TX that is measured in turn with them, as a table.
 * Each service has one backend, all of whose first ports the flows of nat fill.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>

#include "balancer.h"
#include "frame.h"

#define ROUNDS 11
#define PACKETS 200000
#define FLOWS 16384
#define SLICES 64
#define COLUMNS 2
#define ROWS (sizeof(rows) / sizeof(*rows))

struct row {
	const char *name;
	enum bench_target target;
	enum direction direction;
	int family;
	int port;
	struct expected expected;
	__u32 only; /* so many flows and nothing else */
};

static const struct row rows[] = {
	{ "not for a service, IPv4", BENCH_PLAIN, TO_SERVICE, 4, PORT_NOBODY, { XDP_PASS, 0 }, 0 },
	{ "not for a service, IPv6", BENCH_PLAIN, TO_SERVICE, 6, PORT_NOBODY, { XDP_PASS, 0 }, 0 },
	{ "nat, to the backend", BENCH_PLAIN, TO_SERVICE, 4, PORT_NAT, { XDP_TX, 0 }, 0 },
	{ "nat, a reply", BENCH_PLAIN, NAT_REPLY, 4, PORT_NAT, { XDP_TX, 0 }, 0 },
	{ "nat, to the backend, one VLAN tag",
	  BENCH_PLAIN,
	  TO_SERVICE_TAGGED,
	  4,
	  PORT_NAT,
	  { XDP_TX, 0 },
	  0 },
	{ "nat, to the backend, IPv6", BENCH_PLAIN, TO_SERVICE, 6, PORT_NAT, { XDP_TX, 0 }, 0 },
	{ "nat, a reply, IPv6", BENCH_PLAIN, NAT_REPLY, 6, PORT_NAT, { XDP_TX, 0 }, 0 },
	{ "dnat, to the backend", BENCH_PLAIN, TO_SERVICE, 4, PORT_DNAT, { XDP_TX, 0 }, 0 },
	{ "dnat, a reply", BENCH_PLAIN, DNAT_REPLY, 4, PORT_DNAT, { XDP_TX, 0 }, 0 },
	{ "dsr", BENCH_PLAIN, TO_SERVICE, 4, PORT_DSR, { XDP_TX, 0 }, 0 },
	{ "dsr, 262,144 flows", BENCH_PLAIN, TO_SERVICE, 4, PORT_DSR, { XDP_TX, 0 }, 262144 },
	{ "nat, to the backend, by xdplb_encap",
	  BENCH_ENCAP,
	  TO_SERVICE,
	  4,
	  PORT_NAT,
	  { XDP_TX, 0 },
	  0 },
	{ "dsr, by xdplb_encap", BENCH_ENCAP, TO_SERVICE, 4, PORT_DSR, { XDP_TX, 0 }, 0 },
	{ "ipip, IPv4 in IPv4", BENCH_ENCAP, TO_SERVICE, 4, PORT_IPIP, { XDP_TX, 20 }, 0 },
	{ "ipip, IPv6 in IPv6", BENCH_ENCAP, TO_SERVICE, 6, PORT_IPIP, { XDP_TX, 40 }, 0 },
	{ "gue, IPv4 in IPv4", BENCH_ENCAP, TO_SERVICE, 4, PORT_GUE, { XDP_TX, 28 }, 0 },
	{ "gue, IPv6 in IPv6", BENCH_ENCAP, TO_SERVICE, 6, PORT_GUE, { XDP_TX, 48 }, 0 },
};

/* Of one row and column: what each round took, with the bare XDP_TX's own. */
struct figures {
	__s32 net[ROUNDS];
	__s32 bare[ROUNDS];
};

static int compare(const void *a, const void *b)
{
	return *(const __s32 *)a - *(const __s32 *)b;
}

static __s32 median(__s32 *of)
{
	qsort(of, ROUNDS, sizeof(*of), compare);
	return of[ROUNDS / 2];
}

/* The flows of a column, 0: nothing to measure. */
static __u32 flows_of(const struct row *row, int column)
{
	if (column == 0)
		return row->only ? 0 : 1;
	return row->only ? row->only : FLOWS;
}

/* One packet of each flow in the n-th slice of a row's flows. */
static void flows_touch(const struct balancer *balancer, const struct row *row, int n, __u8 flags)
{
	__u32 flows = flows_of(row, COLUMNS - 1);
	struct bench bench;

	frame_make(&bench, row->direction, row->family, row->port, flags);
	bench.target = row->target;
	bench.flows = flows;
	bench.next = (__u64)BENCH_STEP * n * (flows / SLICES) % flows;
	balancer_run(balancer, row->name, &bench, flows / SLICES, &row->expected);
}

/*
 * Opens the flows of all rows: a SYN each, then what makes them established.
 * By slices in turn, because a flow lies in the emptier of two buckets: the
 * first that is looked at for the early ones, and either for the late ones.
 */
static void flows_open(const struct balancer *balancer)
{
	for (int n = 0; n < SLICES; n++) {
		for (size_t i = 0; i < ROWS; i++) {
			if (rows[i].direction != TO_SERVICE || rows[i].port == PORT_NOBODY)
				continue;
			flows_touch(balancer, &rows[i], n, TCP_SYN);
			flows_touch(balancer, &rows[i], n, TCP_ACK);
		}
	}
}

static void measure(const struct balancer *balancer, const struct row *row, __u32 flows,
		    struct figures *figures, int round)
{
	static const struct expected sent = { XDP_TX, 0 };
	struct bench bench;

	if (!flows)
		return;
	frame_make(&bench, row->direction, row->family, row->port, TCP_ACK);
	bench.flows = flows;
	bench.target = BENCH_BARE;
	figures->bare[round] = balancer_run(balancer, "bare", &bench, PACKETS, &sent);
	bench.target = row->target;
	/* Once round, since what is done once a second would be done often in so short a run. */
	balancer_run(balancer, row->name, &bench, flows, &row->expected);
	figures->net[round] =
		(__s32)balancer_run(balancer, row->name, &bench, PACKETS, &row->expected) -
		figures->bare[round];
}

/* Prints the table; the bare XDP_TX's least and most are left in base[]. */
static void table_print(struct figures figures[][COLUMNS], __s32 base[2])
{
	printf("| | 1 flow | %d,%03d flows |\n|---|---|---|\n", FLOWS / 1000, FLOWS % 1000);
	for (size_t i = 0; i < ROWS; i++) {
		printf("| %s |", rows[i].name);
		for (int column = 0; column < COLUMNS; column++) {
			__s32 bare = median(figures[i][column].bare);

			if (!flows_of(&rows[i], column)) {
				printf(" |");
				continue;
			}
			printf(" %d ns |", median(figures[i][column].net));
			base[0] = bare < base[0] ? bare : base[0];
			base[1] = bare > base[1] ? bare : base[1];
		}
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	static struct figures figures[ROWS][COLUMNS];
	__s32 base[2] = { INT32_MAX, 0 };
	struct balancer balancer;

	if (argc != 5) {
		fprintf(stderr, "usage: bench OBJECT XDPLB-ID XDPLB-ENCAP-ID IFINDEX\n");
		return 2;
	}
	balancer_open(&balancer, argv[1], atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	flows_open(&balancer);
	/* All rows in each round, so that what else this machine does is spread over them. */
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ROWS; i++)
			for (int column = 0; column < COLUMNS; column++)
				measure(&balancer, &rows[i], flows_of(&rows[i], column),
					&figures[i][column], round);
	table_print(figures, base);
	printf("\nTaken off: generator and bare XDP_TX, %d to %d ns.\n", base[0], base[1]);
	bpf_object__close(balancer.object);
	return 0;
}
