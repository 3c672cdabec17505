// SPDX-License-Identifier: GPL-2.0-only
#include "resize.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../xdp/flow_state.h"
#include "carry.h"
#include "chain.h"
#include "descriptors.h"
#include "egress.h"
#include "encap.h"
#include "error.h"
#include "flows.h"
#include "refusal.h"
#include "replies.h"
#include "resize_pins.h"
#include "steps.h"

#define OTHERS_SECONDS 5 /* the kernel frees a program that nobody has any more in far less */
#define OTHERS_TRIES 50 /* a second */

/* ---- does it fit ------------------------------------------------------------------------ */

static void count_one(const struct flow *flow, void *context)
{
	if (!flow->expired && !flow_is_over(flow->state))
		++*(__u64 *)context;
}

/* A table that is at most half full has room for each of its flows. */
static int flows_fit(const struct balancer *there, __u32 flows)
{
	struct flow_table table = flow_table_of(there);
	__u32 least = XDPLB_FLOWS_MIN;
	__u64 count = 0;

	flows_scan(&table, count_one, &count);
	while (least < 2 * count)
		least *= 2;
	if (flows >= least)
		return 0;
	return fail(ENOSPC,
		    "--flows %u: %llu flows go on, for which no table is made smaller than twice "
		    "that: --flows %u",
		    flows, count, least);
}

/* nat's records are not carried: their number stays. */
static void nat_warn(const struct balancer *there, __u32 flows)
{
	__u32 records = (there->entries[MAP_BLOCKS] - 1) * 64;

	if (flows > records && flows > there->entries[MAP_FLOWS] * XDPLB_WAYS)
		warn("--flows %u: of these flows at most %u can be nat's, as before: the number of "
		     "its records is that of the first load",
		     flows, records);
}

/* ---- what it takes ---------------------------------------------------------------------- */

static int load_failed(const struct resize *resize, int err)
{
	if (err == -ENOMEM || err == -E2BIG)
		return fail(err, "--flows %u: no memory for such a table beside the one there is",
			    resize->balancer.entries[MAP_FLOWS] * XDPLB_WAYS);
	return fail(err,
		    "the kernel refuses the program that changes the table's size (%s), and what "
		    "was there goes on%s%s",
		    strerror(-err), *refusal_text() ? "; the verifier says: " : "", refusal_text());
}

/* Has the kernel look at a program of the kind that will be attached. */
static int program_verify(const struct resize *resize, const char *name)
{
	struct bpf_object *object;
	int err = object_open(NULL, &resize->balancer, name, 0, &object);

	step_show(0, 0, "having the kernel verify %s", name);
	if (err)
		return err;
	err = bpf_object__load(object);
	bpf_object__close(object);
	return err ? load_failed(resize, err) : 0;
}

/* Takes a map that was made with the program. */
static int map_keep(struct resize *resize, enum balancer_map which)
{
	const struct bpf_map *map =
		bpf_object__find_map_by_name(resize->carry, balancer_map_names[which]);

	if (resize->balancer.fd[which] >= 0)
		return 0;
	resize->balancer.fd[which] = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
	return resize->balancer.fd[which] < 0 ?
		       fail(errno, "cannot keep a map: %s", strerror(errno)) :
		       0;
}

/* Loads the program that carries flows, and with it the tables that are not there yet. */
static int carry_load(struct resize *resize)
{
	const __u32 flows = resize->balancer.entries[MAP_FLOWS] * XDPLB_WAYS;
	const struct bpf_program *program;
	int err = object_open(NULL, &resize->balancer, PROGRAM_CARRY, flows, &resize->carry);

	step_show(0, 0, "making a table of %u flows", flows);
	if (err)
		return err;
	program = bpf_object__find_program_by_name(resize->carry, PROGRAM_CARRY);
	err = program ? bpf_object__load(resize->carry) : -ENOENT;
	if (err)
		return load_failed(resize, err);
	resize->program = bpf_program__fd(program);
	err = map_keep(resize, MAP_FLOWS);
	return err ? err : map_keep(resize, MAP_RESIZE);
}

/* The balancer in the pins, or on one of these interfaces; false: there is none. */
static bool there_find(const struct attach_request *request, char *const *interfaces, int count,
		       struct balancer *there, int *err)
{
	struct chain_program found;

	*err = 0;
	if (pins_exist(request->pins)) {
		*err = balancer_open_pins(there, request->pins);
		return !*err;
	}
	for (int i = 0; i < count; i++) {
		if (!chain_look(interface_index(interfaces[i]), &found))
			continue;
		*err = balancer_open_program(there, found.id);
		return !*err;
	}
	return false;
}

