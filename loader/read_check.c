// SPDX-License-Identifier: GPL-2.0-only
#include "read_check.h"

#include <string.h>

#include "check_words.h"
#include "error.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Where options are read to, and where their texts are kept. */
struct reading {
	struct kept **kept;
	struct check_options *check;
};

/* What is said of which types. */
#define OF(type) (1U << CHECK_##type)
#define OF_HTTP (OF(HTTP) | OF(HTTPS))
#define OF_TLS (OF(HTTPS) | OF(TLS))
#define OF_TEXT (OF(TCP) | OF(UDP))
#define OF_NET (OF_HTTP | OF_TLS | OF_TEXT | OF(DNS))

static const struct {
	const char *key;
	__u32 types;
} key_types[] = {
	{ "port", OF_NET },    { "through", OF_NET },	   { "path", OF_HTTP },
	{ "host", OF_HTTP },   { "status", OF_HTTP },	   { "body", OF_HTTP },
	{ "sni", OF_TLS },     { "verify", OF_TLS },	   { "ca", OF_TLS },
	{ "query", OF(DNS) },  { "query-type", OF(DNS) },  { "send", OF_TEXT },
	{ "expect", OF_TEXT }, { "command", OF(COMMAND) },
};

/* A key that this type has not is a mistake. */
static int key_check(const struct check_options *check, const char *key)
{
	for (size_t i = 0; i < COUNT(key_types); i++)
		if (!strcmp(key_types[i].key, key) && !(key_types[i].types >> check->type & 1))
			return fail(EINVAL, "a check of type %s has no such key; leave it out",
				    check_type_name(check->type));
	return 0;
}

static int parse_count(const char *text, const char *what, __u16 *count)
{
	long number;
	int err = parse_number(text, what, 1, 1000, &number);

	if (!err)
		*count = number;
	return err;
}

/* 200, or 200-299. */
static int parse_status(const char *text, struct check_options *check)
{
	unsigned int from, to;
	char rest;
	int words = sscanf(text, "%3u-%3u%c", &from, &to, &rest);

	if (words == 1 && strspn(text, "0123456789") == strlen(text) && strlen(text) == 3)
		to = from;
	else if (words != 2)
		from = 0;
	if (from < 100 || to < from || to > 599)
		return fail(EINVAL, "%s: a status such as 200, or 200-299, is expected", text);
	if (check->statuses == CHECK_STATUSES)
		return fail(E2BIG, "%s: at most %d can be given", text, CHECK_STATUSES);
	check->status[check->statuses].from = from;
	check->status[check->statuses++].to = to;
	return 0;
}

static int read_one_status(struct document *document, yaml_node_t *node, void *into)
{
	const char *text = node_text(document, node);

	return text ? parse_status(text, into) : -EINVAL;
}

static int read_status(struct document *document, yaml_node_t *value, struct check_options *check)
{
	int err;

	check->statuses = 0;
	if (value->type == YAML_SCALAR_NODE)
		return read_one_status(document, value, check);
	err = sequence_read(document, value, "status", "statuses", read_one_status, check);
	if (!err && !check->statuses)
		err = fail(EINVAL, "none is given: a status such as 200, or 200-299, is expected");
	return err;
}

static int parse_query_type(const char *text, __u16 *type)
{
	static const struct {
		const char *name;
		__u16 type;
	} types[] = { { "A", 1 },    { "NS", 2 },  { "CNAME", 5 }, { "SOA", 6 },
		      { "PTR", 12 }, { "MX", 15 }, { "TXT", 16 },  { "AAAA", 28 } };

	for (size_t i = 0; i < COUNT(types); i++) {
		if (!strcasecmp(types[i].name, text)) {
			*type = types[i].type;
			return 0;
		}
	}
	return fail(EINVAL, "%s: A, AAAA, NS, CNAME, SOA, PTR, MX or TXT is expected", text);
}

/* A name as DNS has it: labels of 1 to 63 bytes, 253 in all; "." is the root. */
static int query_check(const char *text)
{
	size_t length = strlen(text), label = 0;

	if (length > 253)
		return fail(EINVAL, "%s: too long for a name of DNS", text);
	for (size_t i = 0; strcmp(text, ".") && i <= length; i++) {
		if (text[i] && text[i] != '.') {
			label++;
			continue;
		}
		if (label > 63 || (!label && text[i]) || !length)
			return fail(EINVAL, "%s: a name such as example.org is expected", text);
		label = 0;
	}
	return 0;
}

