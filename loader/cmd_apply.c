// SPDX-License-Identifier: GPL-2.0-only
/* apply and save: a whole balancer, from a file and as one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "change.h"
#include "command.h"
#include "configuration.h"
#include "difference.h"
#include "encap.h"
#include "error.h"
#include "replies.h"
#include "save.h"
#include "services.h"
#include "sets.h"

/* ---- apply --------------------------------------------------------------------------------- */

/* Flows and slots lie where the seed puts them, so it is set before there are any. */
static int seed_apply(struct balancer *balancer, struct configuration *configuration)
{
	struct settings now;

	settings_get(balancer->config, &now);
	if (!configuration->seed_given)
		memcpy(configuration->settings.seed, now.seed, sizeof(now.seed));
	if (!memcmp(configuration->settings.seed, now.seed, sizeof(now.seed)))
		return 0;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && service_set(balancer, id))
			return fail(
				EBUSY,
				"seed: the balancer has another, and services, whose flows "
				"would be lost; leave it out, or begin with: xdplb-config flush");
	memcpy(now.seed, configuration->settings.seed, sizeof(now.seed));
	settings_put(balancer->config, &now);
	return 0;
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

	err = encap_check(balancer, wanted->forward);
	if (err || !id)
		return err ? err : change_add(change, wanted);
	gone[id] = false;
	err = set_read(balancer, id, &now);
	if (err)
		return err;
	same = same_service(&now, wanted);
	renew_mark(wanted, &now);
	wanted_free(&now);
	return same ? 0 : change_add(change, wanted);
}

/* Makes the balancer this, and nothing else. */
static int configuration_apply(struct balancer *balancer, struct configuration *configuration)
{
	struct change change = { .settings = &configuration->settings };
	bool gone[XDPLB_SERVICES] = {}, any_gone = false, local = false, registers = false;
	int err = seed_apply(balancer, configuration);

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		gone[id] = balancer->services[id].proto && service_set(balancer, id);
	for (int i = 0; !err && i < configuration->services; i++) {
		struct wanted_service *wanted = &configuration->service[i];

		err = service_add(balancer, &change, wanted, gone);
		local |= wanted->forward == XDPLB_LOCAL;
		registers |= wanted_listens(wanted) && !wanted->registration.anywhere;
	}
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		any_gone |= gone[id];
	change.gone = any_gone ? gone : NULL;
	if (!err)
		err = change_run(balancer, &change);
	if (!err && local)
		replies_warn(balancer, registers);
	change_free(&change);
	return err;
}

/* Shows what would change. */
static int apply_show(struct options *options, struct configuration *configuration)
{
	bool coloured = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	struct configuration now;
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = configuration_of(&balancer, &now);
	balancer_close(&balancer);
	if (err)
		return err;
	err = difference_print(stdout, &now, configuration, coloured);
	configuration_free(&now);
	return err;
}

int command_apply(struct options *options)
{
	struct configuration configuration;
	struct balancer balancer;
	int err = configuration_read(options->arguments[0], &configuration);

	if (err)
		return err;
	if (options->dry_run) {
		err = apply_show(options, &configuration);
	} else {
		err = balancer_open(&balancer, &options->choice, true);
		if (!err) {
			err = configuration_apply(&balancer, &configuration);
			balancer_close(&balancer);
		}
	}
	configuration_free(&configuration);
	return err;
}

/* ---- save ---------------------------------------------------------------------------------- */

int command_save(struct options *options)
{
	struct configuration configuration;
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = configuration_of(&balancer, &configuration);
	balancer_close(&balancer);
	if (err)
		return err;
	err = save_print(stdout, &configuration);
	configuration_free(&configuration);
	return err;
}
