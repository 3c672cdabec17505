// SPDX-License-Identifier: GPL-2.0-only
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

char sysctl_read(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char now = '\0';

	if (file >= 0 && read(file, &now, 1) != 1)
		now = '\0';
	if (file >= 0)
		close(file);
	return now;
}

int sysctl_write(const char *path, char value)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (file < 0)
		return errno;
	if (write(file, &value, 1) != 1)
		err = errno;
	close(file);
	return err;
}

char sysctl_interface(const char *family, const char *interface, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, name);
	return sysctl_read(path);
}
