/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What xdplbd shall do with services and their backends, as xdplb.yaml(5) writes
 * it. xdplb-config reads the same, so that a mistake is found, and does nothing
 * with it. Times are milliseconds, ports in network byte order. Texts are NULL
 * where they are not given.
 */
#ifndef XDPLB_CHECKS_H
#define XDPLB_CHECKS_H

#include <linux/types.h>
#include <stdbool.h>

#include "announce.h"

enum check_type {
	CHECK_OFF,
	CHECK_TCP, /* a connection; where given, what is sent and what is answered */
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_TLS, /* a handshake */
	CHECK_DNS,
	CHECK_UDP, /* a datagram and its answer */
	CHECK_COMMAND, /* its exit status is 0 */
	CHECK_TYPES,
};

#define CHECK_STATUSES 8 /* ranges of HTTP's status */
/* Bytes of texts, at most. */
#define CHECK_SEND 512
#define CHECK_PATH 512
#define CHECK_HOST 255 /* and sni */

struct check_options {
	__u8 type; /* enum check_type */
	__u8 jitter; /* percent of the interval, more or less, at random */
	bool direct; /* to the backend's address, whatever the method */
	bool verify; /* certificates */
	__u16 rise, fall; /* results in a row after which it is another */
	__be16 port; /* 0: the backend's */
	__u16 query_type; /* of DNS */
	__u32 interval, timeout;
	int statuses; /* 0: 200 to 399 */
	struct {
		__u16 from, to;
	} status[CHECK_STATUSES];
	const char *path, *host, *sni, *ca, *body;
	const char *query;
	const char *send, *expect;
	const char *command;
};

const char *check_type_name(__u8 type);

/* A number, or percent of all. */
struct amount {
	__u32 number;
	bool percent;
};

/* That many of `all`; percent rounded up. */
__u32 amount_of(struct amount amount, __u32 all);

/* A backend says how much it can take: percent of its weight. */
struct agent_options {
	bool on;
	__be16 port;
	const char *path; /* HTTP; NULL: a line of TCP */
	const char *send; /* TCP: what is sent first */
	__u32 interval, timeout;
	__u8 smooth; /* percent of what was said before that stays */
	__u8 least; /* percent of the weight that it keeps at least */
	__u8 most;
	__u8 step; /* percent points below which no change is worth a new set */
};

/* What the data plane sees: flows that never got past their first packet. */
struct passive_options {
	bool on;
	bool acts; /* it counts as failed, else it is said only */
	__u8 share; /* percent of a backend's young flows */
	__u32 flows; /* fewer say nothing */
	struct amount limit; /* of backends that are out for it */
};

/* A backend that fails as often within that time stays out until it has been well for `hold`. */
struct damping_options {
	__u16 flaps; /* 0: none */
	__u32 within, hold;
};

/* Of a service. */
struct health_options {
	struct check_options check; /* of backends that have none of their own */
	__u8 on_fail; /* XDPLB_DOWN or XDPLB_DRAIN */
	struct amount min_up;
	bool fallback; /* the last of the service's backends is it */
	struct agent_options agent;
	struct passive_options passive;
	struct damping_options damping;
};

/* Where something listens. */
struct listen_place {
	bool on;
	bool both; /* at all addresses of both families; else a zero address is all of IPv4's */
	__be32 addr[4];
	__be16 port;
};

/* How xdplbd itself runs. */
struct daemon_options {
	bool json; /* what it logs */
	struct announce_settings announce;
	struct listen_place http; /* metrics and the status page */
};

#endif
