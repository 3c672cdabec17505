// SPDX-License-Identifier: GPL-2.0-only
/* status: where the balancers are and how full. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "command.h"
#include "counts_json.h"
#include "drained.h"
#include "error.h"
#include "fill.h"
#include "interfaces.h"
#include "netdev.h"
#include "output.h"
#include "replies.h"
#include "route.h"

#define WAYS_OUT_MAX 64 /* interfaces that are looked at */

static int fill_read(const struct balancer *balancer, struct fill *fill)
{
	struct flow_counts *counts = malloc(sizeof(*counts));
	struct flow_table table = flow_table_of(balancer);

	memset(fill, 0, sizeof(*fill));
	if (!counts)
		return fail(ENOMEM, "no memory to count flows");
	flows_count(&table, counts);
	fill_count(balancer, counts, fill);
	free(counts);
	return 0;
}

/* The program for what listeners answer is there too, over the same maps. */
static bool has_replies(const struct chain_program *program)
{
	return replies_attached(program->ifindex, program_config_map(program->id));
}

static void print_interface(const struct chain_program *program)
{
	printf("    %-15s  %s, %s, %d of %d in the chain%s: %s; redirect: %s; replies: %s\n",
	       program->interface, program->program, mode_name(program->mode), program->place,
	       program->programs, program->dispatcher ? "" : " (alone, without a dispatcher)",
	       program->chain, redirect_name(netdev_redirect(program->ifindex)),
	       has_replies(program) ? "yes" : "no");
}

static struct json_object *json_interface(const struct chain_program *program)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "interface", program->interface);
	json_add_text(object, "program", program->program);
	json_add_text(object, "mode", mode_name(program->mode));
	json_add_number(object, "program_id", program->id);
	json_add_number(object, "place", program->place);
	json_add_number(object, "programs", program->programs);
	json_add_bool(object, "dispatcher", program->dispatcher);
	json_add_text(object, "chain", program->chain);
	json_add_text(object, "redirect", redirect_name(netdev_redirect(program->ifindex)));
	json_add_bool(object, "replies", has_replies(program));
	return object;
}

/* Interfaces without the program that backends' routes lead to. */
struct ways_out {
	__u32 ifindex[WAYS_OUT_MAX];
	int count;
};

static bool has_program(const struct chain_program *found, int count, __u32 ifindex)
{
	for (int i = 0; i < count; i++)
		if ((__u32)found[i].ifindex == ifindex)
			return true;
	return false;
}

/* The interface that frames leave by. */
static __u32 lowest(const struct link *links, int count, __u32 ifindex)
{
	const struct link *below;
	int tags;

	below = link_below(links, count, link_find(links, count, ifindex), &tags);
	return below ? below->ifindex : ifindex;
}

static void ways_out_add(struct ways_out *ways, __u32 ifindex)
{
	for (int i = 0; i < ways->count; i++)
		if (ways->ifindex[i] == ifindex)
			return;
	if (ways->count < WAYS_OUT_MAX)
		ways->ifindex[ways->count++] = ifindex;
}

static void ways_out_find(const struct balancer *balancer, const struct chain_program *found,
			  int count, struct ways_out *ways)
{
	struct link *links;
	int n = links_read(&links);

	ways->count = 0;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		struct next_hop way;
		__u32 ifindex;

		if (!balancer->backends[id].flags || route_get(balancer->backends[id].addr, &way) ||
		    way.local)
			continue;
		ifindex = lowest(links, n, way.ifindex);
		if (!has_program(found, count, ifindex))
			ways_out_add(ways, ifindex);
	}
	free(links);
}

/* Says of each whether it takes redirected frames. */
static void ways_out_show(const struct ways_out *ways, struct json_object *array, bool json)
{
	char name[IF_NAMESIZE];

	for (int i = 0; i < ways->count; i++) {
		const char *redirect = redirect_name(netdev_redirect(ways->ifindex[i]));
		struct json_object *object = json_object_new_object();

		if (!if_indextoname(ways->ifindex[i], name))
			snprintf(name, sizeof(name), "?");
		json_add_text(object, "interface", name);
		json_add_text(object, "redirect", redirect);
		json_object_array_add(array, object);
		if (!json)
			printf("    %-15s  no xdplb, routes to backends lead there; redirect: %s\n",
			       name, redirect);
	}
}