/* Of the table that is the only one yet, the old one, beside one of so many flows. */
static void tables_begin(struct balancer *balancer, __u32 flows)
{
	balancer->fd[MAP_OLD] = balancer->fd[MAP_FLOWS];
	balancer->entries[MAP_OLD] = balancer->entries[MAP_FLOWS];
	balancer->memory[MAP_OLD] = balancer->memory[MAP_FLOWS];
	balancer->length[MAP_OLD] = balancer->length[MAP_FLOWS];
	balancer->fd[MAP_FLOWS] = -1;
	balancer->entries[MAP_FLOWS] = flows / XDPLB_WAYS;
	balancer->memory[MAP_FLOWS] = NULL;
	balancer_point(balancer);
}

int resize_prepare(struct resize *resize, const struct attach_request *request,
		   char *const *interfaces, int count)
{
	struct balancer *there = &resize->balancer;
	int err;

	memset(resize, 0, sizeof(*resize));
	if (!there_find(request, interfaces, count, there, &err))
		return err;
	resize->pins = request->pins;
	resize->due = true;
	if (!request->flows || request->flows == there->entries[MAP_FLOWS] * XDPLB_WAYS) {
		resize_close(resize);
		return 0;
	}
	err = flows_fit(there, request->flows);
	if (err)
		return err;
	nat_warn(there, request->flows);
	tables_begin(there, request->flows);
	err = carry_load(resize);
	if (!err)
		err = program_verify(resize, request->encap ? PROGRAM_ENCAP : PROGRAM_PLAIN);
	return err ? err : program_verify(resize, PROGRAM_REPLIES);
}

void resize_close(struct resize *resize)
{
	if (resize->carry)
		bpf_object__close(resize->carry);
	if (resize->due)
		balancer_close(&resize->balancer);
	memset(resize, 0, sizeof(*resize));
}

/* ---- programs --------------------------------------------------------------------------- */

static bool has_balancer(const struct chain_program *found, __u32 id)
{
	return program_config_map(found->id) == id;
}

/* Replaces a program by one of its kind that knows the tables which the pins say. */
static int program_replace(const struct resize *resize, const struct chain_program *found)
{
	const struct attach_request request = {
		.pins = resize->pins,
		.mode = found->mode,
		.priority = found->dispatcher ? found->priority : 0,
		.encap = !strcmp(found->program, PROGRAM_ENCAP),
	};

	return attach(found->interface, &request);
}

/* The same at egress, on whatever of these interfaces it is. */
static int replies_replace_on(const struct resize *resize, __u32 id,
			      const struct if_nameindex *interfaces)
{
	struct balancer balancer;
	int err = balancer_open_pins(&balancer, resize->pins);

	if (err)
		return err;
	for (const struct if_nameindex *i = interfaces; !err && i->if_index; i++)
		if (replies_attached(i->if_index, id)) {
			step_show(0, 0, "replacing the program for replies on %s", i->if_name);
			err = replies_attach(&balancer, i->if_name);
		}
	balancer_close(&balancer);
	return err;
}

static int replies_replace(const struct resize *resize, __u32 id)
{
	struct if_nameindex *all = if_nameindex();
	int err;

	if (!all)
		return fail(errno, "cannot list interfaces: %s", strerror(errno));
	err = replies_replace_on(resize, id, all);
	if_freenameindex(all);
	return err;
}

/* All of the balancer's. */
static int programs_replace(const struct resize *resize)
{
	__u32 id = balancer_id(&resize->balancer);
	struct chain_program found[CHAIN_MAX];
	int count = chain_of(id, found, CHAIN_MAX), err = count < 0 ? count : 0;

	for (int i = 0; !err && i < count; i++) {
		step_show(i, count, "replacing the program on %s", found[i].interface);
		err = program_replace(resize, &found[i]);
	}
	return err ? err : replies_replace(resize, id);
}

/* ---- others that use the table ----------------------------------------------------------- */

static bool has_map(const __u32 *ids, __u32 count, int fd)
{
	struct bpf_map_info info;

	if (map_info(fd, &info))
		return true;
	for (__u32 i = 0; i < count; i++)
		if (ids[i] == info.id)
			return true;
	return false;
}

/* A program that knows the old table and not the new one, wherever it is; 0: there is none. */
static __u32 other_find(const struct balancer *balancer)
{
	__u32 program = 0;

	while (!bpf_prog_get_next_id(program, &program)) {
		__u32 ids[PROGRAM_MAPS], count = PROGRAM_MAPS;

		if (!program_maps(program, ids, &count) &&
		    has_map(ids, count, balancer->fd[MAP_OLD]) &&
		    !has_map(ids, count, balancer->fd[MAP_FLOWS]))
			return program;
	}
	return 0;
}

/* Those that were replaced go when the kernel frees them. */
static int others_wait(const struct balancer *balancer)
{
	const struct timespec step = { .tv_nsec = 1000000000 / OTHERS_TRIES };
	__u32 other = other_find(balancer);

	step_show(0, 0, "waiting for programs to go that were replaced");
	for (int i = 0; other && i < OTHERS_SECONDS * OTHERS_TRIES; i++) {
		/* libxdp may have it open; nothing here uses one that was replaced. */
		descriptors_close(other);
		nanosleep(&step, NULL);
		other = other_find(balancer);
	}
	if (!other)
		return 0;
	return fail(EBUSY,
		    "program %u uses the balancer's flow table too, and is not on an interface "
		    "here, so the table keeps its size: bpftool prog show id %u; bpftool net",
		    other, other);
}

