// SPDX-License-Identifier: GPL-2.0-only
#include "apply.h"

#include <string.h>

#include "change.h"
#include "daemon_lock.h"
#include "encap.h"
#include "error.h"
#include "place.h"
#include "replies.h"
#include "services.h"
#include "sets.h"

/* What apply shall do: a change, and what it speaks of. */
struct apply {
	struct change change;
	bool gone[XDPLB_SERVICES]; /* by service id */
	bool local, registers; /* some service is */
};

/* Flows and slots lie where the seed puts them, so it is set before there are any. */
static int seed_check(const struct balancer *balancer, const struct configuration *configuration)
{
	struct settings now;
	int err = 0;

	settings_get(balancer->config, &now);
	if (!configuration->seed_given ||
	    !memcmp(configuration->settings.seed, now.seed, sizeof(now.seed)))
		return 0;
	place_here(&configuration->seed_place, "seed");
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && service_set(balancer, id))
			err = fail(EBUSY,
				   "the balancer has another, and services, whose flows would be "
				   "lost; leave it out, or begin with: xdplb-config flush");
	place_here(NULL, NULL);
	return err;
}

static void seed_apply(struct balancer *balancer, struct configuration *configuration)
{
	struct settings now;

	settings_get(balancer->config, &now);
	if (!configuration->seed_given)
		memcpy(configuration->settings.seed, now.seed, sizeof(now.seed));
	if (!memcmp(configuration->settings.seed, now.seed, sizeof(now.seed)))
		return;
	memcpy(now.seed, configuration->settings.seed, sizeof(now.seed));
	settings_put(balancer->config, &now);
}

/* Only what the file says otherwise than before is the operator's word anew. */
static void renew_mark(struct wanted_service *wanted, const struct wanted_service *now)
{
	for (int i = 0; i < wanted->backends; i++) {
		struct wanted_backend *backend = &wanted->backend[i];
		int index = wanted_index(now, backend);

		backend->renew = index < 0 || !same_backend(backend, &now->backend[index]);
	}
}

/* Adds a service to the change, unless it is so already; gone[] loses it. */
static int service_add(const struct balancer *balancer, struct change *change,
		       struct wanted_service *wanted, bool *gone)
{
	__u32 id = service_find(balancer, &wanted->at);
	struct wanted_service now;
	bool same;
	int err;

	wanted_here(wanted, "forward");
	err = encap_check(balancer, wanted->forward);
	place_here(NULL, NULL);
	if (err || !id)
		return err ? err : change_add(change, wanted);
	gone[id] = false;
	err = set_read(balancer, id, &now);
	if (err)
		return err;
	if (daemon_runs())
		own_keep(&now, wanted);
	same = same_service(&now, wanted);
	renew_mark(wanted, &now);
	wanted_free(&now);
	return same ? 0 : change_add(change, wanted);
}

/* What makes the balancer this, and nothing else; change_free() also after an error. */
static int apply_begin(const struct balancer *balancer, struct configuration *configuration,
		       struct apply *apply)
{
	bool any_gone = false;
	int err = seed_check(balancer, configuration);

	*apply = (struct apply){ .change.settings = &configuration->settings };
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		apply->gone[id] = balancer->services[id].proto && service_set(balancer, id);
	for (int i = 0; !err && i < configuration->services; i++) {
		struct wanted_service *wanted = &configuration->service[i];

		err = service_add(balancer, &apply->change, wanted, apply->gone);
		apply->local |= wanted->forward == XDPLB_LOCAL;
		apply->registers |= wanted_listens(wanted) && !wanted->registration.anywhere;
	}
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		any_gone |= apply->gone[id];
	apply->change.gone = any_gone ? apply->gone : NULL;
	return err;
}

int configuration_apply(struct balancer *balancer, struct configuration *configuration)
{
	struct apply apply;
	int err = apply_begin(balancer, configuration, &apply);

	if (!err) {
		seed_apply(balancer, configuration);
		err = change_run(balancer, &apply.change);
	}
	if (!err && apply.local)
		replies_warn(balancer, apply.registers);
	change_free(&apply.change);
	return err;
}

int configuration_check(struct balancer *balancer, struct configuration *configuration)
{
	struct apply apply;
	int err = apply_begin(balancer, configuration, &apply);

	if (!err)
		err = change_plan(balancer, &apply.change);
	change_free(&apply.change);
	return err;
}
