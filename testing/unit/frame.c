// SPDX-License-Identifier: GPL-2.0-only
/* loader/frame.c and frame_text.c: packets made to order, read from digits, and told in a line. */
#include "../../loader/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "unit.h"
#include "../../loader/address.h"
#include "../../loader/frame_text.h"

static struct frame frame;

static struct frame_wish wish_of(bool v6, __u8 proto, __u32 length)
{
	struct frame_wish wish = { .dmac = { 2, 0, 0, 0, 0, 9 },
				   .smac = { 2, 0, 0, 0, 0, 1 },
				   .sport = htons(40000),
				   .dport = htons(80),
				   .proto = proto,
				   .flags = 2,
				   .length = length };

	assert_int_equal(parse_address(v6 ? "2001:db8::7" : "198.51.100.7", wish.saddr), 0);
	assert_int_equal(parse_address(v6 ? "2001:db8::10" : "192.0.2.10", wish.daddr), 0);
	return wish;
}

static __u32 sum(__u32 start, const __u8 *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		start += i & 1 ? at[i] : at[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

/* Every length and checksum in it fits the others. */
static void agrees(const struct frame_wish *wish)
{
	bool v6 = xdplb_is_ipv6(wish->daddr);
	const __u8 *ip = frame.data + 14, *l4 = ip + (v6 ? 40 : 20);
	size_t left = frame.size - (l4 - frame.data);
	__u32 pseudo = sum(left + wish->proto, ip + (v6 ? 8 : 12), v6 ? 32 : 8);

	assert_int_equal(frame.data[12] << 8 | frame.data[13], v6 ? 0x86dd : 0x0800);
	assert_memory_equal(frame.data, wish->dmac, 6);
	assert_memory_equal(frame.data + 6, wish->smac, 6);
	if (v6) {
		assert_int_equal(ip[4] << 8 | ip[5], left);
		assert_int_equal(ip[6], wish->proto);
	} else {
		assert_int_equal(ip[2] << 8 | ip[3], frame.size - 14);
		assert_int_equal(ip[9], wish->proto);
		assert_int_equal(sum(0, ip, 20), 0xffff);
	}
	assert_int_equal(sum(pseudo, l4, left), 0xffff);
	assert_int_equal(l4[0] << 8 | l4[1], 40000);
	assert_int_equal(l4[2] << 8 | l4[3], 80);
	if (wish->proto == IPPROTO_UDP)
		assert_int_equal(l4[4] << 8 | l4[5], left);
}

static void made(void **state)
{
	static const __u32 lengths[] = { 0, 100, 101, 1514, 65535 };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++)
		for (int udp = 0; udp < 2; udp++)
			for (size_t i = 0; i < COUNT(lengths); i++) {
				struct frame_wish wish =
					wish_of(v6, udp ? IPPROTO_UDP : IPPROTO_TCP, lengths[i]);

				memset(&frame, 0xa5, sizeof(frame));
				assert_int_equal(frame_make(&wish, &frame), 0);
				if (lengths[i])
					assert_int_equal(frame.size, lengths[i]);
				else
					assert_int_equal(frame.size, 34 + 20 * v6 + (udp ? 8 : 20));
				agrees(&wish);
			}
}

static void lengths_out_of_bounds(void **state)
{
	static const __u32 lengths[] = { 1, 41, 65550, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct frame_wish wish = wish_of(false, IPPROTO_UDP, lengths[i]);

		said_reset();
		assert_int_equal(frame_make(&wish, &frame), -EINVAL);
		assert_said("a length", "42 to 65549 bytes");
	}
}

static void digits(void **state)
{
	(void)state;
	assert_int_equal(
		frame_from_hex("00:11:22:33:44:55 66-77-88-99-Aa-bB 0800 45.00\n\t", &frame), 0);
	assert_int_equal(frame.size, 16);
	assert_memory_equal(frame.data,
			    "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\x08\x00\x45\0", 16);
}

static void wrong_digits(void **state)
{
	static const struct {
		const char *text, *said;
	} wrong[] = {
		{ "", "0 bytes" },
		{ "0", "character 1" },
		{ "00 1", "character 4" },
		{ "00 1g", "character 4" },
		{ "0x0102", "character 1" },
		{ "00112233445566778899aabb08", "13 bytes" },
		{ "\xff\xff", "character 1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		said_reset();
		assert_int_equal(frame_from_hex(wrong[i].text, &frame), -EINVAL);
		assert_said(wrong[i].text, wrong[i].said);
	}
}

static void too_many_digits(void **state)
{
	static char text[2 * (FRAME_MAX + 1) + 1];

	(void)state;
	memset(text, '7', 2 * FRAME_MAX);
	assert_int_equal(frame_from_hex(text, &frame), 0);
	assert_int_equal(frame.size, FRAME_MAX);
	memset(text, '7', sizeof(text) - 1);
	said_reset();
	assert_int_equal(frame_from_hex(text, &frame), -EINVAL);
	assert_said("too many", "longest packet");
}

static void flags(void **state)
{
	static const char *const wrong[] = {
		"", ",", "SYN,", "SY", "SYNACK", "SYN ACK", "SYN,,ACK"
	};
	char text[TCP_FLAGS_TEXT];
	__u8 got;

	(void)state;
	for (int i = 1; i < 256; i++) {
		assert_int_equal(parse_tcp_flags(tcp_flags_text(i, text), &got), 0);
		assert_int_equal(got, i);
	}
	assert_string_equal(tcp_flags_text(0x12, text), "SYN,ACK");
	assert_string_equal(tcp_flags_text(0, text), "no flags");
	assert_int_equal(parse_tcp_flags("syn|Ack", &got), 0);
	assert_int_equal(got, 0x12);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		said_reset();
		assert_int_equal(parse_tcp_flags(wrong[i], &got), -EINVAL);
		assert_said(wrong[i], "no flag of TCP");
	}
}

static void told(void **state)
{
	static const struct {
		const char *hex, *text;
	} frames[] = {
		{ "020000000009 020000000001 0800 4500001c00000000 4011 0000 c6336407 c000020a "
		  "9c40 0050 0008 0000",
		  "02:00:00:00:00:01 > 02:00:00:00:00:09, IPv4 198.51.100.7 > 192.0.2.10 ttl 64, "
		  "UDP 40000 > 80, 42 bytes" },
		{ "020000000009 020000000001 8100 0007 0800 4500001c00000000 4011 0000 c6336407 "
		  "c000020a 9c40",
		  "02:00:00:00:00:01 > 02:00:00:00:00:09, vlan 7, IPv4 198.51.100.7 > 192.0.2.10 "
		  "ttl 64, cut short, 40 bytes" },
		{ "020000000009 020000000001 0800 4500003000000000 4011 0000 0a000001 0a000002 "
		  "c000 17c0 001c 0000 4500001400002005 4011 0000 c6336407 c000020a",
		  "02:00:00:00:00:01 > 02:00:00:00:00:09, IPv4 10.0.0.1 > 10.0.0.2 ttl 64, UDP "
		  "49152 > 6080, IPv4 198.51.100.7 > 192.0.2.10 ttl 64, fragment at 40, 62 bytes" },
		{ "020000000009 020000000001 0806 0001",
		  "02:00:00:00:00:01 > 02:00:00:00:00:09, type 0x0806, 16 bytes" },
	};
	char text[FRAME_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_int_equal(frame_from_hex(frames[i].hex, &frame), 0);
		assert_string_equal(frame_text(&frame, 6080, text), frames[i].text);
	}
}

/* Whatever it is, it is told, and nothing beyond its end is read. */
static void anything_told(void **state)
{
	char text[FRAME_TEXT];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct frame_wish wish = wish_of(i & 1, i & 2 ? IPPROTO_TCP : IPPROTO_UDP, 120);

		assert_int_equal(frame_make(&wish, &frame), 0);
		for (int j = random_from(0, 6); j > 0; j--)
			frame.data[random_from(0, 119)] = random_64();
		frame.size = random_from(14, 120);
		assert_true(strlen(frame_text(&frame, 6080, text)) < FRAME_TEXT);
		assert_non_null(strstr(text, "bytes"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(lengths_out_of_bounds),
		cmocka_unit_test(digits),
		cmocka_unit_test(wrong_digits),
		cmocka_unit_test(too_many_digits),
		cmocka_unit_test(flags),
		cmocka_unit_test(told),
		cmocka_unit_test(anything_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
