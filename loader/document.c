// SPDX-License-Identifier: GPL-2.0-only
#include "document.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define KEYS_TEXT 400 /* all keys of a mapping, as words */

/* ---- from the file --------------------------------------------------------------------- */

/* A byte that is no text: by line and column (in bytes) where the file can be read again. */
static int byte_error(const struct document *document, const yaml_parser_t *parser, FILE *file)
{
	size_t line = 1, column = 1, left = parser->problem_offset;
	int byte = 0;

	if (fseek(file, 0, SEEK_SET))
		return fail(EINVAL, "%s: byte %zu: %s; UTF-8 text is expected", document->path,
			    parser->problem_offset, parser->problem);
	for (; left && (byte = getc(file)) != EOF; left--) {
		column = byte == '\n' ? 1 : column + 1;
		line += byte == '\n';
	}
	error_place("%s:%zu:%zu", document->path, line, column);
	fail(EINVAL, "%s; UTF-8 text is expected", parser->problem);
	error_place(NULL);
	return -EINVAL;
}

/* What libyaml has against the file. Its lines and columns count from 0. */
static int syntax_error(const struct document *document, const yaml_parser_t *parser, FILE *file)
{
	const yaml_mark_t *mark = &parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return fail(ENOMEM, "%s: no memory to read it", document->path);
	if (parser->error == YAML_READER_ERROR)
		return byte_error(document, parser, file);
	error_place("%s:%zu:%zu", document->path, mark->line + 1, mark->column + 1);
	fail(EINVAL, "%s%s%s; YAML is expected, as in xdplb.yaml(5)",
	     parser->context ? parser->context : "", parser->context ? ", " : "", parser->problem);
	error_place(NULL);
	return -EINVAL;
}

/* What is behind the first document of a file should be its end. */
static int second_check(struct document *document, yaml_parser_t *parser, FILE *file)
{
	yaml_document_t second;
	int err = 0;

	if (!yaml_parser_load(parser, &second))
		return syntax_error(document, parser, file);
	if (yaml_document_get_root_node(&second)) {
		error_place("%s:%zu:1", document->path, second.start_mark.line + 1);
		err = fail(EINVAL, "a second document begins: one is expected");
		error_place(NULL);
	}
	yaml_document_delete(&second);
	return err;
}

static int read_failed(const struct document *document)
{
	int err = errno ? errno : EIO;

	return fail(err, "%s: cannot be read: %s", document->path, strerror(err));
}

static int document_parse(struct document *document, FILE *file)
{
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return fail(ENOMEM, "%s: no memory to read it", document->path);
	yaml_parser_set_input_file(&parser, file);
	errno = 0;
	if (!yaml_parser_load(&parser, &document->yaml)) {
		err = ferror(file) ? read_failed(document) : syntax_error(document, &parser, file);
	} else if (document_top(document)) {
		err = second_check(document, &parser, file);
		if (err)
			document_free(document);
	}
	yaml_parser_delete(&parser);
	return err;
}

int document_read(const char *path, struct document *document)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "re");
	int err;

	document->path = standard ? "standard input" : path;
	place_file(document->path);
	if (!file)
		return fail(errno, "%s: %s", path, strerror(errno));
	err = document_parse(document, file);
	if (!err && ferror(file)) {
		document_free(document);
		err = read_failed(document);
	}
	if (!standard)
		fclose(file);
	return err;
}

void document_free(struct document *document)
{
	yaml_document_delete(&document->yaml);
}

yaml_node_t *document_top(struct document *document)
{
	return yaml_document_get_root_node(&document->yaml);
}

/* ---- nodes ------------------------------------------------------------------------------- */

struct place node_place(const yaml_node_t *node)
{
	return (struct place){ node->start_mark.line + 1, node->start_mark.column + 1 };
}

void node_here(const yaml_node_t *node, const char *key)
{
	struct place place;

	if (node)
		place = node_place(node);
	place_here(node ? &place : NULL, key);
}

static const char *kind_name(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_MAPPING_NODE:
		return "a mapping";
	case YAML_SEQUENCE_NODE:
		return "a list";
	default:
		return "a plain value";
	}
}

const char *node_text(const struct document *document, const yaml_node_t *node)
{
	(void)document;
	if (node->type != YAML_SCALAR_NODE) {
		fail(EINVAL, "%s is here: a plain value is expected", kind_name(node));
		return NULL;
	}
	if (!node->data.scalar.length && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		fail(EINVAL, "nothing is here: a value is expected");
		return NULL;
	}
	if (strlen((const char *)node->data.scalar.value) != node->data.scalar.length) {
		fail(EINVAL, "a zero byte is in it: plain text is expected");
		return NULL;
	}
	return (const char *)node->data.scalar.value;
}

/* ---- mappings ------------------------------------------------------------------------------ */

static const char *keys_text(const struct document_key *keys, size_t count, char *text)
{
	size_t length = 0;

	for (size_t i = 0; i < count && length < KEYS_TEXT; i++)
		length += snprintf(text + length, KEYS_TEXT - length, "%s%s", i ? ", " : "",
				   keys[i].name);
	return text;
}

static const struct document_key *key_find(const struct document *document, const yaml_node_t *node,
					   const char *what, const struct document_key *keys,
					   size_t count)
{
	char text[KEYS_TEXT];
	const char *name;

	node_here(node, NULL);
	name = node_text(document, node);
	for (size_t i = 0; name && i < count; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	if (name)
		fail(EINVAL, "%s: no key of %s, which has: %s", name, what,
		     keys_text(keys, count, text));
	return NULL;
}

yaml_node_t *mapping_value(struct document *document, const yaml_node_t *node, const char *key)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(&document->yaml, pair->key);

		if (name->type == YAML_SCALAR_NODE &&
		    !strcmp((const char *)name->data.scalar.value, key))
			return yaml_document_get_node(&document->yaml, pair->value);
	}
	return NULL;
}

/* Of two values with the same key, mapping_value() knows the first. */
static int once_check(struct document *document, const yaml_node_t *node,
		      const yaml_node_pair_t *pair, const char *name)
{
	if (mapping_value(document, node, name) ==
	    yaml_document_get_node(&document->yaml, pair->value))
		return 0;
	return fail(EEXIST, "%s: given twice: once is right", name);
}

int mapping_read(struct document *document, yaml_node_t *node, const char *what,
		 const struct document_key *keys, size_t count, void *into)
{
	int err = 0;

	if (node->type != YAML_MAPPING_NODE)
		return fail(EINVAL, "%s is here: %s is a mapping of keys to values",
			    kind_name(node), what);
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !err && pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *value = yaml_document_get_node(&document->yaml, pair->value);
		const struct document_key *key =
			key_find(document, yaml_document_get_node(&document->yaml, pair->key), what,
				 keys, count);

		err = key ? once_check(document, node, pair, key->name) : -EINVAL;
		if (err)
			return err;
		node_here(value, key->name);
		err = key->read(document, key, value, into);
	}
	return err;
}

int sequence_read(struct document *document, yaml_node_t *node, const char *key, const char *what,
		  int (*read)(struct document *document, yaml_node_t *entry, void *into),
		  void *into)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return fail(EINVAL, "%s is here: %s are a list, each after a dash", kind_name(node),
			    what);
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     !err && item < node->data.sequence.items.top; item++) {
		yaml_node_t *entry = yaml_document_get_node(&document->yaml, *item);

		node_here(entry, key);
		err = read(document, entry, into);
	}
	return err;
}
