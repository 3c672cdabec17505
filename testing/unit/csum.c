// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp/csum.h: a checksum changed against the same computed anew, byte by byte
 * as RFC 1071 says it, bit for bit.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/cdefs.h>

#include "../../xdp/csum.h"
#include "unit.h"

#define ROUNDS 2000000
#define WORDS 20

/* A packet as far as sums go; `word` 0 is the checksum's own place. */
struct packet {
	__u16 word[WORDS];
};

/* The checksum that belongs into the packet, as it lies in memory. */
static __u16 compute(const struct packet *packet)
{
	const __u8 *byte = (const __u8 *)packet->word;
	__u32 sum = 0;

	for (size_t i = sizeof(__u16); i < sizeof(packet->word); i += 2) {
		sum += byte[i] << 8 | byte[i + 1];
		if (sum > 0xffff)
			sum -= 0xffff; /* the carry comes round */
	}
	return htons(0xffff - sum);
}

/* RFC 768: what is computed as zero is sent as all ones. */
static __u16 compute_udp(const struct packet *packet)
{
	__u16 check = compute(packet);

	return check ? check : 0xffff;
}

/* Words of every kind: any, none, all ones, and next to those. */
static __u16 random_word(void)
{
	static const __u16 corners[] = { 0, 0xffff, 1, 0xfffe, 0x100, 0x00ff, 0xff00, 0x8000 };
	__u64 random = random_64();

	return random & 0x70000 ? random : corners[random % COUNT(corners)];
}

static void random_packet(struct packet *packet)
{
	for (int i = 1; i < WORDS; i++)
		packet->word[i] = random_word();
	packet->word[WORDS - 1] = htons(6); /* no pseudo header is all zero: it has a protocol */
}

/* Gives 32 bits another value and returns the change. */
static __u64 change32(struct packet *packet, int at)
{
	__u32 from, to = (__u32)random_word() << 16 | random_word();

	memcpy(&from, &packet->word[at], sizeof(from));
	memcpy(&packet->word[at], &to, sizeof(to));
	return csum_change(from, to);
}

static __u64 change16(struct packet *packet, int at)
{
	__u16 from = packet->word[at];

	packet->word[at] = random_word();
	return csum_change16(from, packet->word[at]);
}

/* What nat does: two addresses and two ports at once, or any part of that. */
static __u64 change_some(struct packet *packet)
{
	__u64 change = 0;
	__u32 which = random_from(1, 15);

	if (which & 1)
		change += change32(packet, 2);
	if (which & 2)
		change += change32(packet, 4);
	if (which & 4)
		change += change16(packet, 6);
	if (which & 8)
		change += change16(packet, 7);
	return change;
}

static void assert_check(__u16 got, __u16 right, __u16 before)
{
	if (got != right)
		fail_msg("%04x was made %04x, and %04x is right", ntohs(before), ntohs(got),
			 ntohs(right));
}

static void changed_is_computed(void **state)
{
	struct packet packet;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		__u16 before;
		__u64 change;

		random_packet(&packet);
		before = compute(&packet);
		change = change_some(&packet);
		assert_check(csum_apply(before, change), compute(&packet), before);
	}
}

/* Errors would add up. */
static void changed_again_and_again(void **state)
{
	struct packet packet;
	__u16 check;

	(void)state;
	random_packet(&packet);
	check = compute(&packet);
	for (int i = 0; i < ROUNDS; i++) {
		__u64 change = change_some(&packet);

		check = csum_apply(check, change);
		assert_check(check, compute(&packet), check);
	}
}

static void udp_changed_is_computed(void **state)
{
	struct packet packet;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		__u16 before;
		__u64 change;

		random_packet(&packet);
		before = compute_udp(&packet);
		change = change_some(&packet);
		assert_check(csum_apply_udp(before, change), compute_udp(&packet), before);
	}
}

/* Changes that lead to a sum of zero, which chance brings once in 65536 times. */
static void udp_computed_zero(void **state)
{
	struct packet packet;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		__u16 before, zero, from;

		random_packet(&packet);
		before = compute_udp(&packet);
		from = packet.word[7];
		/* The word that makes all others' sum whole. */
		packet.word[7] = 0;
		zero = compute(&packet);
		packet.word[7] = zero;
		assert_int_equal(compute_udp(&packet), 0xffff);
		assert_check(csum_apply_udp(before, csum_change16(from, zero)), 0xffff, before);
		/* and away from it again */
		packet.word[7] = from;
		assert_check(csum_apply_udp(0xffff, csum_change16(zero, from)),
			     compute_udp(&packet), 0xffff);
	}
}

/* A sender that did not compute one leaves zero there, and it stays. */
static void udp_absent(void **state)
{
	(void)state;
	for (int i = 0; i < 1000000; i++)
		assert_int_equal(
			csum_apply_udp(0, csum_change(random_64(), random_64()) + random_64() % 4),
			0);
}

static void nothing_changed(void **state)
{
	(void)state;
	assert_int_equal(csum_apply_udp(0xffff, 0), 0xffff);
	for (__u32 check = 1; check < 0xffff; check++) {
		__u32 same = random_64();

		assert_int_equal(csum_apply(check, csum_change(same, same)), check);
		assert_int_equal(csum_apply(check, csum_change16(same, same)), check);
		assert_int_equal(csum_apply_udp(check, csum_change(same, same)), check);
	}
}

/* Modulo 0xffff, where only nothing at all is zero. */
static __u16 apply_by_division(__u16 check, __u64 change)
{
	__u64 sum = change + (__u16)~check;
	__u16 rest = sum % 0xffff;

	return ~(sum && !rest ? 0xffff : rest);
}

/* Up to what its comment allows, 2^16 words, and where one carry makes the next. */
static void large_changes(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		__u64 high = random_from(0, 0x1ffff), low = random_64() & 0xffffffff;
		__u16 check = random_word(), got, right;

		if (i % 2)
			low |= 0xffff0000;
		if (i % 4 == 3)
			low |= 0xff00;
		if (i % 8 == 7)
			high = 0x10000 - random_from(0, 2);
		got = csum_apply(check, high << 32 | low);
		right = apply_by_division(check, high << 32 | low);
		assert_check(got, right, check);
	}
}

/* The example of RFC 1624, section 4: from 0x5555 to 0x3285 where the checksum is 0xdd2f. */
static void rfc_1624(void **state)
{
	(void)state;
	assert_int_equal(csum_apply(htons(0xdd2f), csum_change16(htons(0x5555), htons(0x3285))), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_is_computed),
		cmocka_unit_test(changed_again_and_again),
		cmocka_unit_test(udp_changed_is_computed),
		cmocka_unit_test(udp_computed_zero),
		cmocka_unit_test(udp_absent),
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(large_changes),
		cmocka_unit_test(rfc_1624),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
