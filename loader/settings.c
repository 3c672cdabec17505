// SPDX-License-Identifier: GPL-2.0-only
#include "settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "error.h"
#include "words.h"
#include "../xdp/hash.h"

const struct settings default_settings = {
	.echo = true,
	.gue_port = XDPLB_GUE_PORT,
	.registration_port = XDPLB_REGISTRATION_PORT,
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
	settings->registration_port = ntohs(config->registration_port);
	settings->icmp_rate = config->icmp_rate;
	memcpy(settings->seed, config->seed, sizeof(settings->seed));
}

void settings_put(struct xdplb_config *config, const struct settings *settings)
{
	__atomic_store_n(&config->echo, settings->echo, __ATOMIC_RELAXED);
	__atomic_store_n(&config->gue_port, htons(settings->gue_port), __ATOMIC_RELAXED);
	__atomic_store_n(&config->registration_port, htons(settings->registration_port),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&config->icmp_rate, settings->icmp_rate, __ATOMIC_RELAXED);
	__atomic_store_n(&config->seed[0], settings->seed[0], __ATOMIC_RELAXED);
	__atomic_store_n(&config->seed[1], settings->seed[1], __ATOMIC_RELAXED);
	xdplb_name_keys(config->seed, config->name_key);
}

static int echo_read(const char *value, bool *echo)
{
	*echo = !strcmp(value, "on");
	if (*echo || !strcmp(value, "off"))
		return 0;
	return fail(EINVAL, "echo=%s: on or off is expected", value);
}

int random_key(__u64 key[2])
{
	if (getrandom(key, 2 * sizeof(*key), 0) != 2 * sizeof(*key))
		return fail(errno, "no random numbers: %s", strerror(errno));
	return 0;
}

const char *seed_text(const struct settings *settings, char text[SEED_TEXT])
{
	if (settings->seed[0] || settings->seed[1])
		snprintf(text, SEED_TEXT, "%016llx%016llx", settings->seed[0], settings->seed[1]);
	else
		snprintf(text, SEED_TEXT, "random");
	return text;
}

static int seed_read(const char *value, struct settings *settings)
{
	size_t digits = strspn(value, "0123456789abcdefABCDEF");
	unsigned long long seed[2];

	if (!strcmp(value, "random"))
		return random_key(settings->seed);
	if (digits != 32 || value[digits] ||
	    sscanf(value, "%16llx%16llx", &seed[0], &seed[1]) != 2 || !(seed[0] | seed[1]))
		return fail(EINVAL,
			    "seed=%s: 32 hexadecimal digits are expected, not all 0, or random",
			    value);
	memcpy(settings->seed, seed, sizeof(seed));
	return 0;
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
	if (!strncmp(word, "registration-port=", 18)) {
		err = parse_number(word + 18, "registration-port", 1, 65535, &number);
		if (!err)
			settings->registration_port = number;
		return err;
	}
	if (!strncmp(word, "icmp-rate=", 10)) {
		err = parse_number(word + 10, "icmp-rate", 0, ICMP_RATE_MAX, &number);
		if (!err)
			settings->icmp_rate = number;
		return err;
	}
	if (!strncmp(word, "seed=", 5))
		return seed_read(word + 5, settings);
	return fail(EINVAL,
		    "%s: the settings are echo=, gue-port=, icmp-rate=, registration-port= and "
		    "seed=",
		    word);
}
