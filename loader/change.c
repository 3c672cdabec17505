// SPDX-License-Identifier: GPL-2.0-only
#include "change.h"

#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "collect.h"
#include "directory.h"
#include "error.h"
#include "grown.h"
#include "machine.h"
#include "ports.h"
#include "services.h"
#include "sets.h"
#include "tables.h"
#include "unmark.h"
#include "ways_left.h"

int change_add(struct change *change, struct wanted_service *wanted)
{
	struct service_change *more =
		grown(change->service, change->services, sizeof(*more), "services");

	if (!more)
		return -ENOMEM;
	change->service = more;
	more[change->services++] = (struct service_change){ .wanted = wanted };
	return 0;
}

void change_free(struct change *change)
{
	for (int i = 0; i < change->services; i++)
		plan_free(&change->service[i].plan);
	for (__u32 id = 1; change->left && id < XDPLB_SERVICES; id++)
		wanted_free(&change->left[id]);
	free(change->service);
	free(change->left);
	free(change->was);
	*change = (struct change){};
}

/* ---- beside what is in force --------------------------------------------------------------- */

/* What those have that shall be no more. */
static int gone_read(const struct balancer *balancer, struct change *change)
{
	int err = 0;

	change->left = calloc(XDPLB_SERVICES, sizeof(*change->left));
	if (!change->left)
		return fail(ENOMEM, "no memory for a change");
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++)
		if (change->gone[id])
			err = set_read(balancer, id, &change->left[id]);
	return err;
}

/* Beside what is noted in the change, nothing is written. */
int change_plan(struct balancer *balancer, struct change *change)
{
	int err = change->gone ? gone_read(balancer, change) : 0;

	change->was = calloc(XDPLB_BACKENDS, sizeof(*change->was));
	if (!err && !change->was)
		return fail(ENOMEM, "no memory for a change");
	for (int i = 0; !err && i < change->services; i++) {
		struct service_change *one = &change->service[i];

		one->id = service_find(balancer, &one->wanted->at);
		one->known = one->id;
		err = plan_new(balancer, one->id, one->wanted->backends, change->was, &one->plan);
		if (!err)
			err = ways_find(one->wanted, one->plan.ways);
	}
	return err;
}

/* Finds what there is; *makes: that is not all. */
static int change_find(struct balancer *balancer, struct change *change, bool *makes)
{
	int err = 0;

	*makes = false;
	for (int i = 0; !err && i < change->services; i++) {
		struct service_change *one = &change->service[i];

		if (one->known)
			err = backends_find(balancer, one->id, one->wanted, &one->plan);
		*makes |= !one->known || plan_makes(&one->plan, one->wanted) ||
			  wanted_listens(one->wanted);
	}
	return err;
}

/* A service record that the directory does not lead to yet. */
static int service_new(struct balancer *balancer, const struct service_address *at)
{
	for (int id = 1; id < XDPLB_SERVICES; id++) {
		struct xdplb_service *service = &balancer->services[id];

		if (service->proto)
			continue;
		memset(service, 0, sizeof(*service));
		memcpy(service->addr, at->addr, sizeof(service->addr));
		service->port = at->port;
		__atomic_store_n(&service->proto, at->proto, __ATOMIC_RELEASE);
		return id;
	}
	return fail(ENOSPC, "no room for more than %d services", XDPLB_SERVICES - 1);
}

/* Makes what there is not. */
static int change_make(struct balancer *balancer, struct change *change)
{
	int err = 0;

	for (int i = 0; !err && i < change->services; i++) {
		struct service_change *one = &change->service[i];
		int id;

		wanted_here(one->wanted, "service");
		id = one->known ? (int)one->id : service_new(balancer, &one->wanted->at);
		err = id < 0 ? id : 0;
		if (err)
			break;
		one->id = id;
		err = backends_prepare(balancer, id, one->wanted, &one->plan);
		wanted_here(one->wanted, "registration");
		if (!err)
			err = table_prepare(balancer, id, one->wanted);
	}
	place_here(NULL, NULL);
	return err ? err : ports_publish(balancer);
}

/* ---- into force ---------------------------------------------------------------------------- */

/* What the first packets need that come by what is new. */
static void change_open(struct balancer *balancer, struct change *change, int *steps)
{
	machine_prepare(balancer);
	for (int i = 0; i < change->services; i++) {
		struct service_change *one = &change->service[i];

		ways_ask(one->wanted, one->plan.ways, one->plan.stays, &one->asked);
	}
	for (int i = 0; i < change->services; i++)
		ways_wait(&change->service[i].asked, steps);
	for (int i = 0; i < change->services; i++) {
		struct service_change *one = &change->service[i];

		listeners_renew(balancer, one->id, one->wanted);
		backends_open(balancer, one->id, one->wanted, &one->plan);
	}
}

/* Packets to a new service find it, as one that is not in force yet. */
static int service_announce(struct balancer *balancer, const struct service_change *one)
{
	const struct service_address *at = &one->wanted->at;
	int err = address_add(balancer, XDPLB_KIND_ADDRESS, one->id);

	return err ? err :
		     directory_add(balancer, XDPLB_KIND_SERVICE, at->addr, at->port, at->proto,
				   one->id);
}

