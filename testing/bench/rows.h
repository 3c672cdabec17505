/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: the rows and columns of the table. */
#ifndef XDPLB_BENCH_ROWS_H
#define XDPLB_BENCH_ROWS_H

#include "frame.h"

enum column {
	COLUMN_ONE, /* packets of one flow */
	COLUMN_10K,
	COLUMN_1M,
	COLUMN_FIRST, /* a million flows, each packet its flow's first in this second */
	COLUMN_NEW, /* every packet is a new flow's first */
	COLUMNS,
};

#define IN(column) (1 << COLUMN_##column)
#define IN_FEW (IN(ONE) | IN(10K))
#define IN_OLD (IN_FEW | IN(1M))
#define IN_SEEN (IN_OLD | IN(FIRST)) /* where a flow's time is kept */
#define IN_ALL (IN_OLD | IN(NEW))

/* Which of a balancer's two programs. */
enum program {
	XDPLB,
	XDPLB_ENCAP,
	PROGRAMS,
};

struct row {
	const char *name;
	const char *balancer; /* by the name that run gives it */
	const char *new_balancer; /* where the column of new flows is measured, NULL: the same */
	enum direction direction;
	int family;
	__u16 port;
	__u8 columns; /* IN_* */
	__u8 tracked; /* flows must be opened, and are remembered */
	__u8 program; /* enum program */
	__u8 growth; /* bytes of the wrapping */
	__u8 verdict; /* enum xdp_action */
	__u16 services; /* flow n goes to port + n % services; 0 is 1 */
	__u8 cores; /* also measured on both CPUs at once */
};

extern const struct row rows[];
extern const int rows_count;

#define BACKENDS 100 /* of nat's service, as flow_of_reply() counts them */

/* How many flows a column has, or in a round, new. */
__u32 column_flows(enum column column);

#endif
