// SPDX-License-Identifier: GPL-2.0-only
#include "read_daemon.h"

#include <arpa/inet.h>
#include <string.h>

#include "address.h"
#include "check_words.h"
#include "error.h"
#include "read_announce.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int read_log(struct document *document, const struct document_key *key, yaml_node_t *value,
		    void *into)
{
	static const char *const words[] = { "text", "json" };
	const char *text = node_text(document, value);
	int choice = text ? parse_choice(text, words, COUNT(words)) : -EINVAL;

	(void)key;
	((struct daemon_options *)into)->json = choice == 1;
	return choice < 0 ? choice : 0;
}

static int read_announce(struct document *document, const struct document_key *key,
			 yaml_node_t *value, void *into)
{
	struct daemon_options *options = into;

	(void)key;
	return announce_settings_read(document, value, &options->announce);
}

/* Where the page and the metrics are, unless said otherwise: for this machine alone. */
#define HTTP_PORT 9475

struct daemon_options daemon_usual(void)
{
	return (struct daemon_options){
		.http = { .on = true, .addr = { htonl(INADDR_LOOPBACK) }, .port = htons(HTTP_PORT) }
	};
}

static int read_http(struct document *document, const struct document_key *key, yaml_node_t *value,
		     void *into)
{
	struct listen_place *http = &((struct daemon_options *)into)->http;
	const char *text = node_text(document, value);
	int err;

	(void)key;
	if (!text)
		return -EINVAL;
	*http = (struct listen_place){ .on = strcmp(text, "off") != 0 };
	if (!http->on)
		return 0;
	err = parse_listen_endpoint(text, http->addr, &http->port);
	http->both = *text == '[' && !is_address(http->addr);
	return err || http->port ?
		       err :
		       fail(EINVAL, "%s: a port is expected too, as in 127.0.0.1:%d; or off", text,
			    HTTP_PORT);
}

int daemon_read(struct document *document, yaml_node_t *node, struct daemon_options *options)
{
	static const struct document_key keys[] = {
		{ "log", read_log },
		{ "announce", read_announce },
		{ "http", read_http },
	};

	return mapping_read(document, node, "daemon", keys, COUNT(keys), options);
}
