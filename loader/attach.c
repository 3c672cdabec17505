// SPDX-License-Identifier: GPL-2.0-only
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "balancer.h"
#include "encap.h"
#include "error.h"
#include "object_path.h"
#include "refusal.h"

int pins_check(const char *pins)
{
	char parent[PATH_MAX], *slash;
	struct statfs fs;

	snprintf(parent, sizeof(parent), "%s", pins);
	while (statfs(parent, &fs)) {
		slash = strrchr(parent, '/');
		if (!slash || slash == parent)
			return fail(ENOENT, "%s: no such directory", pins);
		*slash = '\0';
	}
	if (fs.f_type != BPF_FS_MAGIC)
		return fail(EINVAL, "%s: not on a BPF file system; mount -t bpf bpf /sys/fs/bpf",
			    pins);
	return 0;
}

void pins_remove(const char *pins)
{
	char path[PATH_MAX];

	for (int i = 0; i < PIN_NAMES; i++) {
		pin_path(pins, i, path);
		unlink(path);
	}
	rmdir(pins);
}

/* The entries a map shall have with so many flows; 0: as the object says. */
static __u32 map_entries(enum balancer_map map, __u32 flows)
{
	__u32 blocks = flows / 64 + XDPLB_NAT_BLOCKS_SPARE;

	if (blocks > XDPLB_NAT_BLOCKS_MAX)
		blocks = XDPLB_NAT_BLOCKS_MAX;
	switch (map) {
	case MAP_FLOWS:
		return flows / XDPLB_WAYS;
	case MAP_NAT:
		return blocks * 64;
	case MAP_BLOCKS:
	case MAP_FREE:
		return blocks;
	default:
		return 0;
	}
}

/* The object's program takes a map for what this command, and the balancer that is there, do. */
static int fit_check(const struct bpf_map *map, enum balancer_map which)
{
	__u32 size = bpf_map__value_size(map), abi = bpf_map__max_entries(map);

	if (which == MAP_CONFIG && abi != XDPLB_ABI)
		return fail(EPROTO,
			    "the object speaks ABI %u and this xdplb-config ABI %u; what is "
			    "attached goes on: load the object that came with this xdplb-config",
			    abi, XDPLB_ABI);
	if (size == balancer_value_size(which))
		return 0;
	return fail(EPROTO,
		    "the object's map %s has values of %u bytes, and not of %u; what is attached "
		    "goes on: load the object that came with this xdplb-config",
		    balancer_map_names[which], size, balancer_value_size(which));
}

/* How many entries it has is --flows' to say, and not the object's. */
static bool is_sized(enum balancer_map which)
{
	return which == MAP_OLD || map_entries(which, XDPLB_FLOWS_MIN);
}

#define OTHER_TABLES                                                               \
	"what is attached goes on: load the object it came from, or make it anew " \
	"(xdplb-config save, unload, load, apply)"

/*
 * The object's program takes a map for the one that is there. libbpf would put that in
 * the object's place whatever its size, and the program find entries by a mask of its own.
 */
static int there_check(const struct bpf_map *map, enum balancer_map which,
		       const struct balancer *there)
{
	__u32 entries = bpf_map__max_entries(map), type = bpf_map__type(map);
	__u32 key = bpf_map__key_size(map);
	const char *name = balancer_map_names[which];
	struct bpf_map_info info;
	int err = map_info(there->fd[which], &info);

	if (err)
		return fail(err, "cannot look at map %s: %s", name, strerror(-err));
	if (type != info.type || key != info.key_size)
		return fail(EPROTO,
			    "the object's map %s is of type %u with keys of %u bytes, and that of "
			    "the balancer there of type %u with keys of %u; " OTHER_TABLES,
			    name, type, key, info.type, info.key_size);
	if (entries == info.max_entries || is_sized(which))
		return 0;
	return fail(EPROTO,
		    "the object's map %s has %u entries, and that of the balancer there "
		    "%u; " OTHER_TABLES,
		    name, entries, info.max_entries);
}

/*
 * Sizes a map of the object, or takes over that of the balancer that is there. Without
 * pins it keeps no path: libbpf would pin it elsewhere, or rather take what another
 * balancer has there.
 */
static int map_set(struct bpf_map *map, enum balancer_map which, const char *pins,
		   const struct balancer *there, __u32 entries)
{
	int err = 0;

	if (there && there->fd[which] >= 0)
		err = bpf_map__reuse_fd(map, there->fd[which]);
	else if (entries)
		err = bpf_map__set_max_entries(map, entries);
	if (!err && !pins)
		err = bpf_map__set_pin_path(map, NULL);
	return err ? fail(err, "map %s: %s", balancer_map_names[which], strerror(-err)) : 0;
}

