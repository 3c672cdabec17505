/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated service: what xdplb-config would put into the maps for it (laid
 * out by loader/set_layout.c, so by loader/slots.c and loader/marks.c), and
 * random changes of it. Times are in seconds.
 */
#ifndef XDPLB_TABLE_SERVICE_H
#define XDPLB_TABLE_SERVICE_H

#include <stdbool.h>

#include "../../loader/wanted.h"
#include "../../xdp/xdplb.h"

#define IDS 4096 /* of backends, never used twice */
#define PLACES 48 /* backends that the service has at most */

enum change {
	CHANGE_ADD,
	CHANGE_BACK, /* one that was removed, while its record is still there */
	CHANGE_DRAIN,
	CHANGE_REMOVE,
	CHANGE_KILL, /* down */
	CHANGE_UP, /* from whatever state */
	CHANGE_BACKUP,
	CHANGE_WEIGHT,
	CHANGE_TABLE,
	CHANGE_SCHEDULER,
	CHANGE_METHOD,
	CHANGE_WINDOW, /* and slow start */
	CHANGE_NOBODY, /* all drained */
	CHANGE_NOTHING, /* a command that finds all as it should be */
	CHANGES,
};

extern const char *const change_names[CHANGES];

struct service {
	union xdplb_set_line *set; /* in force; its lines count from its first */
	__u64 seed[2];
	struct xdplb_backend backend[IDS];
	__u32 entries[IDS]; /* in the flow table; kept by who simulates that */
	__u32 deaths[IDS]; /* how often it went down */
	__u32 changes[CHANGES]; /* made so far */

	struct wanted_service wanted; /* what is in force, */
	__u32 ids[PLACES]; /* and its backends' ids */
	__u32 last_id;
};

/* A service with some backends; `stateless`: UDP that follows its slots' owners. */
void service_begin(struct service *service, bool udp, bool stateless, __u32 now);
void service_end(struct service *service);

/* Makes a random change. */
void service_change(struct service *service, __u32 now);

/* Nobody takes flows. */
bool service_is_closed(const struct service *service);

/*
 * After a change: the service's marks may go, but for slots that are needed;
 * see marks_clear(). Owners and methods are those of the set in force.
 */
bool service_is_settled(const struct service *service, __u32 now);
void service_settle(struct service *service, const bool *needed);

/* The word of a slot of those that begin in this line of the set in force. */
__u32 service_word(const struct service *service, __u32 line, __u32 slot);

/* Random numbers, the same in each run with the same seed; `below` is not 0. */
void random_begin(__u64 seed);
__u64 random_64(void);
__u32 random_below(__u32 below);

#endif
