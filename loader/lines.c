// SPDX-License-Identifier: GPL-2.0-only
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "defaults.h"
#include "names.h"
#include "service_options.h"

/* ---- lines --------------------------------------------------------------------------------- */

/* Adds a line, whose key ends where `key` bytes of the text are over, or at its first colon: -1. */
static void add(struct lines *lines, int key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct lines *lines, int key, const char *format, ...)
{
	struct line *more = realloc(lines->line, (lines->count + 1) * sizeof(*more)), line = {};
	va_list args;

	if (more)
		lines->line = more;
	va_start(args, format);
	if (vasprintf(&line.text, format, args) < 0)
		line.text = NULL;
	va_end(args);
	if (line.text)
		line.key = strndup(line.text, key < 0 ? strcspn(line.text, ":") : (size_t)key);
	if (!more || !line.key) {
		free(line.key);
		free(line.text);
		lines->full = true;
		return;
	}
	lines->line[lines->count++] = line;
}

void lines_free(struct lines *lines)
{
	for (int i = 0; i < lines->count; i++) {
		free(lines->line[i].key);
		free(lines->line[i].text);
	}
	free(lines->line);
	*lines = (struct lines){};
}

/* A word that YAML would take for a list, or wonder about, stands in quotes. */
static const char *quote_of(const char *word)
{
	return *word == '[' || *word == ':' ? "\"" : "";
}

/* ---- settings ------------------------------------------------------------------------------ */

void settings_lines(const struct settings *settings, struct lines *lines)
{
	const struct settings *usual = &default_settings;
	char seed[SEED_TEXT];

	if (settings->echo != usual->echo)
		add(lines, -1, "echo: %s", settings->echo ? "on" : "off");
	if (settings->gue_port != usual->gue_port)
		add(lines, -1, "gue-port: %u", settings->gue_port);
	if (settings->icmp_rate != usual->icmp_rate)
		add(lines, -1, "icmp-rate: %u", settings->icmp_rate);
	if (settings->registration_port != usual->registration_port)
		add(lines, -1, "registration-port: %u", settings->registration_port);
	if (settings->seed[0] || settings->seed[1])
		add(lines, -1, "seed: \"%s\"", seed_text(settings, seed));
}

/* ---- a service ----------------------------------------------------------------------------- */

static void snat_lines(const struct wanted_service *wanted, struct lines *lines)
{
	char list[XDPLB_SNATS * ADDRESS_TEXT] = "", text[ADDRESS_TEXT];
	size_t length = 0;

	for (int i = 0; i < wanted->snats; i++)
		length += snprintf(list + length, sizeof(list) - length, "%s\"%s\"", i ? ", " : "",
				   address_text(wanted->snat[i], text));
	if (wanted->snats)
		add(lines, -1, "snat: [%s]", list);
}

static void timeout_lines(const struct wanted_service *wanted, struct lines *lines)
{
	const char *before = "";
	char text[128] = "";
	size_t length = 0;

	for (int i = 0; timeout_name(i); i++) {
		if (!timeout_is_shown(wanted, i))
			continue;
		length += snprintf(text + length, sizeof(text) - length, "%s%s: %u", before,
				   timeout_name(i), wanted->timeout[i]);
		before = ", ";
	}
	if (length)
		add(lines, -1, "timeout: {%s}", text);
}

static void udp_lines(const struct wanted_service *wanted, struct lines *lines)
{
	if (wanted->udp == WANTED_UDP_STATELESS)
		add(lines, -1, "udp: stateless");
	else if (wanted->udp == WANTED_UDP_TRACKED)
		add(lines, -1, "udp: tracked");
}

static void registration_lines(const struct wanted_registration *registration, struct lines *lines)
{
	char digits[KEY_TEXT];

	if (!registration->mode)
		return;
	add(lines, -1, "registration: %s", registration_name(registration->mode));
	if (registration->anywhere)
		add(lines, -1, "registration-from: any");
	if (registration->keyed)
		add(lines, -1, "registration-key: \"%s\"", key_text(registration, digits));
}

void service_lines(const struct wanted_service *wanted, struct lines *lines)
{
	char text[ADDRESS_TEXT];
	const char *quote;

	service_text(&wanted->at, text);
	quote = quote_of(text);
	add(lines, -1, "service: %s%s%s", quote, text, quote);
	add(lines, -1, "scheduler: %s", scheduler_name(wanted->scheduler));
	add(lines, -1, "forward: %s", forward_name(wanted->forward));
	snat_lines(wanted, lines);
	if (wanted->affinity)
		add(lines, -1, "affinity: %s", affinity_text(wanted, text));
	if (wanted->slow_start)
		add(lines, -1, "slow-start: %u", wanted->slow_start);
	timeout_lines(wanted, lines);
	if (wanted->window && wanted->window != DEFAULT_WINDOW)
		add(lines, -1, "window: %u", wanted->window);
	if (wanted->table)
		add(lines, -1, "table-size: %u", wanted->table);
	udp_lines(wanted, lines);
	registration_lines(&wanted->registration, lines);
}

void backends_lines(const struct wanted_service *wanted, struct lines *lines)
{
	for (int i = 0; i < wanted->backends; i++) {
		const struct wanted_backend *backend = &wanted->backend[i];
		char place[ADDRESS_TEXT], mac[ADDRESS_TEXT] = "", weight[16] = "", state[16] = "";
		const char *quote;

		backend_text(wanted->forward, backend->addr, backend->port, place);
		quote = quote_of(place);
		if (own_weight(backend) != 1)
			snprintf(weight, sizeof(weight), ",weight=%u", own_weight(backend));
		if (own_state(backend) != XDPLB_UP)
			snprintf(state, sizeof(state), ",state=%s", state_name(own_state(backend)));
		if (mac_given(backend->mac)) {
			strcpy(mac, ",mac=");
			mac_text(backend->mac, mac + strlen(mac));
		}
		add(lines, strlen(quote) + strlen(place), "%s%s%s%s%s%s", quote, place, weight,
		    state, mac, quote);
	}
}
