// SPDX-License-Identifier: GPL-2.0-only
/* Findings about the tables that a change, or a new flow, must find a place in. */
#include "doctor.h"
#include "nearly_full.h"
#include "output.h"
#include "rooms.h"
#include "sets.h"
#include "wanted.h"

/* The one that takes most of something, whose name goes into `text`; 0: none does. */
typedef __u32 amount_function(const struct doctor *doctor, __u32 id);

static __u32 service_of_most(const struct doctor *doctor, amount_function *amount, char *text)
{
	__u32 id = 0, most = 0, found = 0;

	while (service_next(doctor, &id)) {
		__u32 its = amount(doctor, id);

		if (its <= most)
			continue;
		most = its;
		found = id;
	}
	if (found)
		service_name(doctor, found, text);
	return found;
}

static __u32 backends_of(const struct doctor *doctor, __u32 id)
{
	return set_of(doctor->balancer, id)->backends;
}

static __u32 pools_of(const struct doctor *doctor, __u32 id)
{
	const struct xdplb_set *set = set_of(doctor->balancer, id);
	__u32 sources = set->snats ? set->snats : 1;

	return set->forward == XDPLB_NAT ? set->backends * sources : 0;
}

/* ---- remedies -------------------------------------------------------------------------------- */

typedef void remedy_function(const struct doctor *doctor, __u32 room, struct json_object *finding);

static void services_remedy(const struct doctor *doctor, __u32 room, struct json_object *finding)
{
	(void)room;
	finding_remedy(finding, "xdplb-config del-service%s SERVICE", doctor->which);
}

static void backends_remedy(const struct doctor *doctor, __u32 room, struct json_object *finding)
{
	char text[ADDRESS_TEXT] = "SERVICE";

	(void)room;
	service_of_most(doctor, backends_of, text);
	finding_remedy(finding, "xdplb-config del-backend%s %s BACKEND", doctor->which, text);
}

/* A source address less, or where there is but one a backend. */
static void pools_remedy(const struct doctor *doctor, __u32 room, struct json_object *finding)
{
	char text[ADDRESS_TEXT] = "SERVICE", source[ADDRESS_TEXT];
	__u32 id = service_of_most(doctor, pools_of, text);

	(void)room;
	if (id && set_of(doctor->balancer, id)->snats > 1)
		finding_remedy(finding, "xdplb-config set-service%s %s --snat %s", doctor->which,
			       text, address_text(set_snat(doctor->balancer, id, 0), source));
	else
		finding_remedy(finding, "xdplb-config del-backend%s %s BACKEND", doctor->which,
			       text);
}

/* There are as many as flows ask for, and some more; see attach.c. */
static void blocks_remedy(const struct doctor *doctor, __u32 room, struct json_object *finding)
{
	if (2 * room < XDPLB_NAT_BLOCKS_MAX)
		finding_remedy_anew(doctor, 64ULL * (2 * room - XDPLB_NAT_BLOCKS_SPARE), finding);
	else
		finding_remedy(finding,
			       "xdplb-config set-service%s SERVICE "
			       "--timeout established=SECONDS,closing=SECONDS,udp=SECONDS",
			       doctor->which);
}

static void tables_remedy(const struct doctor *doctor, __u32 room, struct json_object *finding)
{
	(void)room;
	finding_remedy(finding, "xdplb-config set-service%s SERVICE --registration off",
		       doctor->which);
}

/* ---- the finding ----------------------------------------------------------------------------- */

static const struct {
	const char *finding;
	const char *subject;
	const char *what; /* of those there are so many, and what comes of that */
	remedy_function *remedy;
} rooms[ROOMS] = {
	[ROOM_SERVICES] = { "services_nearly_full", "services",
			    "services are there, so new ones may find no room", services_remedy },
	[ROOM_BACKENDS] = { "backends_nearly_full", "backends",
			    "backends are there, with those that have registered or could, and "
			    "deleted ones that have flows, so new ones may find no room",
			    backends_remedy },
	[ROOM_POOLS] = { "pools_nearly_full", "pools",
			 "pairs of a backend and a source address of nat are there, so new ones "
			 "may find no room",
			 pools_remedy },
	[ROOM_BLOCKS] = { "blocks_nearly_full", "blocks",
			  "blocks of 64 source ports of nat are taken, so new flows may find none "
			  "(no_port)",
			  blocks_remedy },
	[ROOM_DIRECTORY] = { "directory_nearly_full", "directory",
			     "places for addresses of services and backends are taken, so new "
			     "ones may find none",
			     services_remedy },
	[ROOM_TABLES] = { "registrations_nearly_full", "registrations",
			  "services have their listeners registered, so no more may be able to",
			  tables_remedy },
};

int find_rooms_full(struct doctor *doctor)
{
	__u32 used[ROOMS], room[ROOMS];
	int err = rooms_count(doctor->balancer, used, room);

	for (int i = 0; !err && i < ROOMS; i++)
		if (is_nearly_full(used[i], room[i]))
			rooms[i].remedy(doctor, room[i],
					finding_add(doctor, rooms[i].finding, rooms[i].subject,
						    "%s: %u of %u %s", rooms[i].subject, used[i],
						    room[i], rooms[i].what));
	return err;
}
