/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internet checksums, changed and not computed (RFC 1624, equation 3): a
 * change is the sum of the old words' complements and the new words. Words are
 * taken as they lie in memory, so byte order does not matter; 32-bit words may
 * be summed whole because 2^16 is 1 modulo 0xffff.
 */
#ifndef XDPLB_CSUM_H
#define XDPLB_CSUM_H

#include <linux/in.h>

#include "address.h"

static __always_inline __u64 csum_change(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* The same for a 16-bit word. */
static __always_inline __u64 csum_change16(__u16 from, __u16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline __u64 csum_address(const struct address *addr)
{
	return (__u64)addr->word[0] + addr->word[1] + addr->word[2] + addr->word[3];
}

static __always_inline __u64 csum_change_address(const struct address *from,
						 const struct address *to)
{
	__u64 change = 0;

	for (int i = 0; i < 4; i++)
		change += csum_change(from->word[i], to->word[i]);
	return change;
}

/* The checksum over a sum of at most 2^16 words of 32 bits. */
static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The checksum of so many words of 32 bits, itself among them as zero. */
static __always_inline __u16 csum_words(const void *from, __u32 count)
{
	const __u32 *word = from;
	__u64 sum = 0;

	for (__u32 i = 0; i < count; i++)
		sum += word[i];
	return csum_fold(sum);
}

/* The checksum `check` after `change`, a sum of at most 2^16 words. */
static __always_inline __u16 csum_apply(__u16 check, __u64 change)
{
	return csum_fold(change + (__u16)~check);
}

/*
 * The same for UDP (RFC 768, RFC 6935): zero means that the sender did not
 * compute one and stays; a computed zero is sent as all ones.
 */
static __always_inline __u16 csum_apply_udp(__u16 check, __u64 change)
{
	__u16 changed;

	if (!check)
		return 0;
	changed = csum_apply(check, change);
	return changed ? changed : 0xffff;
}

static __always_inline __u16 csum_apply_l4(__u8 proto, __u16 check, __u64 change)
{
	return proto == IPPROTO_TCP ? csum_apply(check, change) : csum_apply_udp(check, change);
}

#endif
