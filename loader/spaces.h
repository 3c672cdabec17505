/* SPDX-License-Identifier: GPL-2.0-only */
/* The network namespaces that are seen from here: named ones, and those of processes. */
#ifndef XDPLB_SPACES_H
#define XDPLB_SPACES_H

#include <limits.h>
#include <stdbool.h>

#define OWN_SPACE "/proc/self/ns/net"

/* Called for each with its file, open, and that file's name; false: no more. */
typedef bool space_function(int space, const char *path, void *context);

/* Shows each, some more than once. */
void spaces_each(space_function *each, void *context);

/* Does something in a namespace, and comes back. False: it could not, or that did not. */
typedef bool space_work(void *context);
bool space_do(int space, space_work *work, void *context);

#endif
