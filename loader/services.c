// SPDX-License-Identifier: GPL-2.0-only
#include "services.h"

#include <string.h>

#include "addresses.h"
#include "backends.h"
#include "collect.h"
#include "defaults.h"
#include "directory.h"
#include "error.h"
#include "machine.h"
#include "ports.h"
#include "sets.h"
#include "tables.h"
#include "unmark.h"
#include "ways.h"

__u32 service_find(const struct balancer *balancer, const struct service_address *at)
{
	struct xdplb_directory_entry *entry =
		directory_find(balancer, XDPLB_KIND_SERVICE, at->addr, at->port, at->proto);

	return entry ? entry->index : 0;
}

int service_need(const struct balancer *balancer, const struct service_address *at)
{
	char text[ADDRESS_TEXT];
	__u32 id = service_find(balancer, at);

	if (id)
		return id;
	return fail(ENOENT, "%s: no such service; see: xdplb-config list", service_text(at, text));
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

static void registration_complete(const struct wanted_registration *now,
				  struct wanted_registration *wanted)
{
	if (!wanted->given)
		wanted->mode = now->mode;
	if (!wanted->from_given)
		wanted->anywhere = now->anywhere;
	if (wanted->key_given)
		return;
	wanted->keyed = now->keyed;
	memcpy(wanted->key, now->key, sizeof(wanted->key));
}

/* The options that the command left open. */
static void options_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	if (!wanted->scheduler)
		wanted->scheduler = now->scheduler ? now->scheduler : XDPLB_WRR;
	if (!wanted->forward)
		wanted->forward = now->forward ? now->forward : XDPLB_NAT;
	if (!wanted->affinity_given)
		wanted->affinity = now->affinity;
	if (!wanted->slow_given)
		wanted->slow_start = now->slow_start;
	if (!wanted->table_given)
		wanted->table = now->table;
	if (!wanted->udp)
		wanted->udp = now->udp;
	if (!wanted->window)
		wanted->window = now->window ? now->window : DEFAULT_WINDOW;
	registration_complete(&now->registration, &wanted->registration);
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		if (!wanted->timeout[i])
			wanted->timeout[i] = now->timeout[i] ? now->timeout[i] : default_timeout(i);
}

/*
 * What the command left open stays as it is, or is the default; but source
 * addresses belong to the method they were given for.
 */
static int wanted_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	options_complete(now, wanted);
	if (!wanted->snat_given && wanted->forward == now->forward) {
		wanted->snats = now->snats;
		memcpy(wanted->snat, now->snat, sizeof(wanted->snat));
	}
	return wanted_check(wanted);
}

/* Packets to a new service find it from now on. */
static int service_announce(struct balancer *balancer, int id, const struct service_address *at)
{
	int err = address_add(balancer, XDPLB_KIND_ADDRESS, id);

	return err ? err :
		     directory_add(balancer, XDPLB_KIND_SERVICE, at->addr, at->port, at->proto, id);
}

/* Puts what is prepared in force. */
static int service_publish(struct balancer *balancer, int id, bool known,
			   const struct wanted_service *wanted, const struct plan *plan)
{
	int err;

	machine_prepare(balancer);
	ways_open(wanted, plan->ways, plan->stays);
	listeners_renew(balancer, id, wanted);
	backends_open(balancer, id, wanted, plan);
	err = set_publish(balancer, id, wanted, plan->ids);
	if (!err && !known)
		err = service_announce(balancer, id, &wanted->at);
	if (err && !known)
		balancer->services[id].set = 0;
	if (err)
		return err;
	backends_finish(balancer, id, wanted, plan);
	table_settle(balancer, id, wanted);
	ways_forget(balancer, id, &plan->before, wanted);
	ways_keep(wanted, plan->ways);
	return 0;
}

/* Makes what is wanted beside what is in force, and puts it there. */
static int service_change(struct balancer *balancer, __u32 known,
			  const struct wanted_service *wanted, struct plan *plan)
{
	struct garbage garbage;
	int err = collect_begin(balancer, &garbage), id = known, end;

	if (err)
		return err;
	if (known)
		err = backends_find(balancer, known, wanted, plan);
	if (!err && (!known || plan_makes(plan, wanted) || wanted_listens(wanted)))
		err = collect_end(balancer, &garbage);
	if (!err && !known)
		id = service_new(balancer, &wanted->at);
	if (!err)
		err = id < 0 ? id : backends_prepare(balancer, id, wanted, plan);
	if (!err)
		err = table_prepare(balancer, id, wanted);
	if (!err)
		err = ports_publish(balancer);
	if (!err)
		err = service_publish(balancer, id, known, wanted, plan);
	end = collect_end(balancer, &garbage);
	return err ? err : end;
}

int service_apply(struct balancer *balancer, struct wanted_service *wanted)
{
	__u32 known = service_find(balancer, &wanted->at);
	struct plan plan;
	int err;

	marks_settle(balancer); /* before this change opens a window, and keeps all marks */
	err = plan_new(balancer, known, wanted->backends, &plan);
	if (!err)
		err = wanted_complete(&plan.before, wanted);
	if (!err)
		err = registration_port_check(balancer, balancer->config->registration_port,
					      wanted);
	if (!err)
		err = ways_find(wanted, plan.ways);
	if (!err)
		err = service_change(balancer, known, wanted, &plan);
	if (err)
		balancer_collect(balancer);
	else if (wanted_listens(&plan.before) && !wanted_listens(wanted))
		err = services_unlinked(balancer); /* its table, where listeners would go on */
	plan_free(&plan);
	return err;
}

int service_unlink(struct balancer *balancer, __u32 id)
{
	struct xdplb_service *service = &balancer->services[id];
	const struct wanted_service nothing = {};
	struct wanted_service before;
	int err = set_read(balancer, id, &before);

	if (err)
		return err;
	directory_remove(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
			 service->proto);
	__atomic_store_n(&service->set, 0, __ATOMIC_RELEASE);
	ways_forget(balancer, id, &before, &nothing);
	wanted_free(&before);
	return 0;
}

int services_unlinked(struct balancer *balancer)
{
	int err = balancer_grace();

	if (!err)
		err = balancer_collect(balancer);
	if (!err)
		marks_settle(balancer);
	return err;
}
