/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What doctor looks for. A finding is a function in the table of cmd_doctor.c,
 * which adds what it finds: one problem and one remedy each time.
 */
#ifndef XDPLB_DOCTOR_H
#define XDPLB_DOCTOR_H

#include <limits.h>

#include "address.h"
#include "balancer.h"
#include "chain.h"

struct json_object;

/* One balancer that is looked at. */
struct doctor {
	const struct balancer *balancer;
	__u32 id; /* balancer_id() */
	const char *pins; /* NULL: not pinned */
	char which[PATH_MAX +
		   8]; /* what a command needs to mean this balancer: " -d eth0", or nothing */
	const char *only; /* the one interface that is asked about, NULL: all */
	struct chain_program found[CHAIN_MAX]; /* the interfaces that have it */
	int count;
	bool all; /* it is one of several that are looked at */
	bool stale_told, drained_told; /* what is no balancer's is told of once */
	struct json_object *findings;
};

/* 0, whatever it found, or a negative errno after an error line: it could not look. */
typedef int finding_function(struct doctor *doctor);

finding_function find_replies, find_address, find_listener, find_loopback, find_registrar;
finding_function find_no_backend, find_no_route, find_no_neighbour;
finding_function find_lro, find_generic_mode, find_checksums, find_no_redirect;
finding_function find_replies_unseen, find_encap_missing, find_eaten;
finding_function find_unanswered, find_drained, find_forwarding_off, find_mtu;
finding_function find_flows_full, find_ports_full, find_sets_full, find_silent, find_shadowed;
finding_function find_stale, find_rp_filter, find_rooms_full, find_listeners_full, find_lookup;
finding_function find_backend_here, find_source_held, find_service_twice;

/*
 * Adds a problem: the finding's name for programs, what is at fault, and a sentence
 * that begins with it. Its remedy must be given then: what to type.
 */
struct json_object *finding_add(struct doctor *doctor, const char *finding, const char *subject,
				const char *format, ...) __attribute__((format(printf, 4, 5)));
void finding_remedy(struct json_object *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Has the balancer loaded on an interface beside those that have it; `first` is what
 * to type before, "" or "command && ".
 */
void finding_remedy_load(const struct doctor *doctor, const char *interface, const char *first,
			 struct json_object *finding);

/*
 * Takes the balancer off these interfaces and loads it there again, with its tables:
 * `before` is what load needs in front of it ("" or "NAME=1 "), `options` what behind
 * (" -m skb").
 */
void finding_remedy_again(const struct doctor *doctor, const char *interfaces, const char *before,
			  const char *options, struct json_object *finding);

/* Gives the flow table room for so many flows, which nobody notices. */
void finding_remedy_resize(const struct doctor *doctor, __u64 flows, struct json_object *finding);

/*
 * Has all tables made anew, of the size for so many flows; the configuration is saved
 * and applied again, and flows are lost.
 */
void finding_remedy_anew(const struct doctor *doctor, __u64 flows, struct json_object *finding);

/* This interface is asked about. */
bool is_asked(const struct doctor *doctor, const struct chain_program *at);

/* The next service in force after *id, which is moved on; false: no more. */
bool service_next(const struct doctor *doctor, __u32 *id);

/* The service as it is written, into a buffer of ADDRESS_TEXT bytes, which is returned. */
const char *service_name(const struct doctor *doctor, __u32 id, char *text);

/*
 * Names services that are so: "192.0.2.1:53/udp and 2 more". False: there is
 * none.
 */
#define SERVICES_TEXT (ADDRESS_TEXT + 24)
typedef bool service_test(const struct doctor *doctor, __u32 id);
bool services_name(const struct doctor *doctor, service_test *test, char text[SERVICES_TEXT]);

#endif