/* Where the text of a key goes, NULL: it is no text. */
static const char **text_of(struct check_options *check, const char *key)
{
	const struct {
		const char *key;
		const char **text;
	} texts[] = {
		{ "path", &check->path },	{ "host", &check->host },
		{ "sni", &check->sni },		{ "ca", &check->ca },
		{ "body", &check->body },	{ "query", &check->query },
		{ "send", &check->send },	{ "expect", &check->expect },
		{ "command", &check->command },
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		if (!strcmp(texts[i].key, key))
			return texts[i].text;
	return NULL;
}

static int text_check(const char *key, const char *text)
{
	if (!strcmp(key, "query"))
		return query_check(text);
	if (!strcmp(key, "path"))
		return path_check(text);
	if (!strcmp(key, "host") || !strcmp(key, "sni"))
		return host_check(text);
	if (!strcmp(key, "send"))
		return send_check(text);
	return *text ? 0 : fail(EINVAL, "it is empty");
}

static int read_text(const struct reading *reading, const char *key, const char *text)
{
	const char **place = text_of(reading->check, key);
	int err = text_check(key, text);

	if (err)
		return err;
	*place = kept_text(reading->kept, text);
	return *place ? 0 : -ENOMEM;
}

static int read_check_value(const struct reading *reading, const char *key, const char *text)
{
	struct check_options *check = reading->check;
	static const char *const ways[] = { "method", "direct" };
	int choice;

	if (!strcmp(key, "interval"))
		return parse_duration(text, 10, DAY, &check->interval);
	if (!strcmp(key, "timeout"))
		return parse_duration(text, 1, DAY, &check->timeout);
	if (!strcmp(key, "rise"))
		return parse_count(text, "rise", &check->rise);
	if (!strcmp(key, "fall"))
		return parse_count(text, "fall", &check->fall);
	if (!strcmp(key, "jitter"))
		return parse_percent(text, "jitter", &check->jitter);
	if (!strcmp(key, "port"))
		return parse_port(text, &check->port);
	if (!strcmp(key, "verify"))
		return parse_switch(text, &check->verify);
	if (!strcmp(key, "query-type"))
		return parse_query_type(text, &check->query_type);
	if (strcmp(key, "through"))
		return read_text(reading, key, text);
	choice = parse_choice(text, ways, COUNT(ways));
	check->direct = choice == 1;
	return choice < 0 ? choice : 0;
}

static int read_check_key(struct document *document, const struct document_key *key,
			  yaml_node_t *value, void *into)
{
	const struct reading *reading = into;
	const char *text;
	int err = key_check(reading->check, key->name);

	if (err || !strcmp(key->name, "type"))
		return err;
	if (!strcmp(key->name, "status"))
		return read_status(document, value, reading->check);
	text = node_text(document, value);
	return text ? read_check_value(reading, key->name, text) : -EINVAL;
}

/* Begins with what a type has where nothing is said. */
static int type_set(struct document *document, const yaml_node_t *node, struct check_options *check)
{
	const char *text = node_text(document, node);
	int type = text ? parse_check_type(text) : -EINVAL;

	if (type < 0 || check->type == type)
		return type < 0 ? type : 0;
	*check = (struct check_options){
		.type = type,
		.jitter = check->jitter,
		.rise = check->rise,
		.fall = check->fall,
		.interval = check->interval,
		.timeout = check->timeout,
		.verify = true,
		.query_type = 1,
	};
	return 0;
}

static int check_whole(struct check_options *check)
{
	if (check->type == CHECK_COMMAND && !check->command)
		return fail(EINVAL, "command: is missing: what is to be run");
	if (check->type == CHECK_UDP && !check->send)
		return fail(EINVAL, "send: is missing: what the backend is to answer");
	if (check->type == CHECK_DNS && !check->query)
		check->query = ".", check->query_type = 2;
	return 0;
}

int check_read(struct document *document, yaml_node_t *node, struct kept **kept,
	       struct check_options *check)
{
	static const struct document_key keys[] = {
		{ "type", read_check_key },	  { "interval", read_check_key },
		{ "timeout", read_check_key },	  { "rise", read_check_key },
		{ "fall", read_check_key },	  { "jitter", read_check_key },
		{ "port", read_check_key },	  { "through", read_check_key },
		{ "path", read_check_key },	  { "host", read_check_key },
		{ "status", read_check_key },	  { "body", read_check_key },
		{ "sni", read_check_key },	  { "verify", read_check_key },
		{ "ca", read_check_key },	  { "query", read_check_key },
		{ "query-type", read_check_key }, { "send", read_check_key },
		{ "expect", read_check_key },	  { "command", read_check_key },
	};
	yaml_node_t *type = mapping_value(document, node, "type");
	struct reading reading = { .kept = kept, .check = check };
	int err = 0;

	if (node->type == YAML_SCALAR_NODE)
		type = node;
	if (type) {
		node_here(type, "type");
		err = type_set(document, type, check);
	} else if (check->type == CHECK_OFF) {
		err = fail(EINVAL, "type: is missing: tcp, http, https, tls, dns, udp or command");
	}
	if (!err && node != type)
		err = mapping_read(document, node, "a check", keys, COUNT(keys), &reading);
	node_here(node, "check");
	return err ? err : check_whole(check);
}