static void print_fill(const struct fill *fill, const char *pins)
{
	printf("    %-15s  xdplb-config %s, ABI %d\n", "version", XDPLB_VERSION, XDPLB_ABI);
	printf("    %-15s  %s\n", "maps", pins ? pins : "not pinned: they belong to the program");
	printf("    %-15s  %u of %d\n", "services", fill->services, XDPLB_SERVICES - 1);
	printf("    %-15s  %u of %d\n", "backends", fill->backends, XDPLB_BACKENDS - 1);
	printf("    %-15s  %llu of %u (%.1f%%)\n", "flows", fill->flows, fill->room,
	       100.0 * fill->flows / fill->room);
}

static void json_add_balancer(struct json_object *object, const struct fill *fill, const char *pins)
{
	json_add_text(object, "version", XDPLB_VERSION);
	json_add_number(object, "abi", XDPLB_ABI);
	json_object_object_add(object, "pins", pins ? json_object_new_string(pins) : NULL);
	json_add_fill(object, fill);
}

/* One balancer and all interfaces that have it. */
static int status_one(struct options *options, const struct balancer *balancer,
		      const struct chain_program *found, int count, struct json_object *all)
{
	struct json_object *object = json_object_new_object();
	struct json_object *interfaces = json_object_new_array();
	struct json_object *others = json_object_new_array();
	struct ways_out ways;
	__u32 id = balancer_id(balancer);
	const char *pins = balancer_pins(&options->choice, id);
	struct fill fill;
	int err = fill_read(balancer, &fill);

	if (!err && !options->json)
		printf("balancer %u\n", id);
	for (int i = 0; !err && i < count; i++) {
		if (program_config_map(found[i].id) != id)
			continue;
		json_object_array_add(interfaces, json_interface(&found[i]));
		if (!options->json)
			print_interface(&found[i]);
	}
	ways_out_find(balancer, found, count, &ways);
	ways_out_show(&ways, others, options->json || err);
	json_object_object_add(object, "interfaces", interfaces);
	json_object_object_add(object, "ways_out", others);
	json_add_balancer(object, &fill, pins);
	json_object_array_add(all, object);
	if (!err && !options->json)
		print_fill(&fill, pins);
	return err;
}

/* The balancer that was named, whether it is on an interface or only pinned. */
static int status_named(struct options *options, const struct chain_program *found, int count,
			struct json_object *all)
{
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = status_one(options, &balancer, found, count, all);
	balancer_close(&balancer);
	return err;
}

/* The first interface with the same balancer as the one at `i`. */
static bool is_first(const struct chain_program *found, int i)
{
	for (int j = 0; j < i; j++)
		if (program_config_map(found[j].id) == program_config_map(found[i].id))
			return false;
	return true;
}

static int status_all(struct options *options, const struct chain_program *found, int count,
		      struct json_object *all)
{
	struct balancer balancer;
	int lock, err = 0;

	if (!count)
		return status_named(options, found, count, all);
	lock = balancer_lock(false);
	if (lock < 0)
		return lock;
	for (int i = 0; !err && i < count; i++) {
		if (!is_first(found, i))
			continue;
		err = balancer_open_program(&balancer, found[i].id);
		if (err)
			break;
		err = status_one(options, &balancer, found, count, all);
		balancer_close(&balancer);
	}
	close(lock);
	return err;
}

int command_status(struct options *options)
{
	struct json_object *object = json_object_new_object();
	struct json_object *all = json_object_new_array();
	struct chain_program found[CHAIN_MAX];
	int count = chain_interfaces(found, CHAIN_MAX), err = count < 0 ? count : 0;
	bool drained = is_drained();

	json_object_object_add(object, "balancers", all);
	if (!err && (options->choice.interface || options->choice.pins))
		err = status_named(options, found, count, all);
	else if (!err)
		err = status_all(options, found, count, all);
	json_add_bool(object, "drained", drained);
	if (!err && options->json)
		json_print(object, options->pretty);
	else if (!err && drained)
		puts("drained: no address is announced");
	json_object_put(object);
	return err;
}
