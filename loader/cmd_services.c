// SPDX-License-Identifier: GPL-2.0-only
/*
 * set-backends, set-service, add-backend, del-backend, set-weight, set-state,
 * del-service, flush.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "edit.h"
#include "encap.h"
#include "error.h"
#include "names.h"
#include "replies.h"
#include "service_options.h"
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

/* Reads the service, and of its options those that depend on it. */
static int service_words(struct options *options)
{
	struct wanted_service *wanted = &options->wanted;
	char text[ADDRESS_TEXT];
	int err = parse_service(options->arguments[0], &wanted->at);

	if (!err && wanted->udp && wanted->at.proto != IPPROTO_UDP)
		return fail(EINVAL, "--udp: %s is no udp service; leave it out",
			    service_text(&wanted->at, text));
	if (!err && options->affinity)
		err = parse_affinity(options->affinity, wanted);
	if (!err && options->registration_key)
		err = parse_registration_key(options->registration_key, wanted);
	return err;
}

/* Puts what is wanted in force; the caller closes the balancer. */
static int wanted_apply(struct balancer *balancer, struct wanted_service *wanted)
{
	int err = encap_check(balancer, wanted->forward);

	if (!err)
		err = service_apply(balancer, wanted);
	if (!err && wanted->forward == XDPLB_LOCAL)
		replies_warn(balancer, wanted_listens(wanted) && !wanted->registration.anywhere);
	return err;
}

int command_set_backends(struct options *options)
{
	struct wanted_service *wanted = &options->wanted;
	struct balancer balancer;
	int err;

	if (options->count < 2 && !wanted->registration.mode)
		return misuse("set-backends: a BACKEND is expected, or --registration kernel, by "
			      "which listeners register themselves");
	err = service_words(options);
	if (!err)
		err = backends_append(wanted, options->arguments + 1, options->count - 1);
	if (!err)
		err = wanted_check(wanted);
	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	err = wanted_apply(&balancer, wanted);
	balancer_close(&balancer);
	return err;
}

/* Wants the backends that the service has. */
static int backends_keep(const struct balancer *balancer, struct wanted_service *wanted)
{
	int id = service_need(balancer, &wanted->at), err;
	struct wanted_service now;

	if (id < 0)
		return id;
	err = set_read(balancer, id, &now);
	wanted->backend = now.backend;
	wanted->backends = now.backends;
	return err;
}

int command_set_service(struct options *options)
{
	struct balancer balancer;
	int err;

	if (!options->any && !options->registration_key)
		return misuse("set-service: an option is expected; see: xdplb-config set-service "
			      "--help");
	err = service_words(options);
	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	err = backends_keep(&balancer, &options->wanted);
	if (!err)
		err = wanted_apply(&balancer, &options->wanted);
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
		if (wanted->backend[index].registered)
			return fail(EBUSY,
				    "%s registers itself and would come back; set-state "
				    "puts it down",
				    words[i]);
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
	if (wanted->backend[index].registered)
		return fail(EBUSY, "%s registers its weight itself; set-state puts it down",
			    words[0]);
	wanted->backend[index].weight = weight;
	wanted->backend[index].own_weight = 0;
	return 0;
}

static int edit_state(struct wanted_service *wanted, char **words, int count)
{
	int state = state_number(words[1]);

	(void)count;
	return state < 0 ? state : edit_backend_state(wanted, words[0], state);
}

int command_add_backend(struct options *options)
{
	return service_edit(options, edit_add);
}

int command_del_backend(struct options *options)
{
	return service_edit(options, edit_del);
}

int command_set_weight(struct options *options)
{
	return service_edit(options, edit_weight);
}

int command_set_state(struct options *options)
{
	return service_edit(options, edit_state);
}

int command_del_service(struct options *options)
{
	bool gone[XDPLB_SERVICES] = {};
	struct service_address at;
	struct balancer balancer;
	int err = parse_service(options->arguments[0], &at), id;

	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	id = service_need(&balancer, &at);
	if (id > 0) {
		gone[id] = true;
		err = services_remove(&balancer, gone);
	}
	balancer_close(&balancer);
	return id < 0 ? id : err;
}

int command_flush(struct options *options)
{
	bool gone[XDPLB_SERVICES] = {};
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, true);

	if (err)
		return err;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		gone[id] = balancer.services[id].proto && service_set(&balancer, id);
	err = services_remove(&balancer, gone);
	balancer_close(&balancer);
	return err;
}
