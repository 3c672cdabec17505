// SPDX-License-Identifier: GPL-2.0-only
/* set: a balancer's own settings. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "configuration_json.h"
#include "error.h"
#include "ports.h"
#include "settings.h"
#include "tables.h"

static void settings_show(const struct settings *settings, const struct options *options)
{
	struct json_object *object;
	char seed[SEED_TEXT];

	seed_text(settings, seed);
	if (!options->json) {
		printf("echo=%s\ngue-port=%u\nicmp-rate=%u\nregistration-port=%u\nseed=%s\n",
		       settings->echo ? "on" : "off", settings->gue_port, settings->icmp_rate,
		       settings->registration_port, seed);
		return;
	}
	object = settings_json(settings);
	json_print(object, options->pretty);
	json_object_put(object);
}

/* Flows and slots lie where the seed puts them: with another nobody would find his. */
static int seed_check(const struct balancer *balancer, const struct settings *settings)
{
	if (!memcmp(settings->seed, balancer->config->seed, sizeof(settings->seed)))
		return 0;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (balancer->services[id].proto && service_set(balancer, id))
			return fail(EBUSY, "seed: the balancer has services, whose flows another "
					   "seed would lose; xdplb-config flush, then set it");
	return 0;
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
		err = seed_check(&balancer, &settings);
	if (!err && options->count)
		err = registration_port_check(&balancer, htons(settings.registration_port), NULL);
	if (!err && options->count) {
		settings_put(balancer.config, &settings);
		err = ports_publish(&balancer); /* that of registrations is none of nat's */
	} else if (!err) {
		settings_show(&settings, options);
	}
	balancer_close(&balancer);
	return err;
}
