// SPDX-License-Identifier: GPL-2.0-only
#include "daemon_lock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

bool daemon_runs(void)
{
	int fd = open(DAEMON_LOCK, O_RDONLY | O_CLOEXEC);
	bool runs = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return runs;
}

int daemon_lock(void)
{
	int fd;

	mkdir(DAEMON_DIRECTORY, 0700);
	fd = open(DAEMON_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(errno, "%s: %s; xdplbd needs this lock", DAEMON_LOCK, strerror(errno));
	/* Somebody who just asks whether it is taken holds it for a moment. */
	for (int try = 0; flock(fd, LOCK_EX | LOCK_NB); try++) {
		if (try == 10) {
			close(fd);
			return fail(EBUSY, "another xdplbd runs; see: fuser %s", DAEMON_LOCK);
		}
		usleep(20000);
	}
	return 0; /* the descriptor stays open until the process ends */
}
