// SPDX-License-Identifier: GPL-2.0-only
/* load, unload. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "command.h"
#include "config.h"
#include "error.h"
#include "lookup.h"
#include "machine.h"
#include "replies.h"
#include "resize.h"
#include "steps.h"
#include "ways_left.h"
#include "whole.h"
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

	for (int i = 0; i < count; i++) {
		if (had[i] || !chain_look(interface_index(options->arguments[i]), &found))
			continue;
		if (replies_attached(found.ifindex, program_config_map(found.id)))
			replies_detach(found.ifindex);
		detach(&found);
	}
}

/* *done: how many interfaces have it. */
static int attach_all(const struct options *options, const struct attach_request *request,
		      bool *had, int *done)
{
	struct chain_program found;
	int err = 0;

	for (*done = 0; *done < options->count; ++*done) {
		const char *interface = options->arguments[*done];

		had[*done] = chain_look(interface_index(interface), &found);
		step_show(*done, options->count, "attaching to %s", interface);
		err = attach(interface, request);
		if (err)
			break;
	}
	return err;
}

/* What goes with the balancer on an interface. */
static int others_attach(const struct balancer *balancer, const char *interface)
{
	int err = replies_attach(balancer, interface);

	return err || interface_index(interface) != LOOPBACK ? err : lookup_attach(balancer);
}

/* Makes the balancer ready, of which these interfaces are now. */
static int load_settle(const struct options *options, const struct attach_request *request)
{
	struct balancer balancer;
	int err = balancer_open_pins(&balancer, request->pins);

	if (err)
		return err;
	err = config_prepare(&balancer);
	machine_prepare(&balancer);
	for (int i = 0; i < options->count; i++)
		others_attach(&balancer, options->arguments[i]); /* or said why not */
	balancer_close(&balancer);
	return err;
}

/* All of it, or nothing. */
static int load_all(const struct options *options, const struct attach_request *request,
		    struct resize *resize)
{
	bool *had = calloc(options->count, sizeof(*had)), pinned = pins_exist(request->pins);
	int done = 0, err = had ? 0 : fail(ENOMEM, "no memory");

	if (!err)
		err = attach_all(options, request, had, &done);
	if (!err)
		err = load_settle(options, request);
	if (!err)
		err = resize_run(resize);
	if (err)
		load_undo(options, had, done);
	if (err && done && !pinned)
		pins_remove(request->pins);
	free(had);
	return err;
}

/* The caller holds the lock. */
static int load(const struct options *options, const struct attach_request *request)
{
	struct resize resize = {};
	int err = resize_resume(request->pins);

	if (!err)
		err = resize_prepare(&resize, request, options->arguments, options->count);
	if (!err)
		err = load_all(options, request, &resize);
	resize_close(&resize);
	return err;
}

int command_load(struct options *options)
{
	struct attach_request request;
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
	err = load(options, &request);
	steps_end();
	lookup_tidy();
	close(lock);
	return err;
}

/* The same on all interfaces with the balancer. */
static int others_attach_all(const struct balancer *balancer)
{
	struct chain_program found[CHAIN_MAX];
	int count = chain_of(balancer_id(balancer), found, CHAIN_MAX), err = count < 0 ? count : 0;

	for (int i = 0; !err && i < count; i++)
		err = others_attach(balancer, found[i].interface);
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
		err = others_attach(&balancer, options->arguments[i]);
	if (!options->count)
		err = others_attach_all(&balancer);
	balancer_close(&balancer);
	return err;
}

/* What goes with a balancer's last interface can go: its pins. */
static int remains_check(const char *interface, const char *pins, __u32 id)
{
	struct chain_program found[CHAIN_MAX];

	if (chain_of(id, found, CHAIN_MAX) > 1 || pins_id(pins) != id || !access(pins, W_OK))
		return 0;
	return fail(errno,
		    "%s: its pins in %s cannot be removed (%s): give --keep-maps, or make it "
		    "writable first",
		    interface, pins, strerror(errno));
}

/* What the kernel was given for backends that are no more. */
static void neighbours_collect(const char *pins)
{
	struct balancer balancer;

	if (!pins_are_ours(pins) || balancer_open_pins(&balancer, pins))
		return;
	ways_forget_given(&balancer);
	balancer_close(&balancer);
}

/* Of a balancer that is on no interface any more: its pins, and what is at egress of others. */
static void remains_collect(const char *pins, __u32 id)
{
	struct chain_program found[CHAIN_MAX];

	if (chain_of(id, found, CHAIN_MAX) > 0)
		return;
	replies_detach_all(id);
	if (pins_id(pins) != id)
		return;
	neighbours_collect(pins);
	pins_remove(pins);
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
	err = options->keep_maps ? 0 : remains_check(interface, pins, id);
	if (!err)
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
	int lock, drained, err = interfaces_check(options);

	for (int i = 0; !err && i < options->count; i++)
		err = unload_check(options->arguments[i]);
	if (!err)
		err = whole_leave(options->arguments, options->count, &drained);
	if (err)
		return err;
	lock = balancer_lock(true);
	if (lock < 0)
		return lock;
	for (int i = 0; !err && i < options->count; i++)
		err = unload(options, options->arguments[i]);
	lookup_tidy();
	close(lock);
	if (drained >= 0)
		close(drained);
	return err;
}
