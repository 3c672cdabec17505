// SPDX-License-Identifier: GPL-2.0-only
#include "states.h"

#include <stdlib.h>

#include "backends.h"
#include "error.h"
#include "services.h"
#include "set_layout.h"
#include "sets.h"
#include "unmark.h"

/* A service on its way: its id, and its backends' in their order. */
struct state_change {
	__u32 id;
	__u32 second; /* in which its set was laid out */
	__u32 *ids;
	bool *took; /* by place: it takes new flows */
};

static int change_begin(const struct balancer *balancer, const struct wanted_service *wanted,
			struct state_change *change)
{
	__u8 taking;

	change->id = service_find(balancer, &wanted->at);
	if (!change->id || set_of(balancer, change->id)->backends != (__u32)wanted->backends)
		return fail(ESTALE, "a service has changed meanwhile");
	change->ids = calloc(wanted->backends + 1, sizeof(*change->ids));
	change->took = calloc(wanted->backends + 1, sizeof(*change->took));
	if (!change->ids || !change->took)
		return fail(ENOMEM, "no memory for %d backends", wanted->backends);
	taking = set_taking(balancer, change->id);
	for (int i = 0; i < wanted->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(balancer, change->id, i);

		change->ids[i] = entry->backend;
		change->took[i] = entry->state == taking;
	}
	return 0;
}

static int changes_stage(struct balancer *balancer, struct staging *staging,
			 struct wanted_service *const *wanted, struct state_change *change,
			 int services)
{
	int err = 0;

	for (int i = 0; !err && i < services; i++) {
		struct state_change *one = &change[i];

		err = change_begin(balancer, wanted[i], one);
		if (err)
			return err;
		backends_raise(balancer, one->id, wanted[i], one->ids, one->took);
		err = set_stage(staging, one->id, wanted[i], one->ids, &one->second);
	}
	/* A window that closed meanwhile. */
	for (int i = 0; !err && i < services; i++)
		if (set_is_outdated(balancer, change[i].id, change[i].second))
			err = set_stage(staging, change[i].id, wanted[i], change[i].ids,
					&change[i].second);
	return err;
}

static void changes_free(struct state_change *change, int services)
{
	for (int i = 0; i < services; i++) {
		free(change[i].ids);
		free(change[i].took);
	}
	free(change);
}

int states_change(struct balancer *balancer, struct wanted_service *const *wanted, int services)
{
	struct state_change *change = calloc(services + 1, sizeof(*change));
	struct staging staging;
	int err;

	if (!change)
		return fail(ENOMEM, "no memory for %d services", services);
	marks_settle(balancer);
	err = staging_begin(balancer, &staging);
	if (!err)
		err = changes_stage(balancer, &staging, wanted, change, services);
	if (!err)
		err = staging_commit(&staging);
	staging_free(&staging);
	for (int i = 0; i < services && change[i].id; i++)
		backends_settle(balancer, change[i].id);
	changes_free(change, services);
	return err;
}
