// SPDX-License-Identifier: GPL-2.0-only
#include "lookup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "chain.h"
#include "error.h"
#include "spaces.h"

#define PROGRAM_LOOKUP "xdplb_lookup"
#define LINKS "/sys/fs/bpf/" PROGRAM_LOOKUP "-" /* balancer_id(), -, inode of the namespace */

/* The inode of this namespace, by which a link tells where it is. */
static __u32 space_inode(void)
{
	struct stat space;

	return stat(OWN_SPACE, &space) ? 0 : space.st_ino;
}

static void link_path(__u32 id, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%u-%u", LINKS, id, space_inode());
}

/* ---- which are there --------------------------------------------------------------------- */

/* A link of socket lookups, open, and what the kernel says of it; a negative errno: none. */
static int link_open(const char *path, struct bpf_link_info *info)
{
	__u32 length = sizeof(*info);
	int link = bpf_obj_get(path);

	if (link < 0)
		return link;
	memset(info, 0, length);
	if (bpf_obj_get_info_by_fd(link, info, &length) || info->type != BPF_LINK_TYPE_NETNS ||
	    info->netns.attach_type != BPF_SK_LOOKUP) {
		close(link);
		return -EINVAL;
	}
	return link;
}

static bool is_here(const struct bpf_link_info *info)
{
	return info->netns.netns_ino == space_inode();
}

bool lookup_attached(__u32 id)
{
	struct bpf_link_info info;
	char path[PATH_MAX];
	int link;

	link_path(id, path);
	link = link_open(path, &info);
	if (link < 0)
		return false;
	close(link);
	return is_here(&info);
}

/* ---- coming and going -------------------------------------------------------------------- */

/* Where one is, in its place, which the kernel does at once. False: there is none. */
static bool replace(const char *path, int program)
{
	struct bpf_link_info info;
	int link = link_open(path, &info);
	bool done;

	if (link < 0)
		return false;
	done = is_here(&info) && !bpf_link_update(link, program, NULL);
	close(link);
	return done;
}

/* Where none is; what is pinned there is of a namespace that is gone. */
static int attach_new(const char *path, int program)
{
	int space = open(OWN_SPACE, O_RDONLY | O_CLOEXEC), link, err = 0;

	if (space < 0)
		return -errno;
	link = bpf_link_create(program, space, BPF_SK_LOOKUP, NULL);
	close(space);
	if (link < 0)
		return link;
	unlink(path);
	if (bpf_obj_pin(link, path))
		err = -errno;
	close(link);
	return err;
}

int lookup_attach(const struct balancer *balancer)
{
	struct bpf_object *object;
	char path[PATH_MAX];
	int program, err = object_open(NULL, balancer, PROGRAM_LOOKUP, 0, &object);

	if (err)
		return err;
	err = bpf_object__load(object);
	if (!err) {
		program = bpf_program__fd(bpf_object__find_program_by_name(object, PROGRAM_LOOKUP));
		link_path(balancer_id(balancer), path);
		if (!replace(path, program))
			err = attach_new(path, program);
	}
	bpf_object__close(object);
	return err ? fail(err, "cannot attach the program for socket lookups: %s", strerror(-err)) :
		     0;
}

/* The balancer on lo here is another. */
static bool is_unused(__u32 program)
{
	struct chain_program found;

	return !chain_look(LOOPBACK, &found) ||
	       program_config_map(found.id) != program_config_map(program);
}

void lookup_tidy(void)
{
	struct bpf_link_info info;
	glob_t links;

	if (glob(LINKS "*", 0, NULL, &links))
		return;
	for (size_t i = 0; i < links.gl_pathc; i++) {
		int link = link_open(links.gl_pathv[i], &info);

		if (link < 0)
			continue;
		if (!info.netns.netns_ino || (is_here(&info) && is_unused(info.prog_id)))
			unlink(links.gl_pathv[i]);
		close(link);
	}
	globfree(&links);
}
