/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xdplbd: health checks for a balancer that needs none to forward.
 *
 * One process, one thread, one sd-event loop (`struct daemon.event`), on which all that waits is a
 * source: sockets, timers (CLOCK_MONOTONIC), children, signals, libcurl's sockets. Nothing blocks.
 * A new part has a file of its own here, a function NAME_begin(daemon) that main() calls and that
 * adds its sources, and NAME_end(daemon); it reads the structures below and changes none of them.
 * Sources of what must not wait behind a thousand checks have a priority below 0.
 *
 *   xdplbd.c    main(): options, the loop
 *   daemon.c    the file in force: reading, applying, reloading; what it makes of services
 *   check.c     one check of one backend after the other: when, timeout, result
 *   exchange.c  tcp, udp, dns, agents: a connection, bytes sent, bytes judged
 *   web.c       http, https, tls: libcurl on the loop
 *   run.c       commands
 *   probe.c     checks by a service's method, with the programs of xdp/probe.c
 *   agent.c     asks backends how much they can take; agent_words.c reads what they say. Pure.
 *   passive.c   looks at what becomes of flows; silence.c judges it. Pure.
 *   health.c    results to health: rise, fall, damping. Pure.
 *   floor.c     health to states: the floor. Pure.
 *   act.c       states to the balancer, under its lock, from what is there just then; notices
 *               what somebody changed by hand
 *   announcer.c addresses to a routing daemon, while something healthy is behind them
 *   look.c      reads what the balancer counts, again and again
 *   view.c      which of those services and backends is which of these. Pure.
 *   metrics.c, status.c, page.c  the same for Prometheus, as JSON, and for people. Pure.
 *   http.c      serves these
 *   log.c       one line an event
 *   record.c    what a later instance must know: the file that was applied last
 *
 * Whose word a state is: the map's set has for each backend its state and, where checks made it
 * another than the operator wants, his (xdplb_set_backend.own), in one store. So whatever kills
 * whom at which moment, nobody takes the one for the other.
 */
#ifndef XDPLBD_DAEMON_H
#define XDPLBD_DAEMON_H

#include <stdbool.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "../balancer.h"
#include "../configuration.h"
#include "agent.h"
#include "check.h"
#include "health.h"
#include "record.h"

struct daemon;
struct watched_service;

/* A backend of a service of the file, or one that was added to it by hand. */
struct watched_backend {
	struct watched_service *service;
	struct wanted_backend place; /* address and port; the rest is as it was last seen or set */
	const struct check_options *options; /* CHECK_OFF: it is not checked */
	struct check check; /* its last result, how long it took, how many there were */
	struct agent agent;
	struct health health; /* health.up: what rise and fall have made of the results */
	__u32 probe; /* index of its checks by the method, 0: none */
	uint64_t probe_until; /* microsecond up to which that is known to be right */
	__be32 source[4]; /* of wrappings, zero where it is not known */
	bool spread; /* ... it is one of many */
	bool unanswered; /* its flows get no answer, see passive.c */
	bool fallback;
	bool forced; /* set up by hand while checks failed: it is, until they pass again */
	bool fresh; /* nothing is known of it yet */
	bool seen; /* by the look that is under way */
};

struct watched_service {
	struct daemon *daemon;
	struct service_address at;
	__u8 forward; /* enum xdplb_forward */
	const struct health_options *options;
	struct watched_backend **backend; /* in the order of the set */
	int backends;
	__u32 line; /* of the set that was last seen or made (service_set()), 0: none */
	bool gone; /* somebody removed it by hand */
	bool suspect; /* so many fail that the last good set is kept */
	bool keeps; /* for that, or as others may be about to fail, some that failed are kept */
	bool dirty; /* its states are to be looked at */
};

struct daemon {
	sd_event *event;
	const char *file;
	struct balancer_choice choice;
	struct configuration configuration; /* the file in force */
	struct file_text text; /* the same as it was read */
	struct watched_service **service; /* of the file, in its order */
	int services;
	__u32 balancer; /* balancer_id() of what it was applied to, 0: there is none just now */
	struct act *act;
	struct web *web;
	struct probes *probes;
	sd_event_source *passive;
	sd_event_source *retry; /* of a reload */
	int commands; /* that run just now */
	int reserve; /* a descriptor to withdraw with, whatever has used up all others */
	__be16 gue_port; /* of the balancer's settings */
	struct announcer *announcer;
	struct look *look;
	struct http *http;
	time_t loaded; /* when the file in force was read, since 1970 */
	bool rejected; /* what was read since could not be put in force */
};

/*
 * Reads the file and puts it in force. The first time it waits for the balancer's lock, and goes on
 * where an earlier instance with the same file was. 0, or a negative errno after an error line: the
 * old one stays in force. -EBUSY comes without a line: somebody changes the balancer just now.
 */
int daemon_load(struct daemon *daemon, bool first);
/* The same with the file in force, for a balancer that is another now. */
int daemon_reapply(struct daemon *daemon);
void daemon_free(struct daemon *daemon);

/*
 * How many of a service's backends that the operator wants up, or as backup, are healthy; a
 * fallback, which nobody checks, is none of them.
 */
int service_healthy(const struct watched_service *service);

/* A backend's text, ADDR:PORT or :PORT, into ADDRESS_TEXT bytes, which are returned. */
const char *watched_text(const struct watched_backend *backend, char *text);

#endif