static int maps_set(struct bpf_object *object, const char *pins, const struct balancer *there,
		    __u32 flows)
{
	for (int i = 0; i < (there && has_two_tables(there) ? ALL_MAPS : MAPS); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, balancer_map_names[i]);
		int err;

		if (!map)
			return fail(EPROTO, "the object has no map %s: it is of another version",
				    balancer_map_names[i]);
		err = fit_check(map, i);
		if (!err && there && there->fd[i] >= 0)
			err = there_check(map, i, there);
		if (!err)
			err = map_set(map, i, pins, there, flows ? map_entries(i, flows) : 0);
		if (err)
			return err;
	}
	return 0;
}

/* Tells the program of a balancer with two flow tables where flows are in each. */
static int tables_set(struct bpf_object *object, const struct balancer *there)
{
	const __u32 masks[2] = { flow_buckets(there->entries[MAP_FLOWS]) - 1,
				 flow_buckets(there->entries[MAP_OLD]) - 1 };
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.resize");
	int err = map ? bpf_map__set_initial_value(map, masks, sizeof(masks)) : -ENOENT;

	return err ? fail(EPROTO,
			  "the object cannot change the size of the flow table: load the one that "
			  "came with this xdplb-config") :
		     0;
}

static const char *program_name(const struct attach_request *request)
{
	return request->encap ? PROGRAM_ENCAP : PROGRAM_PLAIN;
}

/* Of the object's programs only one is needed. */
static void programs_choose(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
}

/* libbpf has errors of its own, for what is no BPF object. */
static int open_failed(const char *path, int err)
{
	char text[128];

	if (err < __LIBBPF_ERRNO__START)
		return fail(err, "%s: %s; is xdplb installed?", path, strerror(err));
	libbpf_strerror(err, text, sizeof(text));
	return fail(EINVAL, "%s is no whole BPF object (%s): install xdplb again", path, text);
}

int object_open(const char *pins, const struct balancer *there, const char *program, __u32 flows,
		struct bpf_object **object)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pins);
	char path[PATH_MAX];
	int err;

	object_path("../xdp/xdplb.o", XDPLB_OBJECT, path);
	*object = bpf_object__open_file(path, &opts);
	if (!*object)
		return open_failed(path, errno);
	programs_choose(*object, program);
	err = maps_set(*object, pins, there, flows);
	if (!err && there && has_two_tables(there))
		err = tables_set(*object, there);
	if (err) {
		bpf_object__close(*object);
		*object = NULL;
	}
	return err;
}

static int attach_failed(const char *interface, int err)
{
	switch (-err) {
	case EPERM:
		return fail(err, "%s: not permitted to attach: run it as root", interface);
	case EACCES:
	case EINVAL:
		return fail(err,
			    "%s: the kernel refuses the program (%s), and what was there goes "
			    "on%s%s; see more with: xdp-loader load -vv %s xdplb.o",
			    interface, strerror(-err),
			    *refusal_text() ? "; the verifier says: " : "", refusal_text(),
			    interface);
	case EOPNOTSUPP:
		return fail(err, "%s: its driver has no native XDP: use -m skb", interface);
	case EBUSY:
	case EEXIST:
		return fail(err,
			    "%s: another XDP program is there that cannot be chained: xdp-loader "
			    "status; xdp-loader unload --all %s",
			    interface, interface);
	case E2BIG:
		return fail(err, "%s: the chain is full (10 programs): xdp-loader status",
			    interface);
	default:
		return fail(err, "%s: cannot attach: %s", interface, strerror(-err));
	}
}

static __u32 mode_flag(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* Replaces a balancer that is attached without a dispatcher. */
static int replace_alone(const struct chain_program *old, const struct attach_request *request,
			 struct bpf_object *object)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct bpf_program *program;
	int err = bpf_object__load(object);

	if (err)
		return attach_failed(old->interface, err);
	program = bpf_object__find_program_by_name(object, program_name(request));
	opts.old_prog_fd = bpf_prog_get_fd_by_id(old->id);
	if (!program || opts.old_prog_fd < 0)
		return attach_failed(old->interface, -ENOENT);
	err = bpf_xdp_attach(old->ifindex, bpf_program__fd(program),
			     mode_flag(old->mode) | XDP_FLAGS_REPLACE, &opts);
	close(opts.old_prog_fd);
	return err ? attach_failed(old->interface, err) : 0;
}

