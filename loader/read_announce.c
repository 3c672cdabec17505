// SPDX-License-Identifier: GPL-2.0-only
#include "read_announce.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "check_words.h"
#include "error.h"
#include "grown.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HOLD_MAX 3600

const struct announce_settings default_announce = {
	.place = { .interface = "lo", .table = ANNOUNCE_TABLE, .protocol = ANNOUNCE_PROTOCOL },
	.hold = 5,
};

/* One of two words; *second says whether it is the second one. */
static int read_either(const struct document *document, yaml_node_t *value, const char *first,
		       const char *other, bool *second)
{
	const char *text = node_text(document, value), *words[] = { first, other };
	int choice = text ? parse_choice(text, words, COUNT(words)) : -EINVAL;

	if (choice < 0)
		return choice;
	*second = choice;
	return 0;
}

static int read_by(struct document *document, const struct document_key *key, yaml_node_t *value,
		   void *into)
{
	struct announce_settings *settings = into;

	(void)key;
	return read_either(document, value, "route", "address", &settings->place.by_address);
}

static int read_needs(struct document *document, const struct document_key *key, yaml_node_t *value,
		      void *into)
{
	struct announce_settings *settings = into;

	(void)key;
	return read_either(document, value, "any", "all", &settings->all);
}

static int read_interface(struct document *document, const struct document_key *key,
			  yaml_node_t *value, void *into)
{
	struct announce_settings *settings = into;
	const char *text = node_text(document, value);

	(void)key;
	if (!text)
		return -EINVAL;
	if (!*text || strlen(text) >= sizeof(settings->place.interface))
		return fail(EINVAL, "%s: no name of an interface", text);
	memcpy(settings->place.interface, text, strlen(text) + 1);
	return 0;
}

static int read_number(const struct document *document, const struct document_key *key,
		       const yaml_node_t *value, long min, long max, long *number)
{
	const char *text = node_text(document, value);

	return text ? parse_number(text, key->name, min, max, number) : -EINVAL;
}

/* The local table is the kernel's. */
static int read_table(struct document *document, const struct document_key *key, yaml_node_t *value,
		      void *into)
{
	struct announce_settings *settings = into;
	const char *text = node_text(document, value);
	long number = RT_TABLE_MAIN;
	int err;

	if (!text)
		return -EINVAL;
	if (strcmp(text, "main")) {
		err = parse_number(text, key->name, 1, 0xffffffff, &number);
		if (err)
			return err;
	}
	if (number == RT_TABLE_LOCAL)
		return fail(EINVAL, "%ld is the kernel's own: another one, or main, is expected",
			    number);
	settings->place.table = number;
	return 0;
}

/* Those up to static are the kernel's and ip's: all that is there of them would be ours. */
static int read_protocol(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	struct announce_settings *settings = into;
	long number = 0;
	int err = read_number(document, key, value, RTPROT_STATIC + 1, 255, &number);

	settings->place.protocol = number;
	return err;
}

static int read_hold(struct document *document, const struct document_key *key, yaml_node_t *value,
		     void *into)
{
	struct announce_settings *settings = into;
	long number = 0;
	int err = read_number(document, key, value, 0, HOLD_MAX, &number);

	settings->hold = number;
	return err;
}

static int read_prefix(struct document *document, yaml_node_t *entry, void *into)
{
	struct announce_settings *settings = into;
	const char *text = node_text(document, entry);
	struct prefix *more;
	int err;

	if (!text)
		return -EINVAL;
	more = grown(settings->prefix, settings->prefixes, sizeof(*more), "addresses");
	if (!more)
		return -ENOMEM;
	settings->prefix = more;
	err = parse_prefix(text, &more[settings->prefixes]);
	for (int i = 0; !err && i < settings->prefixes; i++)
		if (!prefix_order(&more[i], &more[settings->prefixes]))
			err = fail(EEXIST, "%s: given twice: once is right", text);
	if (!err)
		settings->prefixes++;
	return err;
}

static int read_addresses(struct document *document, const struct document_key *key,
			  yaml_node_t *value, void *into)
{
	(void)key;
	return sequence_read(document, value, "addresses", "addresses", read_prefix, into);
}

/* On an interface a network's addresses would all be this machine's. */
static int networks_check(const struct announce_settings *settings)
{
	char text[PREFIX_TEXT];

	for (int i = 0; settings->place.by_address && i < settings->prefixes; i++)
		if (!prefix_is_address(&settings->prefix[i]))
			return fail(EINVAL, "announce: %s: a network is announced by: route",
				    prefix_text(&settings->prefix[i], text));
	return 0;
}

int announce_settings_read(struct document *document, yaml_node_t *node,
			   struct announce_settings *settings)
{
	static const struct document_key keys[] = {
		{ "addresses", read_addresses }, { "by", read_by },
		{ "table", read_table },	 { "interface", read_interface },
		{ "protocol", read_protocol },	 { "needs", read_needs },
		{ "hold", read_hold },
	};
	int err;

	*settings = default_announce;
	settings->on = true;
	err = mapping_read(document, node, "announce", keys, COUNT(keys), settings);
	if (!err) {
		node_here(node, NULL);
		err = networks_check(settings);
	}
	if (err)
		announce_settings_free(settings);
	return err;
}

void announce_settings_free(struct announce_settings *settings)
{
	free(settings->prefix);
	settings->prefix = NULL;
	settings->prefixes = 0;
}