/* ---- doing it ----------------------------------------------------------------------------- */

static int stage_set(const struct balancer *balancer, __u32 stage)
{
	const struct xdplb_resize how = { .stage = stage };
	__u32 only = 0;

	if (bpf_map_update_elem(balancer->fd[MAP_RESIZE], &only, &how, 0))
		return fail(errno, "cannot write xdplb_resize: %s", strerror(errno));
	return balancer_grace();
}

static int stage_get(const struct balancer *balancer, __u32 *stage)
{
	struct xdplb_resize how;
	__u32 only = 0;

	if (bpf_map_lookup_elem(balancer->fd[MAP_RESIZE], &only, &how))
		return fail(errno, "cannot read xdplb_resize: %s", strerror(errno));
	*stage = how.stage;
	return 0;
}

/* All programs know both tables: flows go over to the new one. */
static int flows_go_over(struct resize *resize)
{
	struct balancer *balancer = &resize->balancer;
	__u32 ended = 0;
	int err = stage_set(balancer, XDPLB_RESIZE_BOTH);

	if (!err)
		err = stage_set(balancer, XDPLB_RESIZE_NEW);
	if (!err)
		err = carry_flows(balancer, resize->program, &ended);
	if (err)
		return err;
	if (ended)
		warn("%u flows found no room in the new table and have ended", ended);
	/* Programs that know one table read it, and there is none now. */
	__atomic_store_n(&balancer->config->flow_mask,
			 flow_buckets(balancer->entries[MAP_FLOWS]) - 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* Back to programs that know the old table alone, where all flows are. */
static void resize_undo(const struct resize *resize)
{
	if (pins_old_table(&resize->balancer, resize->pins) || programs_replace(resize))
		warn("the flow table has its old size, but not all programs know that yet: load "
		     "it again");
}

/* Has every program know both tables. */
static int tables_announce(const struct resize *resize)
{
	int err = pins_two_tables(&resize->balancer, resize->pins);

	if (!err)
		err = programs_replace(resize);
	return err ? err : others_wait(&resize->balancer);
}

int resize_run(struct resize *resize)
{
	__u32 stage = XDPLB_RESIZE_OLD;
	int err;

	if (!resize->due)
		return 0;
	err = stage_get(&resize->balancer, &stage);
	if (err)
		return err;
	err = tables_announce(resize);
	if (err && stage == XDPLB_RESIZE_OLD) {
		resize_undo(resize);
		return err;
	}
	if (!err)
		err = flows_go_over(resize);
	if (!err)
		err = pins_new_table(resize->pins);
	if (!err)
		err = programs_replace(resize);
	if (err)
		warn("the flow table's new size is in use, but not all is done: load it again");
	return err;
}

/* ---- what was interrupted --------------------------------------------------------------- */

/* The kernel calls both the same. */
static bool program_has_two(__u32 program)
{
	__u32 ids[PROGRAM_MAPS], count = PROGRAM_MAPS;
	struct bpf_map_info info;
	int tables = 0;

	if (program_maps(program, ids, &count))
		return false;
	for (__u32 i = 0; i < count; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (!map_info(fd, &info) && !strcmp(info.name, balancer_map_names[MAP_FLOWS]))
			tables++;
		close(fd);
	}
	return tables > 1;
}

/* A program of the balancer's, on whatever interface, knows two tables. */
static bool any_has_two(__u32 id)
{
	struct if_nameindex *all = if_nameindex();
	struct chain_program found;
	bool two = false;
	__u32 program;

	for (struct if_nameindex *i = all; i && !two && i->if_index; i++) {
		two = chain_look(i->if_index, &found) && has_balancer(&found, id) &&
		      program_has_two(found.id);
		if (!two && replies_attached(i->if_index, id))
			two = !egress_find(i->if_index, &program) && program_has_two(program);
	}
	if (all)
		if_freenameindex(all);
	return two;
}

/* The pins say that there is one table: what is left of a change that came, or went back, so far.
 */
static int remains_replace(const struct resize *resize)
{
	int err = pins_new_table(resize->pins);

	if (err || !any_has_two(balancer_id(&resize->balancer)))
		return err;
	return programs_replace(resize);
}

int resize_resume(const char *pins)
{
	struct resize resize = { .pins = pins };
	int err;

	if (!pins_exist(pins))
		return 0;
	err = balancer_open_pins(&resize.balancer, pins);
	if (err)
		return err;
	resize.due = true;
	if (has_two_tables(&resize.balancer))
		err = carry_load(&resize);
	if (!err)
		err = has_two_tables(&resize.balancer) ? resize_run(&resize) :
							 remains_replace(&resize);
	resize_close(&resize);
	return err;
}
