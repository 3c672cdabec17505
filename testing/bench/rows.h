/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: the rows and columns of the table. */
#ifndef XDPLB_BENCH_ROWS_H
#define XDPLB_BENCH_ROWS_H

#include "../../xdp/xdplb.h"
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

/* Which of a balancer's programs. */
enum program {
	XDPLB,
	XDPLB_ENCAP,
	XDPLB_REPLIES, /* on the way out */
	PROGRAMS,
};

/* What else each packet is counted as. */
enum counted {
	COUNTED_NOTHING,
	COUNTED_REASON, /* for row.reason */
	COUNTED_PACKET, /* a backend's packet */
	COUNTED_REPLY, /* a backend's reply */
};

/* Whether a registration changes its listener's weight. */
enum changes {
	CHANGES_NONE,
	CHANGES_ONE, /* each takes a selection that is made at once */
	CHANGES_FLOOD, /* more than the program makes selections for */
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
	__u8 verdict; /* enum xdp_action, but for what leaves, with which nothing is done */
	__u8 counted; /* enum counted */
	__u8 reason; /* enum xdplb_reason */
	__u8 by_lo; /* comes in by lo, as what this machine says to itself */
	__u8 changes; /* enum changes */
	__u16 listeners; /* so many register before anything is measured; those then do it again */
	__u16 services; /* flow n goes to port + n % services; 0 is 1 */
	__u8 cores; /* also measured on both CPUs at once */
};

extern const struct row rows[];
extern const int rows_count;

#define WEIGHTS 4 /* that listeners have: 1, 2, 3, 4, 1 ... */
#define BACKENDS 100 /* of nat's service, as flow_of_reply() counts them */

/* How many flows a column has, or in a round, new. */
__u32 column_flows(enum column column);

/* Registrations have no flows: how many of them differ. */
__u32 row_flows(const struct row *row, enum column column);

#endif
