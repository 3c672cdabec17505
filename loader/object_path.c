// SPDX-License-Identifier: GPL-2.0-only
#include "object_path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void object_path(const char *in_tree, const char *installed, char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (length > 0) {
		path[length] = '\0';
		slash = strrchr(path, '/');
		snprintf(slash + 1, PATH_MAX - (slash + 1 - path), "%s", in_tree);
		if (!access(path, R_OK))
			return;
	}
	snprintf(path, PATH_MAX, "%s", installed);
}
