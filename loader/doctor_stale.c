// SPDX-License-Identifier: GPL-2.0-only
/* What libxdp leaves behind when an interface goes: the state of its chain. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "link.h"
#include "output.h"
#include "spaces.h"

#define STATES "/sys/fs/bpf/xdp/dispatch-*-*"

/* A dispatcher that is looked for on all interfaces. */
struct search {
	__u32 ifindex;
	__u32 program;
	bool attached;
};

/* On those of the namespace that the process is in. */
static bool dispatcher_look(void *context)
{
	struct search *search = context;
	struct link *links;
	int count = links_read(&links);

	for (int i = 0; i < count; i++)
		search->attached |=
			links[i].ifindex == search->ifindex && links[i].program == search->program;
	free(links);
	return search->attached;
}

static bool space_look(int space, const char *path, void *context)
{
	(void)path;
	return !space_do(space, dispatcher_look, context);
}

/* "/sys/fs/bpf/xdp/dispatch-2-37": the interface's index and the dispatcher's id. */
static bool is_stale(const char *state)
{
	struct search search = {};

	if (sscanf(strrchr(state, '/'), "/dispatch-%u-%u", &search.ifindex, &search.program) != 2)
		return false;
	if (!dispatcher_look(&search))
		spaces_each(space_look, &search);
	return !search.attached;
}

/* Not what an interface has that is asked about: of any that is gone. */
int find_stale(struct doctor *doctor)
{
	glob_t found;

	if (doctor->only || doctor->stale_told || glob(STATES, 0, NULL, &found))
		return 0;
	doctor->stale_told = true;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *state = found.gl_pathv[i];

		if (is_stale(state))
			finding_remedy(finding_add(doctor, "dispatcher_stale", state,
						   "%s: the state of a chain whose interface is "
						   "gone, which keeps its programs loaded",
						   state),
				       "rm -r %s", state);
	}
	globfree(&found);
	return 0;
}