static int set_lay_out(struct staging *staging, struct service_change *one)
{
	int err;

	wanted_here(one->wanted, "backends");
	err = set_stage(staging, one->id, one->wanted, one->plan.ids, &one->second);
	place_here(NULL, NULL);
	return err;
}

static int change_stage(struct balancer *balancer, struct change *change, struct staging *staging)
{
	int err = 0;

	for (int i = 0; !err && i < change->services; i++) {
		struct service_change *one = &change->service[i];

		err = set_lay_out(staging, one);
		if (!err && !one->known)
			err = service_announce(balancer, one);
	}
	for (__u32 id = 1; change->gone && id < XDPLB_SERVICES; id++)
		if (change->gone[id])
			set_unstage(staging, id);
	return err;
}

/* Once more those whose windows have closed meanwhile. */
static int change_refresh(struct balancer *balancer, struct change *change, struct staging *staging)
{
	int err = 0;

	for (int i = 0; !err && i < change->services; i++)
		if (set_is_outdated(balancer, change->service[i].id, change->service[i].second))
			err = set_lay_out(staging, &change->service[i]);
	return err;
}

static int change_commit(struct balancer *balancer, struct change *change)
{
	struct staging staging;
	int err = staging_begin(balancer, &staging);

	if (!err)
		err = change_stage(balancer, change, &staging);
	if (!err)
		err = change_refresh(balancer, change, &staging);
	if (!err && change->settings)
		settings_put(balancer->config, change->settings);
	if (!err)
		err = staging_commit(&staging);
	staging_free(&staging);
	return err;
}

/* ---- after that ---------------------------------------------------------------------------- */

/* What services had, and those that are no more, the kernel needs not keep. */
static void ways_before_forget(const struct balancer *balancer, const struct change *change)
{
	struct left_ways left = {};
	int err = 0;

	for (int i = 0; !err && i < change->services; i++)
		err = left_add(&left, 0, &change->service[i].plan.before);
	for (__u32 id = 1; !err && change->gone && id < XDPLB_SERVICES; id++)
		if (change->gone[id])
			err = left_add(&left, 0, &change->left[id]);
	ways_forget(balancer, &left);
	left_free(&left);
}

static void ways_now_compare(const struct balancer *balancer, const struct change *change)
{
	struct left_ways now = {};
	int err = 0;

	for (int i = 0; !err && i < change->services; i++)
		err = left_add(&now, change->service[i].id, change->service[i].wanted);
	ways_compare(balancer, &now);
	left_free(&now);
}

/* The kernel's neighbours, when all backends' MACs are what they shall be. */
static void change_ways(const struct balancer *balancer, const struct change *change, int *steps)
{
	ways_before_forget(balancer, change);
	ways_now_compare(balancer, change);
	for (int i = 0; i < change->services; i++)
		ways_keep(change->service[i].wanted, change->service[i].plan.ways, steps);
}

/* Packets to those that are no more do not find them any more. */
static void gone_finish(struct balancer *balancer, const struct change *change)
{
	for (__u32 id = 1; change->gone && id < XDPLB_SERVICES; id++) {
		const struct xdplb_service *service = &balancer->services[id];

		if (change->gone[id])
			directory_remove(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
					 service->proto);
	}
}

static void change_finish(struct balancer *balancer, struct change *change, int *steps)
{
	for (int i = 0; i < change->services; i++) {
		struct service_change *one = &change->service[i];

		backends_finish(balancer, one->id, one->wanted, &one->plan);
		table_settle(balancer, one->id, one->wanted);
	}
	change_ways(balancer, change, steps);
	backends_close(balancer, change->was);
	gone_finish(balancer, change);
	if (change->settings)
		ports_publish(balancer); /* that of registrations is none of nat's */
}

/* Some service is no more, or has no table any more, where its listeners would go on. */
static bool change_leaves(const struct change *change)
{
	for (int i = 0; i < change->services; i++)
		if (wanted_listens(&change->service[i].plan.before) &&
		    !wanted_listens(change->service[i].wanted))
			return true;
	return change->gone;
}

/* Frees what is in use no more. */
static int change_tidy(struct balancer *balancer)
{
	int err = balancer_grace();

	if (!err)
		err = balancer_collect(balancer);
	if (!err)
		marks_settle(balancer);
	return err;
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* Makes what is wanted beside what is in force, and puts it there. */
static int change_do(struct balancer *balancer, struct change *change)
{
	int steps = WAYS_STEPS, err, end;
	struct garbage garbage;
	bool makes;

	err = collect_begin(balancer, &garbage);
	if (err)
		return err;
	err = change_find(balancer, change, &makes);
	if (!err && makes)
		err = collect_end(balancer, &garbage);
	if (!err)
		err = change_make(balancer, change);
	if (!err)
		change_open(balancer, change, &steps);
	if (!err)
		err = change_commit(balancer, change);
	if (!err)
		change_finish(balancer, change, &steps);
	end = collect_end(balancer, &garbage);
	return err ? err : end;
}

int change_run(struct balancer *balancer, struct change *change)
{
	int err;

	marks_settle(balancer); /* before this change opens a window, and keeps all marks */
	err = change_plan(balancer, change);
	if (!err)
		err = change_do(balancer, change);
	if (err)
		balancer_collect(balancer);
	else if (change_leaves(change))
		err = change_tidy(balancer);
	return err;
}
