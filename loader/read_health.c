// SPDX-License-Identifier: GPL-2.0-only
#include "read_health.h"

#include <string.h>

#include "check_words.h"
#include "error.h"
#include "grown.h"
#include "read_check.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Where options are read to, and where their texts are kept. */
struct reading {
	struct kept **kept;
	struct health_options *health;
};

/* ---- a service --------------------------------------------------------------------------------
 */

static int read_agent_key(struct document *document, const struct document_key *key,
			  yaml_node_t *value, void *into)
{
	const struct reading *reading = into;
	struct agent_options *agent = &reading->health->agent;
	const char *text = node_text(document, value), **place;
	bool is_path;
	int err;

	if (!text)
		return -EINVAL;
	if (!strcmp(key->name, "port"))
		return parse_port(text, &agent->port);
	if (!strcmp(key->name, "interval"))
		return parse_duration(text, 100, DAY, &agent->interval);
	if (!strcmp(key->name, "timeout"))
		return parse_duration(text, 1, DAY, &agent->timeout);
	if (!strcmp(key->name, "smooth"))
		return parse_percent(text, "smooth", &agent->smooth);
	if (!strcmp(key->name, "least"))
		return parse_percent(text, "least", &agent->least);
	if (!strcmp(key->name, "step"))
		return parse_percent(text, "step", &agent->step);
	is_path = !strcmp(key->name, "path");
	err = is_path ? path_check(text) : send_check(text);
	if (err)
		return err;
	place = is_path ? &agent->path : &agent->send;
	*place = kept_text(reading->kept, text);
	return *place ? 0 : -ENOMEM;
}

static int read_agent(struct document *document, const struct document_key *key, yaml_node_t *value,
		      void *into)
{
	static const struct document_key keys[] = {
		{ "port", read_agent_key },    { "path", read_agent_key },
		{ "send", read_agent_key },    { "interval", read_agent_key },
		{ "timeout", read_agent_key }, { "smooth", read_agent_key },
		{ "least", read_agent_key },   { "step", read_agent_key },
	};
	struct agent_options *agent = &((struct reading *)into)->health->agent;
	int err;

	(void)key;
	*agent = (struct agent_options){ .on = true,
					 .interval = 5000,
					 .timeout = 1000,
					 .smooth = 50,
					 .least = 10,
					 .most = 100,
					 .step = 10 };
	err = mapping_read(document, value, "an agent", keys, COUNT(keys), into);
	node_here(value, "agent");
	if (!err && !agent->port)
		err = fail(EINVAL, "port: is missing: where the backends' agents listen");
	return err;
}

static int read_passive_key(struct document *document, const struct document_key *key,
			    yaml_node_t *value, void *into)
{
	struct passive_options *passive = &((struct reading *)into)->health->passive;
	static const char *const acts[] = { "warn", "fail" };
	const char *text = node_text(document, value);
	long number = 0;
	int err;

	if (!text)
		return -EINVAL;
	if (!strcmp(key->name, "share"))
		return parse_percent(text, "share", &passive->share);
	if (!strcmp(key->name, "limit"))
		return parse_amount(text, &passive->limit);
	if (!strcmp(key->name, "act")) {
		err = parse_choice(text, acts, COUNT(acts));
		passive->acts = err == 1;
		return err < 0 ? err : 0;
	}
	err = parse_number(text, "flows", 1, 1000000, &number);
	passive->flows = number;
	return err;
}

static int read_passive(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	static const struct document_key keys[] = {
		{ "act", read_passive_key },
		{ "share", read_passive_key },
		{ "flows", read_passive_key },
		{ "limit", read_passive_key },
	};

	(void)key;
	((struct reading *)into)->health->passive = (struct passive_options){
		.on = true, .share = 50, .flows = 20, .limit = { .number = 1 }
	};
	return mapping_read(document, value, "passive", keys, COUNT(keys), into);
}

static int read_damping_key(struct document *document, const struct document_key *key,
			    yaml_node_t *value, void *into)
{
	struct damping_options *damping = &((struct reading *)into)->health->damping;
	const char *text = node_text(document, value);
	long number = 0;
	int err;

	if (!text)
		return -EINVAL;
	if (!strcmp(key->name, "within"))
		return parse_duration(text, 1000, DAY, &damping->within);
	if (!strcmp(key->name, "hold"))
		return parse_duration(text, 1000, DAY, &damping->hold);
	err = parse_number(text, "flaps", 1, 15, &number);
	damping->flaps = number;
	return err;
}

