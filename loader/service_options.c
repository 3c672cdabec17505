// SPDX-License-Identifier: GPL-2.0-only
#include "service_options.h"

#include <stdio.h>
#include <string.h>

#include "../client/xdplb-register.h"
#include "defaults.h"
#include "error.h"
#include "names.h"
#include "slots.h"
#include "words.h"

/* Seconds, from `min` on. */
static int parse_seconds(const char *text, const char *what, long min, __u16 *seconds)
{
	long number;
	int err = parse_number(text, what, min, XDPLB_TIMEOUT_MAX, &number);

	if (!err)
		*seconds = number;
	return err;
}

static long prefix_most(const struct wanted_service *wanted)
{
	return xdplb_is_ipv6(wanted->at.addr) ? 128 : 32;
}

int parse_affinity(const char *text, struct wanted_service *wanted)
{
	size_t length = strcspn(text, ",");
	const char *timeout = text[length] ? text + length + 1 : NULL;
	long bits = prefix_most(wanted);
	char client[WORD];
	int err = 0;

	wanted->affinity_given = true;
	wanted->affinity = 0;
	if (!strcmp(text, "none"))
		return 0;
	if (word_copy(client, text, length) || strncmp(client, "client", 6) ||
	    (client[6] && client[6] != '/'))
		return fail(EINVAL,
			    "--affinity %s: none is expected, or client[/PREFIX][,SECONDS] as in "
			    "client/24,600",
			    text);
	if (client[6])
		err = parse_number(client + 7, "--affinity prefix", 1, bits, &bits);
	if (!err && timeout)
		err = parse_seconds(timeout, "--affinity seconds", 1,
				    &wanted->timeout[XDPLB_TIMEOUT_AFFINITY]);
	wanted->affinity = err ? 0 : bits;
	return err;
}

const char *affinity_text(const struct wanted_service *wanted, char *text)
{
	char prefix[8] = "";

	if (wanted->affinity < prefix_most(wanted))
		snprintf(prefix, sizeof(prefix), "/%u", wanted->affinity);
	snprintf(text, ADDRESS_TEXT, "client%s,%u", prefix,
		 wanted->timeout[XDPLB_TIMEOUT_AFFINITY]);
	return text;
}

const char *key_text(const struct wanted_registration *registration, char text[KEY_TEXT])
{
	const __u8 *key = (const __u8 *)registration->key;

	for (size_t i = 0; i < sizeof(registration->key); i++)
		sprintf(text + 2 * i, "%02x", key[i]);
	return text;
}

bool timeout_is_shown(const struct wanted_service *wanted, int timeout)
{
	return timeout_name(timeout) && wanted->timeout[timeout] &&
	       wanted->timeout[timeout] != default_timeout(timeout);
}

const char *udp_shown(const struct wanted_service *wanted)
{
	if (wanted->udp == WANTED_UDP_STATELESS)
		return "stateless";
	return wanted->udp == WANTED_UDP_TRACKED && wanted->forward == XDPLB_LOCAL ? "tracked" :
										     NULL;
}

/* One NAME=SECONDS. */
static int parse_timeout(const char *word, struct wanted_service *wanted)
{
	size_t length = strcspn(word, "=");

	for (int i = 0; word[length] && timeout_name(i); i++) {
		char what[32];

		if (strlen(timeout_name(i)) != length || strncmp(word, timeout_name(i), length))
			continue;
		snprintf(what, sizeof(what), "--timeout %s", timeout_name(i));
		return parse_seconds(word + length + 1, what, 1, &wanted->timeout[i]);
	}
	return fail(EINVAL,
		    "--timeout %s: some of established=, closing= and udp= are expected, with "
		    "commas between, in seconds",
		    word);
}

int parse_timeouts(const char *text, struct wanted_service *wanted)
{
	char word[WORD];
	size_t length;
	bool more;
	int err;

	do {
		length = strcspn(text, ",");
		more = text[length];
		if (word_copy(word, text, length))
			return fail(EINVAL, "--timeout %s: too long", text);
		err = parse_timeout(word, wanted);
		text += length + 1;
	} while (!err && more);
	return err;
}

int parse_slow_start(const char *text, struct wanted_service *wanted)
{
	wanted->slow_given = true;
	return parse_seconds(text, "--slow-start", 0, &wanted->slow_start);
}

