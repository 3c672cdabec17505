// SPDX-License-Identifier: GPL-2.0-only
#include "drained.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_lock.h"
#include "error.h"

#define NOTE DAEMON_DIRECTORY "/announce"
#define DRAINED DAEMON_DIRECTORY "/drained"
#define HELD DAEMON_DIRECTORY "/drained.lock"

static int removed(const char *path)
{
	return unlink(path) && errno != ENOENT ? fail(errno, "%s: %s", path, strerror(errno)) : 0;
}

int announcer_note(const struct announce_settings *settings)
{
	static const char next[] = NOTE ".next";
	FILE *file;
	bool good;

	if (!settings->on)
		return removed(NOTE);
	file = fopen(next, "we");
	if (!file)
		return fail(errno, "%s: %s", next, strerror(errno));
	good = fprintf(file, "protocol %u hold %d\n", settings->place.protocol, settings->hold) > 0;
	good = !fclose(file) && good;
	if (!good || rename(next, NOTE))
		return fail(errno, "%s: %s", next, strerror(errno));
	return 0;
}

int announcer_read(struct announcer_note *note)
{
	FILE *file = fopen(NOTE, "re");
	unsigned int protocol;
	bool good;

	if (!file)
		return -ENOENT;
	good = fscanf(file, "protocol %u hold %d", &protocol, &note->hold) == 2 && protocol > 0 &&
	       protocol < 256 && note->hold >= 0;
	fclose(file);
	note->protocol = protocol;
	return good ? 0 : -ENOENT;
}

static bool is_held(void)
{
	int fd = open(HELD, O_RDONLY | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return held;
}

bool is_drained(void)
{
	return !access(DRAINED, F_OK) || is_held();
}

/* Whatever xdplbd would do about it, or can do no more. */
static int withdraw(const struct announcer_note *note)
{
	const struct announce_place place = { .protocol = note->protocol };

	return announce_match(&place, NULL, 0, true);
}

static int mark(const char *path)
{
	int fd;

	mkdir(DAEMON_DIRECTORY, 0700);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? fail(errno, "%s: %s", path, strerror(errno)) : fd;
}

int drained_begin(const struct announcer_note *note)
{
	int fd = mark(DRAINED);

	if (fd < 0)
		return fd;
	close(fd);
	return withdraw(note);
}

int drained_hold(const struct announcer_note *note, int *fd)
{
	*fd = mark(HELD);
	if (*fd < 0)
		return *fd;
	/* xdplbd has it for a moment when it looks. */
	if (flock(*fd, LOCK_EX)) {
		close(*fd);
		return fail(errno, "%s: %s", HELD, strerror(errno));
	}
	return withdraw(note);
}

int drained_end(void)
{
	return removed(DRAINED);
}
