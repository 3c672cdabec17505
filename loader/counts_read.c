// SPDX-License-Identifier: GPL-2.0-only
/* Apart from counts.c, which asks no kernel. */
#include "counts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "sets.h"
#include "show.h"
#include "tables.h"
#include "takers.h"

/* A look under way. A backend's counters are asked for once: each takes a call of the kernel. */
struct reading {
	const struct balancer *balancer;
	struct flow_counts flows;
	__u32 row[XDPLB_SERVICES]; /* by id: 1 + place of a service that is shown */
	bool known[XDPLB_BACKENDS];
	struct counts of[XDPLB_BACKENDS];
};

/* What the program counted; but flows that have expired are not active, met or not. */
static int backend_read(struct reading *reading, __u32 id)
{
	const struct xdplb_active *word = &reading->balancer->active[id];
	__u32 active = XDPLB_ACTIVE(__atomic_load_n(&word->flows, __ATOMIC_RELAXED));
	__u32 gone = reading->flows.gone[id];
	struct xdplb_backend_cpu sum;

	if (reading->known[id])
		return 0;
	if (balancer_backend_counts(reading->balancer, id, &sum))
		return -EIO;
	reading->known[id] = true;
	reading->of[id] = (struct counts){
		.packets = sum.packets,
		.bytes = sum.bytes,
		.reply_packets = sum.reply_packets,
		.reply_bytes = sum.reply_bytes,
		.new_flows = sum.new_flows,
		.active = active > gone ? active - gone : 0,
	};
	return 0;
}

/* ---- backends -------------------------------------------------------------------- */

static int backend_add(struct reading *reading, __u32 id, struct all_counts *all,
		       struct service_counts *service)
{
	const struct xdplb_backend *backend = &reading->balancer->backends[id];
	struct backend_counts *row = &all->backend[all->backends];
	__u32 twin = listener_twin(reading->balancer, id);

	if (backend_read(reading, id) || (twin && backend_read(reading, twin)))
		return -EIO;
	memcpy(row->addr, backend->addr, sizeof(row->addr));
	row->port = backend->port;
	row->counts = reading->of[id];
	if (twin)
		counts_add(&row->counts, &reading->of[twin]);
	all->backends++;
	service->backends++;
	return 0;
}

/* What its listener says of itself goes before what was configured. */
static void listener_apply(const struct balancer *balancer, const struct service_counts *service,
			   struct backend_counts *row)
{
	struct live_listener live;

	if (service->forward == XDPLB_LOCAL && row->state == XDPLB_UP &&
	    listener_live(balancer, service->id, row->port, &live))
		row->weight = live.weight;
}

static int set_add(struct reading *reading, struct all_counts *all, struct service_counts *service)
{
	const struct balancer *balancer = reading->balancer;
	__u32 count = set_of(balancer, service->id)->backends;

	for (__u32 i = 0; i < count; i++) {
		const struct xdplb_set_backend *backend = set_backend(balancer, service->id, i);
		struct backend_counts *row = &all->backend[all->backends];

		if (backend_add(reading, backend->backend, all, service))
			return -EIO;
		row->weight = backend->weight;
		row->state = backend->state;
		if (service->forward == XDPLB_LOCAL)
			row->state = backend_state_now(balancer, service->id, i);
		listener_apply(balancer, service, row);
	}
	return 0;
}

/* Those that registered themselves, be they gone: the packets they got were theirs. */
static int listeners_add(struct reading *reading, struct all_counts *all,
			 struct service_counts *service)
{
	const struct balancer *balancer = reading->balancer;
	const struct xdplb_table *table = table_of(balancer, service->id);

	for (__u32 k = 0; table && k < XDPLB_LISTENERS; k++) {
		struct backend_counts *row = &all->backend[all->backends];

		if (!listener_is_shown(balancer, service->id, k))
			continue;
		if (backend_add(reading, table->first + k, all, service))
			return -EIO;
		row->weight = 0;
		row->state = listener_state(balancer, service->id, row->port, XDPLB_UP);
		listener_apply(balancer, service, row);
		if (!row->weight && row->state == XDPLB_UP)
			row->state = XDPLB_DOWN;
	}
	return 0;
}

/* ---- services -------------------------------------------------------------------- */

/* Backends of a service that is shown, those on their way out as well, count for it. */
static int totals_read(struct reading *reading, struct all_counts *all)
{
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &reading->balancer->backends[id];
		__u32 row = backend->flags && backend->service < XDPLB_SERVICES ?
				    reading->row[backend->service] :
				    0;

		if (!row)
			continue;
		if (backend_read(reading, id))
			return -EIO;
		counts_add(&all->service[row - 1].counts, &reading->of[id]);
	}
	return 0;
}

/* Begins with what backends have counted that are gone. */
static void service_add(struct reading *reading, __u32 id, struct all_counts *all)
{
	const struct xdplb_service *service = &reading->balancer->services[id];
	struct service_counts *row = &all->service[all->services++];

	*row = (struct service_counts){
		.id = id,
		.forward = set_of(reading->balancer, id)->forward,
		.counts = {
			.packets = service->retired_packets,
			.bytes = service->retired_bytes,
			.reply_packets = service->retired_reply_packets,
			.reply_bytes = service->retired_reply_bytes,
			.new_flows = service->retired_new_flows,
		},
	};
	service_address_of(service, &row->at);
	reading->row[id] = all->services;
}

/* Makes room for all that there can be. */
static int room_make(const struct balancer *balancer, __u32 only, struct all_counts *all)
{
	__u32 services = 0, backends = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		if (!show_service(balancer, id, only))
			continue;
		services++;
		backends += set_of(balancer, id)->backends;
		if (table_of(balancer, id))
			backends += XDPLB_LISTENERS;
	}
	all->service = calloc(services + 1, sizeof(*all->service));
	all->backend = calloc(backends + 1, sizeof(*all->backend));
	all->cpu = calloc(balancer->cpus, sizeof(*all->cpu));
	all->cpus = balancer->cpus;
	return all->service && all->backend && all->cpu ? 0 : -ENOMEM;
}

static int services_read(struct reading *reading, __u32 only, struct all_counts *all)
{
	int err = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (show_service(reading->balancer, id, only))
			service_add(reading, id, all);
	if (totals_read(reading, all))
		return -EIO;
	for (__u32 i = 0; !err && i < all->services; i++) {
		all->service[i].first = all->backends;
		err = set_add(reading, all, &all->service[i]);
		if (!err)
			err = listeners_add(reading, all, &all->service[i]);
	}
	return err;
}

int counts_read(const struct balancer *balancer, __u32 only, struct all_counts *all)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	struct flow_table table = flow_table_of(balancer);
	struct xdplb_cpu sum;
	struct timespec now;
	int err;

	memset(all, 0, sizeof(*all));
	if (!reading || room_make(balancer, only, all)) {
		free(reading);
		return fail(ENOMEM, "no memory to count");
	}
	reading->balancer = balancer;
	flows_count(&table, &reading->flows);
	fill_count(balancer, &reading->flows, &all->fill);
	all->balancer = balancer_id(balancer);
	clock_gettime(CLOCK_MONOTONIC, &now);
	all->time = now.tv_sec + now.tv_nsec / 1e9;
	err = services_read(reading, only, all);
	free(reading);
	if (!err)
		err = balancer_counts(balancer, &sum, all->cpu);
	if (err)
		return err;
	memcpy(all->verdict, sum.verdict, sizeof(all->verdict));
	memcpy(all->reason, sum.reason, sizeof(all->reason));
	return 0;
}