static int read_damping(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	static const struct document_key keys[] = {
		{ "flaps", read_damping_key },
		{ "within", read_damping_key },
		{ "hold", read_damping_key },
	};
	struct damping_options *damping = &((struct reading *)into)->health->damping;
	const char *text;

	(void)key;
	if (value->type != YAML_SCALAR_NODE)
		return mapping_read(document, value, "damping", keys, COUNT(keys), into);
	text = node_text(document, value);
	if (!text)
		return -EINVAL;
	*damping = (struct damping_options){};
	return strcmp(text, "off") ?
		       fail(EINVAL, "%s: off, or a mapping of keys to values, is expected", text) :
		       0;
}

static int read_min_up(struct document *document, const struct document_key *key,
		       yaml_node_t *value, void *into)
{
	const char *text = node_text(document, value);

	(void)key;
	return text ? parse_amount(text, &((struct reading *)into)->health->min_up) : -EINVAL;
}

static int read_on_fail(struct document *document, const struct document_key *key,
			yaml_node_t *value, void *into)
{
	static const char *const words[] = { "down", "drain" };
	const char *text = node_text(document, value);
	int choice = text ? parse_choice(text, words, COUNT(words)) : -EINVAL;

	(void)key;
	((struct reading *)into)->health->on_fail = choice == 1 ? XDPLB_DRAIN : XDPLB_DOWN;
	return choice < 0 ? choice : 0;
}

static const struct document_key health_keys[] = {
	{ "on-fail", read_on_fail }, { "min-up", read_min_up },	  { "agent", read_agent },
	{ "passive", read_passive }, { "damping", read_damping },
};

/* ---- backends ---------------------------------------------------------------------------------
 */

/* A check of a backend's own says what is not as with the service's. */
static int read_own_check(struct document *document, yaml_node_t *node,
			  const struct reading *reading, struct wanted_backend *backend)
{
	yaml_node_t *value = mapping_value(document, node, "check");
	struct check_options *check;

	if (!value)
		return 0;
	check = kept_add(reading->kept, sizeof(*check));
	if (!check)
		return -ENOMEM;
	*check = reading->health->check;
	backend->check = check;
	node_here(value, "check");
	return check_read(document, value, reading->kept, check);
}

static int read_own_checks(struct document *document, yaml_node_t *service,
			   const struct reading *reading, struct wanted_service *wanted)
{
	yaml_node_t *list = mapping_value(document, service, "backends");
	int err = 0, i = 0;

	if (!list || list->type != YAML_SEQUENCE_NODE)
		return 0;
	for (const yaml_node_item_t *item = list->data.sequence.items.start;
	     !err && item < list->data.sequence.items.top; item++)
		err = read_own_check(document, yaml_document_get_node(&document->yaml, *item),
				     reading, &wanted->backend[i++]);
	return err;
}

/* A backend that stands by for all, and is not checked. */
static int read_fallback(struct document *document, yaml_node_t *value,
			 struct health_options *health, struct wanted_service *wanted)
{
	const char *text = node_text(document, value);
	struct wanted_backend *more, fallback;
	int err;

	if (!text)
		return -EINVAL;
	err = parse_backend(text, &wanted->at, &fallback);
	if (err)
		return err;
	more = grown(wanted->backend, wanted->backends, sizeof(*more), "backends");
	if (!more)
		return -ENOMEM;
	wanted->backend = more;
	fallback.state = XDPLB_BACKUP;
	more[wanted->backends++] = fallback;
	health->fallback = true;
	return 0;
}

static const struct health_options usual_health = {
	.check = { .interval = 2000, .timeout = 1000, .rise = 2, .fall = 3, .jitter = 10 },
	.on_fail = XDPLB_DOWN,
	.min_up = { .number = 1 },
	.damping = { .flaps = 5, .within = 300000, .hold = 60000 },
};

int health_read(struct document *document, yaml_node_t *service, struct kept **kept,
		struct wanted_service *wanted)
{
	struct health_options *health = kept_add(kept, sizeof(*health));
	struct reading reading = { .kept = kept, .health = health };
	yaml_node_t *value = mapping_value(document, service, "check");
	int err = health ? 0 : -ENOMEM;

	if (err)
		return err;
	*health = usual_health;
	wanted->health = health;
	if (value) {
		node_here(value, "check");
		err = check_read(document, value, kept, &health->check);
	}
	for (size_t i = 0; !err && i < COUNT(health_keys); i++) {
		value = mapping_value(document, service, health_keys[i].name);
		if (!value)
			continue;
		node_here(value, health_keys[i].name);
		err = health_keys[i].read(document, &health_keys[i], value, &reading);
	}
	if (!err)
		err = read_own_checks(document, service, &reading, wanted);
	value = mapping_value(document, service, "fallback");
	if (!err && value) {
		node_here(value, "fallback");
		err = read_fallback(document, value, health, wanted);
	}
	return err;
}
