// SPDX-License-Identifier: GPL-2.0-only
#include "descriptors.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grown.h"

#define OPEN "/proc/self/fd"

static int order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The next one that is open, but for the directory itself; -1: no more. */
static int next_open(DIR *directory)
{
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(directory))
			return fd;
	}
	return -1;
}

static bool add(struct descriptors *some, int fd)
{
	int *more = grown(some->open, some->count, sizeof(*more), "descriptors");

	if (!more)
		return false;
	some->open = more;
	some->open[some->count++] = fd;
	return true;
}

static void forget(struct descriptors *some)
{
	free(some->open);
	*some = (struct descriptors){ .count = -1 };
}

void descriptors_note(struct descriptors *now)
{
	DIR *directory = opendir(OPEN);
	int fd;

	*now = (struct descriptors){ .count = directory ? 0 : -1 };
	if (!directory)
		return;
	while ((fd = next_open(directory)) >= 0) {
		if (add(now, fd))
			continue;
		forget(now);
		break;
	}
	closedir(directory);
	if (now->count > 0)
		qsort(now->open, now->count, sizeof(*now->open), order);
}

static bool is_program(int fd)
{
	char path[sizeof(OPEN) + 16], what[32] = "";

	snprintf(path, sizeof(path), OPEN "/%d", fd);
	return readlink(path, what, sizeof(what) - 1) > 0 && !strcmp(what, "anon_inode:bpf-prog");
}

void descriptors_restore(struct descriptors *before)
{
	struct descriptors now;

	if (before->count < 0)
		return;
	descriptors_note(&now);
	for (int i = 0; i < now.count; i++)
		if (!bsearch(&now.open[i], before->open, before->count, sizeof(*before->open),
			     order) &&
		    is_program(now.open[i]))
			close(now.open[i]);
	forget(&now);
	forget(before);
}

static bool is_of(int fd, __u32 program)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	return is_program(fd) && !bpf_obj_get_info_by_fd(fd, &info, &length) && info.id == program;
}

void descriptors_close(__u32 program)
{
	struct descriptors now;

	descriptors_note(&now);
	for (int i = 0; i < now.count; i++)
		if (is_of(now.open[i], program))
			close(now.open[i]);
	forget(&now);
}

int descriptors_count(void)
{
	struct descriptors now;
	int count;

	descriptors_note(&now);
	count = now.count;
	forget(&now);
	return count;
}
