// SPDX-License-Identifier: GPL-2.0-only
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../loader/sets.h"

/* No balancer is read here. */
int set_read(const struct balancer *balancer, __u32 service, struct wanted_service *wanted)
{
	(void)balancer, (void)service, (void)wanted;
	return -EINVAL;
}

char file_path[] = "/tmp/xdplb-unit-XXXXXX";

int file_begin(void **state)
{
	int fd = mkstemp(file_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

int file_end(void **state)
{
	(void)state;
	return unlink(file_path);
}
