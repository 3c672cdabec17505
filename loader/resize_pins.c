// SPDX-License-Identifier: GPL-2.0-only
#include "resize_pins.h"

#include <bpf/bpf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Pins a map in the place of what is pinned there, in one step. */
static int pin_put(const struct balancer *balancer, const char *pins, enum balancer_map which,
		   enum balancer_map map)
{
	char path[PATH_MAX], beside[PATH_MAX];

	pin_path(pins, which, path);
	pin_path(pins, MAP_BESIDE, beside);
	unlink(beside); /* of one who was killed */
	if (bpf_obj_pin(balancer->fd[map], beside) || rename(beside, path))
		return fail(errno, "%s: cannot pin the flow table there: %s", path,
			    strerror(errno));
	return 0;
}

static int pin_remove(const char *pins, enum balancer_map map)
{
	char path[PATH_MAX];

	pin_path(pins, map, path);
	if (unlink(path) && errno != ENOENT)
		return fail(errno, "%s: cannot remove it: %s", path, strerror(errno));
	return 0;
}

/* Those of a balancer that is not pinned there, or not all of it. */
static int pins_complete(const struct balancer *balancer, const char *pins)
{
	char path[PATH_MAX];
	int err = 0;

	mkdir(pins, 0700);
	for (int i = 0; !err && i < MAPS; i++) {
		pin_path(pins, i, path);
		if (access(path, F_OK))
			err = pin_put(balancer, pins, i, i);
	}
	return err;
}

int pins_two_tables(const struct balancer *balancer, const char *pins)
{
	int err = pins_complete(balancer, pins);

	/* As long as the old table is pinned as the only one too, it is the only one. */
	if (!err)
		err = pin_put(balancer, pins, MAP_RESIZE, MAP_RESIZE);
	if (!err)
		err = pin_put(balancer, pins, MAP_OLD, MAP_OLD);
	return err ? err : pin_put(balancer, pins, MAP_FLOWS, MAP_FLOWS);
}

int pins_new_table(const char *pins)
{
	int err = pin_remove(pins, MAP_OLD);

	return err ? err : pin_remove(pins, MAP_RESIZE);
}

int pins_old_table(const struct balancer *balancer, const char *pins)
{
	int err = pin_put(balancer, pins, MAP_FLOWS, MAP_OLD);

	return err ? err : pins_new_table(pins);
}
