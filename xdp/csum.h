/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internet checksums, changed and not computed (RFC 1624, equation 3): a
 * change is the sum of the old words' complements and the new words. Words are
 * taken as they lie in memory, so byte order does not matter; 32-bit words may
 * be summed whole because 2^16 is 1 modulo 0xffff.
 */
#ifndef XDPLB_CSUM_H
#define XDPLB_CSUM_H

#include <linux/types.h>

static __always_inline __u64 csum_change(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* The same for a 16-bit word. */
static __always_inline __u64 csum_change16(__u16 from, __u16 to)
{
	return (__u64)(__u16)~from + to;
}

/* The checksum `check` after `change`, a sum of at most 2^16 words. */
static __always_inline __u16 csum_apply(__u16 check, __u64 change)
{
	__u64 sum = change + (__u16)~check;

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * The same for UDP over IPv4 (RFC 768): zero means that the sender did not
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

#endif
