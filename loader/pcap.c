// SPDX-License-Identifier: GPL-2.0-only
/*
 * By hand: it takes a page, and a library for it would be one more thing that
 * every machine with a balancer needs.
 */
#include "pcap.h"

#include <byteswap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define MAGIC 0xa1b2c3d4 /* with microseconds */
#define MAGIC_NANO 0xa1b23c4d
#define MAGIC_NG 0x0a0d0d0a
#define ETHERNET 1
#define LINK_TYPE 0x0fffffff /* above it lies what is known of check sequences */
#define CAPTURED_MAX (1 << 18) /* no program writes more of a packet */

struct file_header {
	__u32 magic;
	__u16 major, minor;
	__u32 reserved[2];
	__u32 captured; /* at most, of a packet */
	__u32 link_type;
};

struct packet_header {
	__u32 time[2];
	__u32 captured;
	__u32 length;
};

struct capture {
	const char *path;
	FILE *file;
	bool swapped; /* written on a machine of the other byte order */
};

static __u32 number_of(const struct capture *capture, __u32 word)
{
	return capture->swapped ? bswap_32(word) : word;
}

static bool is_magic(__u32 word)
{
	return word == MAGIC || word == MAGIC_NANO;
}

static int header_read(struct capture *capture)
{
	struct file_header header = {};
	size_t got = fread(&header, 1, sizeof(header), capture->file);

	if (ferror(capture->file))
		return fail(errno, "%s: %s", capture->path, strerror(errno));
	if (got >= sizeof(header.magic) && header.magic == MAGIC_NG)
		return fail(EINVAL,
			    "%s: pcapng; the older format is expected: tcpdump -r %s -w OTHER",
			    capture->path, capture->path);
	capture->swapped = is_magic(bswap_32(header.magic));
	if (!is_magic(header.magic) && !capture->swapped)
		return fail(EINVAL, "%s: no capture such as tcpdump -w writes", capture->path);
	if (got < sizeof(header))
		return fail(EINVAL, "%s: it ends in its header", capture->path);
	header.link_type = number_of(capture, header.link_type) & LINK_TYPE;
	if (header.link_type != ETHERNET)
		return fail(EINVAL,
			    "%s: its link type is %u, and 1, Ethernet, is expected: capture on the "
			    "interface itself, not on 'any'",
			    capture->path, header.link_type);
	return 0;
}

/* *captured bytes of a packet follow. */
static int packet_begin(const struct capture *capture, long number, __u32 *captured, __u32 *length)
{
	struct packet_header header;
	size_t got = fread(&header, 1, sizeof(header), capture->file);

	if (!got && !ferror(capture->file))
		return fail(EINVAL, "%s: it has %ld packets, and no more", capture->path,
			    number - 1);
	if (got < sizeof(header))
		return fail(EINVAL, "%s: it ends in packet %ld", capture->path, number);
	*captured = number_of(capture, header.captured);
	*length = number_of(capture, header.length);
	if (*captured > CAPTURED_MAX)
		return fail(EINVAL, "%s: packet %ld says that %u bytes of it follow: damaged",
			    capture->path, number, *captured);
	return 0;
}

/* By reading, because it may be a pipe. */
static int packet_skip(const struct capture *capture, long number, __u32 size)
{
	char buffer[4096];

	while (size) {
		size_t part = size < sizeof(buffer) ? size : sizeof(buffer);

		if (fread(buffer, 1, part, capture->file) != part)
			return fail(EINVAL, "%s: it ends in packet %ld", capture->path, number);
		size -= part;
	}
	return 0;
}

static int packet_take(const struct capture *capture, long number, __u32 captured, __u32 length,
		       struct frame *frame)
{
	if (captured < FRAME_MIN || captured > FRAME_MAX)
		return fail(EINVAL, "%s: packet %ld has %u bytes, and %d to %d are expected",
			    capture->path, number, captured, FRAME_MIN, FRAME_MAX);
	frame->size = captured;
	if (fread(frame->data, 1, captured, capture->file) != captured)
		return fail(EINVAL, "%s: it ends in packet %ld", capture->path, number);
	if (captured < length)
		warn("%s: packet %ld was cut short, to %u of %u bytes, and so is what is "
		     "explained: capture with tcpdump -s 0",
		     capture->path, number, captured, length);
	return 0;
}

static int capture_read(struct capture *capture, long number, struct frame *frame)
{
	__u32 captured = 0, length = 0;
	int err = header_read(capture);

	for (long i = 1; !err; i++) {
		err = packet_begin(capture, i, &captured, &length);
		if (!err && i == number)
			return packet_take(capture, i, captured, length, frame);
		if (!err)
			err = packet_skip(capture, i, captured);
	}
	return err;
}

int pcap_read(const char *path, long number, struct frame *frame)
{
	struct capture capture = { .path = path, .file = fopen(path, "re") };
	int err;

	if (!capture.file)
		return fail(errno, "%s: %s", path, strerror(errno));
	err = capture_read(&capture, number, frame);
	fclose(capture.file);
	return err;
}
