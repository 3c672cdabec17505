// SPDX-License-Identifier: GPL-2.0-only
#include "services.h"

#include <string.h>

#include "addresses.h"
#include "backends.h"
#include "collect.h"
#include "directory.h"
#include "error.h"
#include "machine.h"
#include "ports.h"
#include "sets.h"
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

/*
 * What the command left open stays as it is, or is the default; but source
 * addresses belong to the method they were given for.
 */
static int wanted_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	if (!wanted->scheduler)
		wanted->scheduler = now->scheduler ? now->scheduler : XDPLB_WRR;
	if (!wanted->forward)
		wanted->forward = now->forward ? now->forward : XDPLB_NAT;
	if (!wanted->snat_given && wanted->forward == now->forward) {
		wanted->snats = now->snats;
		memcpy(wanted->snat, now->snat, sizeof(wanted->snat));
	}
	return wanted_check(wanted);
}

/* Packets to a new service find it from now on. */
static int service_announce(struct balancer *balancer, int id, const struct service_address *at)
{
	int err = address_add(balancer, id);

	return err ? err :
		     directory_add(balancer, XDPLB_KIND_SERVICE, at->addr, at->port, at->proto, id);
}

/* Puts what is prepared in force. */
static int service_publish(struct balancer *balancer, int id, bool known,
			   const struct wanted_service *wanted, const struct plan *plan)
{
	int err;

	machine_prepare(balancer);
	ways_forget(balancer, id, &plan->before, wanted);
	ways_keep(wanted, plan->ways);
	backends_open(balancer, wanted, plan);
	err = set_publish(balancer, id, wanted, plan->ids);
	if (!err && !known)
		err = service_announce(balancer, id, &wanted->at);
	if (!err)
		backends_finish(balancer, wanted, plan);
	else if (!known)
		balancer->services[id].set = 0;
	return err;
}

int service_apply(struct balancer *balancer, struct wanted_service *wanted)
{
	__u32 known = service_find(balancer, &wanted->at);
	struct plan plan;
	int id, err;

	err = plan_new(balancer, known, wanted->backends, &plan);
	if (!err)
		err = wanted_complete(&plan.before, wanted);
	if (!err)
		err = ways_find(wanted, plan.ways);
	if (!err)
		err = balancer_collect(balancer);
	id = err ? err : known ? (int)known : service_new(balancer, &wanted->at);
	err = id < 0 ? id : backends_prepare(balancer, id, wanted, &plan);
	if (!err)
		err = ports_publish(balancer);
	if (!err)
		err = service_publish(balancer, id, known, wanted, &plan);
	if (err)
		balancer_collect(balancer);
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

	return err ? err : balancer_collect(balancer);
}
