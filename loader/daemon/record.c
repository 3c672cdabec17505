// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../daemon_lock.h"
#include "../error.h"

#define RECORD DAEMON_DIRECTORY "/applied"
#define FILE_MOST (64 << 20)
#define HEAD 64

int file_text_read(const char *path, struct file_text *file)
{
	FILE *stream = fopen(path, "re");
	char *text = NULL;
	size_t room = 0, got = 1;

	*file = (struct file_text){};
	if (!stream)
		return fail(errno, "%s: %s", path, strerror(errno));
	while (got) {
		if (file->length == room) {
			room = 2 * room + 4096;
			text = room > FILE_MOST ? NULL : realloc(file->text, room);
			if (!text)
				break;
			file->text = text;
		}
		got = fread(file->text + file->length, 1, room - file->length, stream);
		file->length += got;
	}
	if (text && !ferror(stream)) {
		fclose(stream);
		return 0;
	}
	fclose(stream);
	file_text_free(file);
	return text ? fail(EIO, "%s: cannot be read", path) : fail(EFBIG, "%s: too large", path);
}

void file_text_free(struct file_text *file)
{
	free(file->text);
	*file = (struct file_text){};
}

static int head_print(char head[HEAD], __u32 balancer)
{
	return snprintf(head, HEAD, "# xdplbd applied this to balancer %u\n", balancer);
}

bool record_is(const struct file_text *file, __u32 balancer)
{
	struct file_text record;
	char head[HEAD];
	size_t length = head_print(head, balancer);
	bool same;

	if (access(RECORD, F_OK) || file_text_read(RECORD, &record))
		return false;
	same = record.length == length + file->length && !memcmp(record.text, head, length) &&
	       !memcmp(record.text + length, file->text, file->length);
	file_text_free(&record);
	return same;
}

int record_write(const struct file_text *file, __u32 balancer)
{
	static const char next[] = RECORD ".next";
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char head[HEAD];
	ssize_t length = head_print(head, balancer);
	bool good;

	if (fd < 0)
		return fail(errno, "%s: %s", next, strerror(errno));
	good = write(fd, head, length) == length &&
	       write(fd, file->text, file->length) == (ssize_t)file->length;
	good = !close(fd) && good;
	if (!good || rename(next, RECORD))
		return fail(errno, "%s: %s", next, strerror(errno));
	return 0;
}
