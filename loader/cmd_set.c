// SPDX-License-Identifier: GPL-2.0-only
/* set: a balancer's own settings. */
#include <stdio.h>

#include "command.h"
#include "output.h"
#include "settings.h"

static void settings_show(const struct settings *settings, const struct options *options)
{
	struct json_object *object;

	if (!options->json) {
		printf("echo=%s\ngue-port=%u\nicmp-rate=%u\n", settings->echo ? "on" : "off",
		       settings->gue_port, settings->icmp_rate);
		return;
	}
	object = json_object_new_object();
	json_add_bool(object, "echo", settings->echo);
	json_add_number(object, "gue_port", settings->gue_port);
	json_add_number(object, "icmp_rate", settings->icmp_rate);
	json_print(object, options->pretty);
	json_object_put(object);
}

int command_set(struct options *options)
{
	struct settings settings;
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, options->count > 0);

	if (err)
		return err;
	settings_get(balancer.config, &settings);
	for (int i = 0; !err && i < options->count; i++)
		err = settings_read(options->arguments[i], &settings);
	if (!err && options->count)
		settings_put(balancer.config, &settings);
	else if (!err)
		settings_show(&settings, options);
	balancer_close(&balancer);
	return err;
}