int parse_registration(const char *text, struct wanted_service *wanted)
{
	for (int mode = XDPLB_REGISTRATION_OFF; mode <= XDPLB_REGISTRATION_USER; mode++) {
		if (strcmp(text, registration_name(mode)))
			continue;
		wanted->registration.given = true;
		wanted->registration.mode = mode;
		return 0;
	}
	return fail(EINVAL, "--registration %s: off, kernel or user is expected", text);
}

int parse_registration_key(const char *text, struct wanted_service *wanted)
{
	struct xdplb_register client;
	int err;

	wanted->registration.key_given = true;
	wanted->registration.keyed = strcmp(text, "none");
	if (!wanted->registration.keyed)
		return 0;
	memset(&client, 0, sizeof(client));
	err = xdplb_register_key_file(&client, text);
	if (err)
		return fail(-err,
			    "--registration-key %s: %s; a file with 32 hexadecimal digits is "
			    "expected",
			    text, err == -EINVAL ? "not a key" : strerror(-err));
	memcpy(wanted->registration.key, client.key, sizeof(wanted->registration.key));
	return 0;
}

int parse_registration_from(const char *text, struct wanted_service *wanted)
{
	wanted->registration.from_given = true;
	wanted->registration.anywhere = !strcmp(text, "any");
	if (wanted->registration.anywhere || !strcmp(text, "local"))
		return 0;
	return fail(EINVAL, "--registration-from %s: local or any is expected", text);
}

int parse_window(const char *text, struct wanted_service *wanted)
{
	return parse_seconds(text, "--window", 1, &wanted->window);
}

int parse_udp(const char *text, struct wanted_service *wanted)
{
	if (!strcmp(text, "tracked"))
		wanted->udp = WANTED_UDP_TRACKED;
	else if (!strcmp(text, "stateless"))
		wanted->udp = WANTED_UDP_STATELESS;
	else if (!strcmp(text, "each"))
		wanted->udp = WANTED_UDP_EACH;
	else
		return fail(EINVAL, "--udp %s: tracked, stateless or each is expected", text);
	return 0;
}

int parse_table_size(const char *text, struct wanted_service *wanted)
{
	long number;
	int err;

	wanted->table_given = true;
	wanted->table = 0;
	if (!strcmp(text, "auto"))
		return 0;
	err = parse_number(text, "--table-size", SLOTS_HASHED_MIN, SLOTS_HASHED_MAX, &number);
	if (err)
		return err;
	if (!is_prime(number))
		return fail(EINVAL, "--table-size %ld: a prime is expected; the nearest is %u",
			    number, slots_prime_near(number));
	wanted->table = number;
	return 0;
}

int parse_snat(const char *text, struct wanted_service *wanted)
{
	__be16 port;
	int err;

	wanted->snat_given = true;
	if (!strcmp(text, "none"))
		return 0;
	if (wanted->snats == XDPLB_SNATS)
		return fail(E2BIG, "--snat %s: a service has at most %d source addresses", text,
			    XDPLB_SNATS);
	err = parse_endpoint(text, strlen(text), wanted->snat[wanted->snats++], &port);
	if (!err && port)
		err = fail(EINVAL, "--snat %s: an address without a port is expected", text);
	return err;
}

/* The number of a word in `field`, or the error. */
static int number_put(int number, __u8 *field)
{
	if (number < 0)
		return number;
	*field = number;
	return 0;
}

static int parse_scheduler(const char *text, struct wanted_service *wanted)
{
	return number_put(scheduler_number(text), &wanted->scheduler);
}

static int parse_forward(const char *text, struct wanted_service *wanted)
{
	return number_put(forward_number(text), &wanted->forward);
}

int service_option(const char *name, const char *value, struct wanted_service *wanted)
{
	static const struct {
		const char *name;
		int (*parse)(const char *text, struct wanted_service *wanted);
	} options[] = {
		{ "scheduler", parse_scheduler },
		{ "forward", parse_forward },
		{ "snat", parse_snat },
		{ "slow-start", parse_slow_start },
		{ "timeout", parse_timeouts },
		{ "udp", parse_udp },
		{ "window", parse_window },
		{ "table-size", parse_table_size },
		{ "registration", parse_registration },
		{ "registration-from", parse_registration_from },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(options[i].name, name))
			return options[i].parse(value, wanted);
	return fail(EINVAL, "%s: no option of a service", name);
}
