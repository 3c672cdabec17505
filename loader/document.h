/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A YAML file as libyaml's nodes, read by tables of keys. An error line has the
 * place: FILE:LINE:COLUMN: KEY: what is wrong, and what would be right.
 */
#ifndef XDPLB_DOCUMENT_H
#define XDPLB_DOCUMENT_H

#include <stddef.h>
#include <yaml.h>

#include "place.h"

struct document {
	const char *path; /* as it was given; "-": standard input */
	yaml_document_t yaml;
};

/* 0, or a negative errno after an error line; then there is nothing to free. */
int document_read(const char *path, struct document *document);
void document_free(struct document *document);

/* The document's top, NULL: it is empty. */
yaml_node_t *document_top(struct document *document);

/*
 * Error lines speak of this node from now on, and of its key unless that is NULL.
 * NULL for the node: of none.
 */
void node_here(const yaml_node_t *node, const char *key);

struct place node_place(const yaml_node_t *node);

/* The text of a plain value, NULL after an error line: it is none. */
const char *node_text(const struct document *document, const yaml_node_t *node);

/* A key of a mapping, and what reads its value: 0, or a negative errno after an error line. */
struct document_key {
	const char *name;
	int (*read)(struct document *document, const struct document_key *key, yaml_node_t *value,
		    void *into);
};

/*
 * Reads a mapping, each key by its function, in the file's order; those of the
 * table and no others, each once. `what` it is, for the error line.
 */
int mapping_read(struct document *document, yaml_node_t *node, const char *what,
		 const struct document_key *keys, size_t count, void *into);

/* The value of a key, NULL: it is not there, or this is no mapping. */
yaml_node_t *mapping_value(struct document *document, const yaml_node_t *node, const char *key);

/* Reads each entry of a sequence, the value of `key`. */
int sequence_read(struct document *document, yaml_node_t *node, const char *key, const char *what,
		  int (*read)(struct document *document, yaml_node_t *entry, void *into),
		  void *into);

#endif
