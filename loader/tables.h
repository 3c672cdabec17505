/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of services whose listeners register themselves, which the program
 * fills while they are read here. The caller holds the lock.
 */
#ifndef XDPLB_TABLES_H
#define XDPLB_TABLES_H

#include "balancer.h"
#include "wanted.h"

/* A service's table, NULL: it has none. */
struct xdplb_table *table_of(const struct balancer *balancer, __u32 service);

/* Reads how a service takes registrations. */
void table_read(const struct balancer *balancer, __u32 service,
		struct wanted_registration *registration);

/*
 * Makes the table that a service wants and has not, before the set that needs it.
 * 0, or a negative errno after an error line.
 */
int table_prepare(struct balancer *balancer, __u32 service, const struct wanted_service *wanted);

/*
 * Registrations at the addresses of services that take them come to this UDP port
 * (network byte order), so no service may have it; nor may `wanted`, NULL: none, by
 * its own port or by taking registrations. 0, or -EADDRINUSE after an error line.
 */
int registration_port_check(const struct balancer *balancer, __be16 port,
			    const struct wanted_service *wanted);

/* Puts in force how registrations are taken, when the service's set is. */
void table_settle(struct balancer *balancer, __u32 service, const struct wanted_service *wanted);

/* Marks the backends of all tables in `kept`, and frees tables that no set needs; how many. */
int tables_collect(struct balancer *balancer, __u8 *kept, __u8 mark);

/* A table has this backend for a listener that may register. */
bool table_has_backend(const struct balancer *balancer, __u32 backend);

/*
 * The state of a service's backend that counts: down where its listener
 * registered itself and has expired or said goodbye since, drain where after a
 * goodbye its connections go on.
 */
__u8 listener_state(const struct balancer *balancer, __u32 service, __be16 port, __u8 state);

/* The backend is that of a listener that registered itself, and its lifetime is over. */
bool listener_is_over(const struct balancer *balancer, __u32 backend);

/* Has the operator's word count again for those backends that he just named. */
void listeners_renew(struct balancer *balancer, __u32 service, const struct wanted_service *wanted);

/* A listener that has registered itself and not expired. */
struct live_listener {
	__be16 port;
	__u16 weight;
	double expires; /* seconds from now */
	__u32 backend; /* id, of the table's */
};

/* The live one with this port; false: there is none. */
bool listener_live(const struct balancer *balancer, __u32 service, __be16 port,
		   struct live_listener *live);

/*
 * The listener at place `k` is one by itself: it has registered once, and no
 * backend of the set has its port now.
 */
bool listener_is_shown(const struct balancer *balancer, __u32 service, __u32 k);

/* The backend that a listener had by itself before the operator spoke of it; 0: none. */
__u32 listener_twin(const struct balancer *balancer, __u32 backend);

/* All, by place: the next from *place on, which is moved on; false: no more. */
bool listener_next(const struct balancer *balancer, __u32 service, __u32 *place,
		   struct live_listener *live);

/* Nanosecond of the program's clock, CLOCK_MONOTONIC_COARSE. */
__u64 clock_nanoseconds(void);

#endif
