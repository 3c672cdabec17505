// SPDX-License-Identifier: GPL-2.0-only
#include "settings.h"

#include <arpa/inet.h>
#include <string.h>

#include "error.h"
#include "words.h"

static const struct settings default_settings = {
	.echo = true,
	.gue_port = XDPLB_GUE_PORT,
	.icmp_rate = 1000, /* the kernel's net.ipv4.icmp_msgs_per_sec, and more with each CPU */
};

#define ICMP_RATE_MAX 1000000

void settings_get(const struct xdplb_config *config, struct settings *settings)
{
	*settings = default_settings;
	if (!config->abi)
		return;
	settings->echo = config->echo;
	settings->gue_port = ntohs(config->gue_port);
	settings->icmp_rate = config->icmp_rate;
}

void settings_put(struct xdplb_config *config, const struct settings *settings)
{
	__atomic_store_n(&config->echo, settings->echo, __ATOMIC_RELAXED);
	__atomic_store_n(&config->gue_port, htons(settings->gue_port), __ATOMIC_RELAXED);
	__atomic_store_n(&config->icmp_rate, settings->icmp_rate, __ATOMIC_RELAXED);
}

static int echo_read(const char *value, bool *echo)
{
	*echo = !strcmp(value, "on");
	if (*echo || !strcmp(value, "off"))
		return 0;
	return fail(EINVAL, "echo=%s: on or off is expected", value);
}

int settings_read(const char *word, struct settings *settings)
{
	long number = 0;
	int err;

	if (!strncmp(word, "echo=", 5))
		return echo_read(word + 5, &settings->echo);
	if (!strncmp(word, "gue-port=", 9)) {
		err = parse_number(word + 9, "gue-port", 1, 65535, &number);
		if (!err)
			settings->gue_port = number;
		return err;
	}
	if (!strncmp(word, "icmp-rate=", 10)) {
		err = parse_number(word + 10, "icmp-rate", 0, ICMP_RATE_MAX, &number);
		if (!err)
			settings->icmp_rate = number;
		return err;
	}
	return fail(EINVAL, "%s: the settings are echo=, gue-port= and icmp-rate=", word);
}
