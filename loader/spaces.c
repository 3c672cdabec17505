// SPDX-License-Identifier: GPL-2.0-only
#include "spaces.h"

#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

static const char *const places[] = { "/run/netns/*", "/proc/[1-9]*/ns/net" };

/* False: no more are wanted. */
static bool place_each(const char *place, space_function *each, void *context)
{
	bool more = true;
	glob_t found;

	if (glob(place, 0, NULL, &found))
		return true;
	for (size_t i = 0; more && i < found.gl_pathc; i++) {
		int space = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (space < 0)
			continue;
		more = each(space, found.gl_pathv[i], context);
		close(space);
	}
	globfree(&found);
	return more;
}

void spaces_each(space_function *each, void *context)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!place_each(places[i], each, context))
			return;
}

bool space_do(int space, space_work *work, void *context)
{
	int own = open(OWN_SPACE, O_RDONLY | O_CLOEXEC);
	bool done;

	if (own < 0)
		return false;
	done = !setns(space, CLONE_NEWNET) && work(context);
	if (setns(own, CLONE_NEWNET))
		done = false;
	close(own);
	return done;
}
