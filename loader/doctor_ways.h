/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways to backends that packets are sent to now, for the findings about them. */
#ifndef XDPLB_DOCTOR_WAYS_H
#define XDPLB_DOCTOR_WAYS_H

#include "doctor.h"
#include "interfaces.h"
#include "route.h"

struct doctor_way {
	__u32 service; /* id */
	__u32 backend; /* id */
	__u8 forward; /* enum xdplb_forward, never local */
	struct next_hop hop;
	int err; /* there is no route */
	__u32 out; /* the interface that frames leave by, of a VLAN the one below; 0: none */
};

struct doctor_ways {
	struct doctor_way *way;
	__u32 count;
	struct link *links;
	int link_count;
};

/*
 * Those of all services, but to backends that are down. 0, or a negative errno
 * after an error line; ways_free() it in any case.
 */
int ways_read(const struct doctor *doctor, struct doctor_ways *ways);
void ways_free(struct doctor_ways *ways);

/* One of each: "backend 10.0.0.1:80 of 192.0.2.1:80/tcp". */
#define WAY_TEXT (2 * ADDRESS_TEXT + 16)
const char *way_name(const struct doctor *doctor, const struct doctor_way *way, char *text);

/* How a way's backend is named beside its service. */
const char *way_backend(const struct doctor *doctor, const struct doctor_way *way, char *text);

/* Takes the way's backend out of its service's traffic. */
void way_remedy_down(const struct doctor *doctor, const struct doctor_way *way,
		     struct json_object *finding);

/* The name of an interface, "?" where it has gone. */
const char *interface_name(__u32 ifindex, char name[IF_NAMESIZE]);

#endif