/* Attaches through libxdp, into the dispatcher where there can be one. */
static int attach_chained(const char *interface, int ifindex, const struct attach_request *request,
			  struct bpf_object *object)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = object,
			    .prog_name = program_name(request));
	struct xdp_program *program = xdp_program__create(&opts);
	int err = libxdp_get_error(program);

	if (err)
		return attach_failed(interface, err);
	if (request->priority)
		err = xdp_program__set_run_prio(program, request->priority);
	if (!err)
		err = xdp_program__set_xdp_frags_support(program, true);
	if (!err)
		err = xdp_program__attach(program, ifindex, request->mode, 0);
	xdp_program__close(program);
	if (err == -EINVAL && request->encap && !getenv("LIBXDP_SKIP_DISPATCHER"))
		return encap_refused(interface);
	return err ? attach_failed(interface, err) : 0;
}

static int other_pinned(const struct attach_request *request, const char *interface)
{
	return fail(EEXIST,
		    "%s: the balancer pinned there is not the one on %s: say another directory "
		    "with -p, or unload %s first",
		    request->pins, interface, interface);
}

/*
 * The balancer whose maps the new program shall use; *there is NULL for none. Where
 * it is pinned the pins say, and not the program that shall go, which tables there are.
 */
static int maps_find(const struct attach_request *request, const struct chain_program *old,
		     struct balancer *balancer, const struct balancer **there)
{
	bool pinned = pins_exist(request->pins);
	int err;

	*there = old->id || pinned ? balancer : NULL;
	if (!*there)
		return 0;
	if (!pinned)
		return balancer_open_program(balancer, old->id);
	err = balancer_open_pins(balancer, request->pins);
	if (!err && old->id && balancer_id(balancer) != program_config_map(old->id)) {
		err = other_pinned(request, old->interface);
		balancer_close(balancer);
	}
	return err;
}

/* A program that is attached alone is replaced where it is. */
static int mode_check(const struct attach_request *request, const struct chain_program *old)
{
	if (!old->id || request->mode == XDP_MODE_UNSPEC || request->mode == old->mode)
		return 0;
	return fail(EBUSY,
		    "%s: its balancer is attached in %s mode: give -m %s, or unload it first",
		    old->interface, mode_name(old->mode), mode_name(old->mode));
}

static int attach_object(const char *interface, int ifindex, const struct attach_request *request,
			 const struct chain_program *old, const struct balancer *there)
{
	struct bpf_object *object;
	int err = object_open(request->pins, there, program_name(request), request->flows, &object);

	if (err)
		return err;
	if (old->id && !old->dispatcher)
		err = replace_alone(old, request, object);
	else
		err = attach_chained(interface, ifindex, request, object);
	bpf_object__close(object);
	if (!err && old->id && old->dispatcher)
		err = detach(old);
	return err;
}

/* What was asked for, of an interface that may have no native mode. */
static struct attach_request request_for(const struct attach_request *request, int ifindex)
{
	struct attach_request own = *request;

	if (own.any_mode && ifindex == LOOPBACK)
		own.mode = XDP_MODE_SKB;
	return own;
}

int attach(const char *interface, const struct attach_request *asked)
{
	int ifindex = interface_index(interface), err;
	const struct attach_request own = request_for(asked, ifindex), *request = &own;
	const struct balancer *there = NULL;
	bool pinned = pins_exist(request->pins);
	struct balancer balancer;
	struct chain_program old;

	if (ifindex < 0)
		return ifindex;
	chain_look(ifindex, &old);
	err = mode_check(request, &old);
	if (!err)
		err = maps_find(request, &old, &balancer, &there);
	if (err)
		return err;
	if (there && !request->encap)
		err = encap_leave_check(there, interface, &old);
	if (!err)
		err = attach_object(interface, ifindex, request, &old, there);
	if (err && !pinned)
		pins_remove(request->pins);
	if (there)
		balancer_close(&balancer);
	return err;
}

int detach(const struct chain_program *old)
{
	struct xdp_program *program = xdp_program__from_id(old->id);
	int err = libxdp_get_error(program);

	if (err)
		return fail(err, "%s: cannot open its program: %s", old->interface, strerror(-err));
	err = xdp_program__detach(program, old->ifindex, old->mode, 0);
	xdp_program__close(program);
	return err ? fail(err, "%s: cannot detach: %s", old->interface, strerror(-err)) : 0;
}
