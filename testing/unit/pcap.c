// SPDX-License-Identifier: GPL-2.0-only
/* loader/pcap.c: packets out of captures, good ones and others. */
#include "../../loader/pcap.h"

#include <byteswap.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static struct frame frame;
static __u8 file[1 << 20];
static size_t size;

static void put(__u32 word, bool swapped)
{
	word = swapped ? bswap_32(word) : word;
	memcpy(file + size, &word, sizeof(word));
	size += sizeof(word);
}

static void begin(__u32 magic, __u32 link, bool swapped)
{
	const __u32 words[] = { magic, 0x00040002, 0, 0, 65535, link };

	size = 0;
	for (size_t i = 0; i < COUNT(words); i++)
		put(words[i], swapped);
}

/* A packet of `captured` bytes, each `fill`. */
static void packet(__u32 captured, __u32 length, __u8 fill, bool swapped)
{
	put(1, swapped);
	put(2, swapped);
	put(captured, swapped);
	put(length, swapped);
	memset(file + size, fill, captured);
	size += captured;
}

/* As a file. */
static int read_packet(long number)
{
	int fd = memfd_create("capture", 0), err;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	said_reset();
	err = pcap_read(path, number, &frame);
	close(fd);
	return err;
}

static void good(void **state)
{
	static const __u32 magics[] = { 0xa1b2c3d4, 0xa1b23c4d };

	(void)state;
	for (int i = 0; i < 4; i++) {
		begin(magics[i & 1], 1, i & 2);
		packet(60, 60, 1, i & 2);
		packet(5000, 5000, 2, i & 2);
		packet(FRAME_MAX, FRAME_MAX, 3, i & 2);
		for (int number = 1; number <= 3; number++) {
			static const __u32 sizes[] = { 60, 5000, FRAME_MAX };

			assert_int_equal(read_packet(number), 0);
			assert_int_equal(said_lines(), 0);
			assert_int_equal(frame.size, sizes[number - 1]);
			assert_int_equal(frame.data[0], number);
			assert_int_equal(frame.data[frame.size - 1], number);
		}
		assert_int_equal(read_packet(4), -EINVAL);
		assert_said("packet 4", "it has 3 packets");
	}
}

/* Behind the link type lies what is known of check sequences. */
static void link_types(void **state)
{
	(void)state;
	begin(0xa1b2c3d4, 0x40000001, false);
	packet(60, 60, 1, false);
	assert_int_equal(read_packet(1), 0);
	begin(0xa1b2c3d4, 113, true);
	packet(60, 60, 1, true);
	assert_int_equal(read_packet(1), -EINVAL);
	assert_said("cooked", "link type is 113");
}

static void cut_short(void **state)
{
	(void)state;
	begin(0xa1b2c3d4, 1, false);
	packet(60, 1500, 1, false);
	assert_int_equal(read_packet(1), 0);
	assert_said("a short packet", "60 of 1500 bytes");
	assert_int_equal(frame.size, 60);
	/* Wherever the file ends, that is said, but where a packet ends. */
	for (size_t whole = size; size > 0; size--) {
		if (size == whole)
			continue;
		assert_int_equal(read_packet(1), -EINVAL);
		assert_int_equal(said_lines(), 1);
	}
}

static void damaged(void **state)
{
	(void)state;
	begin(0xa1b2c3d4, 1, false);
	packet(13, 13, 1, false);
	assert_int_equal(read_packet(1), -EINVAL);
	assert_said("a tiny packet", "13 bytes");
	begin(0xa1b2c3d4, 1, false);
	packet(FRAME_MAX + 1, FRAME_MAX + 1, 1, false);
	assert_int_equal(read_packet(1), -EINVAL);
	assert_said("a huge packet", "are expected");
	begin(0xa1b2c3d4, 1, false);
	packet(0, 0, 1, false);
	put(0, false);
	put(0, false);
	put(0xffffffff, false);
	put(0, false);
	assert_int_equal(read_packet(2), -EINVAL);
	assert_said("a wrong length", "damaged");
	begin(0x0a0d0d0a, 1, false);
	assert_int_equal(read_packet(1), -EINVAL);
	assert_said("the newer format", "pcapng");
	begin(0x12345678, 1, false);
	assert_int_equal(read_packet(1), -EINVAL);
	assert_said("another file", "no capture");
}

static void no_file(void **state)
{
	(void)state;
	said_reset();
	assert_int_equal(pcap_read("/nonexistent", 1, &frame), -ENOENT);
	assert_said("no file", "/nonexistent");
	said_reset();
	assert_true(pcap_read("/", 1, &frame) < 0);
	assert_said("a directory", "/: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	     cmocka_unit_test(link_types),
		cmocka_unit_test(cut_short), cmocka_unit_test(damaged),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
