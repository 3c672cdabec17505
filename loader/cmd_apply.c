// SPDX-License-Identifier: GPL-2.0-only
/* apply and save: a whole balancer, from a file and as one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apply.h"
#include "command.h"
#include "configuration.h"
#include "daemon_lock.h"
#include "difference.h"
#include "difference_json.h"
#include "error.h"
#include "save.h"
#include "save_json.h"

/* ---- apply --------------------------------------------------------------------------------- */

/* What a daemon did that runs no more is undone by the file. */
static void own_forget(struct configuration *configuration)
{
	for (int i = 0; i < configuration->services; i++) {
		for (int j = 0; j < configuration->service[i].backends; j++) {
			configuration->service[i].backend[j].own_state = 0;
			configuration->service[i].backend[j].own_weight = 0;
		}
	}
}

/* Shows what would change. */
static int apply_show(struct options *options, struct configuration *configuration)
{
	bool coloured = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	struct json_object *difference;
	struct configuration now;
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = configuration_check(&balancer, configuration);
	if (!err)
		err = configuration_of(&balancer, &now);
	balancer_close(&balancer);
	if (err)
		return err;
	if (!daemon_runs())
		own_forget(&now);
	if (options->json) {
		difference = difference_json(&now, configuration);
		json_print(difference, options->pretty);
		json_object_put(difference);
	} else {
		err = difference_print(stdout, &now, configuration, coloured);
	}
	configuration_free(&now);
	return err;
}

int command_apply(struct options *options)
{
	struct configuration configuration;
	struct balancer balancer;
	int err;

	if (options->json && !options->dry_run)
		return misuse("--json: apply prints nothing; with --dry-run, what would change");
	err = configuration_read(options->arguments[0], &configuration);
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
	struct json_object *saved;
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = configuration_of(&balancer, &configuration);
	balancer_close(&balancer);
	if (err)
		return err;
	if (options->json) {
		saved = save_json(&configuration);
		json_print(saved, options->pretty);
		json_object_put(saved);
	} else {
		err = save_print(stdout, &configuration);
	}
	configuration_free(&configuration);
	return err;
}
