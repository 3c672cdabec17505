// SPDX-License-Identifier: GPL-2.0-only
/* load, unload. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "command.h"
#include "config.h"
#include "error.h"
#include "machine.h"
#include "replies.h"
#include "words.h"

static int mode_read(const char *word, enum xdp_attach_mode *mode)
{
	*mode = XDP_MODE_NATIVE;
	if (!strcmp(word, "native"))
		return 0;
	*mode = XDP_MODE_SKB;
	if (!strcmp(word, "skb"))
		return 0;
	*mode = XDP_MODE_UNSPEC;
	if (!strcmp(word, "unspecified"))
		return 0;
	return misuse("-m %s: a mode is native, skb or unspecified", word);
}

/* The next power of two, because buckets are found by a mask. */
static __u32 flows_rounded(long flows)
{
	__u32 rounded = XDPLB_FLOWS_MIN;

	while (rounded < flows)
		rounded *= 2;
	return rounded;
}

static int request_read(const struct options *options, struct attach_request *request)
{
	long number;
	int err;

	memset(request, 0, sizeof(*request));
	request->encap = options->encap;
	request->pins = options->choice.pins ? options->choice.pins : DEFAULT_PINS;
	request->any_mode = !options->mode;
	err = mode_read(options->mode ? options->mode : "native", &request->mode);
	if (!err && options->priority) {
		err = parse_number(options->priority, "-P", 1, 10000, &number);
		request->priority = number;
	}
	if (!err && options->flows) {
		err = parse_number(options->flows, "--flows", XDPLB_FLOWS_MIN, XDPLB_FLOWS_MAX,
				   &number);
		if (!err)
			request->flows = flows_rounded(number);
	}
	return err;
}

/* Interfaces that exist and are named once. */
static int interfaces_check(const struct options *options)
{
	for (int i = 0; i < options->count; i++) {
		int index = interface_index(options->arguments[i]);

		if (index < 0)
			return index;
		for (int j = 0; j < i; j++)
			if (!strcmp(options->arguments[i], options->arguments[j]))
				return fail(EEXIST, "%s is given twice: once is right",
					    options->arguments[i]);
	}
	return 0;
}

/* Takes off the first `count` interfaces what load has just put there. */
static void load_undo(const struct options *options, const bool *had, int count)
{
	struct chain_program found;

	for (int i = 0; i < count; i++)
		if (!had[i] && chain_look(interface_index(options->arguments[i]), &found))
			detach(&found);
}

static int load_all(const struct options *options, const struct attach_request *request)
{
	bool *had = calloc(options->count, sizeof(*had)), pinned = pins_exist(request->pins);
	struct chain_program found;
	int err = had ? 0 : fail(ENOMEM, "no memory");

	for (int i = 0; !err && i < options->count; i++) {
		had[i] = chain_look(interface_index(options->arguments[i]), &found);
		err = attach(options->arguments[i], request);
		if (!err)
			continue;
		load_undo(options, had, i);
		if (i && !pinned)
			pins_remove(request->pins);
	}
	free(had);
	return err;
}

int command_load(struct options *options)
{
	struct attach_request request;
	struct balancer balancer;
	int lock, err = request_read(options, &request);

	if (!err)
		err = interfaces_check(options);
	if (!err)
		err = pins_check(request.pins);
	if (err)
		return err;
	lock = balancer_lock(true);
	if (lock < 0)
		return lock;
	err = load_all(options, &request);
	if (!err)
		err = balancer_open_pins(&balancer, request.pins);
	if (!err) {
		err = config_prepare(&balancer);
		machine_prepare(&balancer);
		for (int i = 0; i < options->count; i++)
			replies_attach(&balancer, options->arguments[i]); /* or said why not */
		balancer_close(&balancer);
	}
	close(lock);
	return err;
}

/* Attaches the program for replies where it is not: to all interfaces with the balancer. */
static int replies_attach_all(const struct balancer *balancer)
{
	struct chain_program found[CHAIN_MAX];
	int count = chain_interfaces(found, CHAIN_MAX), err = count < 0 ? count : 0;

	for (int i = 0; !err && i < count; i++)
		if (program_config_map(found[i].id) == balancer_id(balancer))
			err = replies_attach(balancer, found[i].interface);
	return err;
}

int command_attach_replies(struct options *options)
{
	struct balancer balancer;
	int err = interfaces_check(options);

	if (!err)
		err = balancer_open(&balancer, &options->choice, true);
	if (err)
		return err;
	for (int i = 0; !err && i < options->count; i++)
		err = replies_attach(&balancer, options->arguments[i]);
	if (!options->count)
		err = replies_attach_all(&balancer);
	balancer_close(&balancer);
	return err;
}

/* Whether the balancer in these pins is on some interface. */
static bool pins_in_use(__u32 id)
{
	struct chain_program found[CHAIN_MAX];
	int count = chain_interfaces(found, CHAIN_MAX);

	for (int i = 0; i < count; i++)
		if (program_config_map(found[i].id) == id)
			return true;
	return false;
}

/* Of a balancer that is on no interface any more: its pins, and what is at egress of others. */
static void remains_collect(const char *pins, __u32 id)
{
	struct balancer pinned;

	if (pins_in_use(id))
		return;
	replies_detach_all(id);
	if (!pins_exist(pins) || balancer_open_pins(&pinned, pins))
		return;
	if (balancer_id(&pinned) == id)
		pins_remove(pins);
	balancer_close(&pinned);
}

/* Something of ours is on the interface, and be it the program for replies alone. */
static int unload_check(const char *interface)
{
	struct chain_program found;
	int ifindex = interface_index(interface);

	if (ifindex < 0)
		return ifindex;
	return replies_found(ifindex) ? 0 : chain_find(interface, &found);
}

static int unload(const struct options *options, const char *interface)
{
	const char *pins = options->choice.pins ? options->choice.pins : DEFAULT_PINS;
	int ifindex = interface_index(interface), err;
	struct chain_program found;
	__u32 id;

	if (ifindex < 0)
		return ifindex;
	if (!chain_look(ifindex, &found)) {
		replies_detach(ifindex);
		return 0;
	}
	id = program_config_map(found.id);
	err = detach(&found);
	if (err)
		return err;
	if (replies_attached(ifindex, id))
		replies_detach(ifindex);
	if (!options->keep_maps)
		remains_collect(pins, id);
	return 0;
}

int command_unload(struct options *options)
{
	int lock, err = interfaces_check(options);

	for (int i = 0; !err && i < options->count; i++)
		err = unload_check(options->arguments[i]);
	if (err)
		return err;
	lock = balancer_lock(true);
	if (lock < 0)
		return lock;
	for (int i = 0; !err && i < options->count; i++)
		err = unload(options, options->arguments[i]);
	close(lock);
	return err;
}
