// SPDX-License-Identifier: GPL-2.0-only
/* set-backends, add-backend, del-backend, set-weight, del-service, flush. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "encap.h"
#include "error.h"
#include "services.h"
#include "sets.h"
#include "words.h"

/* Reads backends behind those that are there. */
static int backends_append(struct wanted_service *wanted, char **words, int count)
{
	struct wanted_backend *more;
	int err = 0;

	more = realloc(wanted->backend, (wanted->backends + count + 1) * sizeof(*more));
	if (!more)
		return fail(ENOMEM, "no memory for %d backends", count);
	wanted->backend = more;
	for (int i = 0; i < count && !err; i++) {
		err = parse_backend(words[i], &wanted->at, &more[wanted->backends]);
		wanted->backends += !err;
	}
	return err;
}

int command_set_backends(struct options *options)
{
	struct wanted_service *wanted = &options->wanted;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &wanted->at);

	if (!err)
		err = backends_append(wanted, options->arguments + 1, options->count - 1);
	if (!err)
		err = wanted_check(wanted);
	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	err = encap_check(&balancer, wanted->forward);
	if (!err)
		err = service_apply(&balancer, wanted);
	balancer_close(&balancer);
	return err;
}

/* A change to what a service has: edits `wanted`, which is what is in force. */
typedef int edit_function(struct wanted_service *wanted, char **words, int count);

static int edit_service(struct options *options, edit_function *edit)
{
	struct wanted_service wanted = {};
	struct service_address at;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &at), id;

	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	id = service_need(&balancer, &at);
	err = id < 0 ? id : set_read(&balancer, id, &wanted);
	if (!err)
		err = edit(&wanted, options->arguments + 1, options->count - 1);
	if (!err)
		err = service_apply(&balancer, &wanted);
	wanted_free(&wanted);
	balancer_close(&balancer);
	return err;
}

static int edit_add(struct wanted_service *wanted, char **words, int count)
{
	char service[ADDRESS_TEXT], text[ADDRESS_TEXT];
	struct wanted_service now = *wanted;
	int err = backends_append(wanted, words, count);

	now.backend = wanted->backend; /* moved, its first entries the same */
	for (int i = now.backends; !err && i < wanted->backends; i++)
		if (wanted_index(&now, &wanted->backend[i]) >= 0)
			err = fail(EEXIST, "%s: already a backend of %s; set-weight changes it",
				   endpoint_text(wanted->backend[i].addr, wanted->backend[i].port,
						 text),
				   service_text(&wanted->at, service));
	return err;
}

static int edit_del(struct wanted_service *wanted, char **words, int count)
{
	for (int i = 0; i < count; i++) {
		int index = wanted_need(wanted, words[i]);

		if (index < 0)
			return index;
		wanted->backends--;
		memmove(&wanted->backend[index], &wanted->backend[index + 1],
			(wanted->backends - index) * sizeof(*wanted->backend));
	}
	return 0;
}

static int edit_weight(struct wanted_service *wanted, char **words, int count)
{
	long weight;
	int index, err = parse_number(words[1], "weight", 1, XDPLB_WEIGHT_MAX, &weight);

	(void)count;
	if (err)
		return err;
	index = wanted_need(wanted, words[0]);
	if (index < 0)
		return index;
	wanted->backend[index].weight = weight;
	return 0;
}

int command_add_backend(struct options *options)
{
	return edit_service(options, edit_add);
}

int command_del_backend(struct options *options)
{
	return edit_service(options, edit_del);
}

int command_set_weight(struct options *options)
{
	return edit_service(options, edit_weight);
}

int command_del_service(struct options *options)
{
	struct service_address at;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &at), id;

	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	id = service_need(&balancer, &at);
	err = id < 0 ? id : service_unlink(&balancer, id);
	if (!err)
		err = services_unlinked(&balancer);
	balancer_close(&balancer);
	return err;
}

int command_flush(struct options *options)
{
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, true);

	if (err)
		return err;
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++)
		if (balancer.services[id].proto && balancer.services[id].set)
			err = service_unlink(&balancer, id);
	if (!err)
		err = services_unlinked(&balancer);
	balancer_close(&balancer);
	return err;
}
