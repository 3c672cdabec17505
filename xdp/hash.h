/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys, names and hashes, by which the data plane and user space find the same
 * entries. Pure functions.
 */
#ifndef XDPLB_HASH_H
#define XDPLB_HASH_H

#include "xdplb.h"

/*
 * A keyed hash of a 64-bit key: two rounds of multiply and fold (the finalizer
 * of MurmurHash3 with secret constants added), good enough that buckets fill
 * evenly and cannot be aimed at without the seed.
 */
static inline __u64 xdplb_hash(const __u64 *seed, __u64 key)
{
	key ^= seed[0];
	key = (key ^ (key >> 33)) * 0xff51afd7ed558ccdULL;
	key = (key ^ (key >> 33) ^ seed[1]) * 0xc4ceb9fe1a85ec53ULL;
	return key ^ (key >> 33);
}

/* The key of an IPv4 address, port and protocol in the directory. */
static inline __u64 xdplb_directory_key4(__u8 kind, __be32 addr, __be16 port, __u8 proto)
{
	return (__u64)kind << 56 | (__u64)proto << 48 | (__u64)port << 32 | addr;
}

/*
 * The same of an IPv6 address: a hash, with the highest bit set to tell it from
 * the others. It needs no secret, because only user space puts keys there; who
 * finds one compares the address too.
 */
static inline __u64 xdplb_directory_key6(__u8 kind, const __be32 addr[4], __be16 port, __u8 proto)
{
	__u64 high = (__u64)addr[1] << 32 | addr[0], low = (__u64)addr[3] << 32 | addr[2];
	__u64 key = xdplb_directory_key4(kind, 0, port, proto) ^ high;

	key = (key ^ key >> 32) * 0x9e3779b97f4a7c15ULL;
	key = (key ^ key >> 32 ^ low) * 0xff51afd7ed558ccdULL;
	return (key ^ key >> 29) |
	       1ULL << 63; /* 32 would cancel that of xdplb_directory_buckets() */
}

/*
 * The two buckets of a directory key. Nobody outside puts keys there, so one
 * multiplication (by 2^64 over the golden ratio) spreads them well enough.
 */
static inline void xdplb_directory_buckets(__u64 key, __u32 bucket[2])
{
	__u64 hash = (key ^ key >> 32) * 0x9e3779b97f4a7c15ULL;

	bucket[0] = hash >> 32 & (XDPLB_DIRECTORY_BUCKETS - 1);
	bucket[1] = hash >> 50 & (XDPLB_DIRECTORY_BUCKETS - 1);
}

static inline __u64 xdplb_rotate(__u64 x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void xdplb_sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = xdplb_rotate(v[1], 13) ^ v[0];
	v[3] = xdplb_rotate(v[3], 16) ^ v[2];
	v[0] = xdplb_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = xdplb_rotate(v[1], 17) ^ v[2];
	v[3] = xdplb_rotate(v[3], 21) ^ v[0];
	v[2] = xdplb_rotate(v[2], 32);
}

static inline void xdplb_sip_word(__u64 v[4], __u64 word)
{
	v[3] ^= word;
	xdplb_sip_round(v);
	v[0] ^= word;
}

/*
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", with
 * one round a word and three at the end) of 20 bytes: two words and four bytes,
 * each as they lie in memory. Who does not know the seed cannot aim.
 */
static inline __u64 xdplb_siphash(const __u64 *seed, __u64 first, __u64 second, __u32 third)
{
	__u64 v[4] = { seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL,
		       seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL };

	xdplb_sip_word(v, first);
	xdplb_sip_word(v, second);
	xdplb_sip_word(v, 20ULL << 56 | third);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		xdplb_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * SipHash-2-4 (same paper, the rounds it recommends) of `count` words of eight
 * bytes, each as it lies in memory.
 */
static inline __u64 xdplb_siphash24(const __u64 *key, const __u64 *word, __u32 count)
{
	__u64 v[4] = { key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
		       key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL };

	for (__u32 i = 0; i <= count; i++) {
		__u64 next = i < count ? word[i] : (__u64)count * 8 << 56;

		v[3] ^= next;
		xdplb_sip_round(v);
		xdplb_sip_round(v);
		v[0] ^= next;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		xdplb_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#define XDPLB_IS_IPV6 (1ULL << 63) /* in a flow's name and key */

/*
 * A flow's name: client and port, the same on every balancer with the same
 * seed. Of IPv4 they are in it; of IPv6 it is a keyed hash of them.
 */
static inline __u64 xdplb_flow_name4(__be32 client, __be16 port)
{
	return (__u64)port << 32 | client;
}

/*
 * NH (Black, Halevi, Krawczyk, Krovetz and Rogaway, "UMAC: fast and secure
 * message authentication", 1999) of an address and a port: whoever does not
 * know the keys finds no two with one result but by a chance of 2^-32 for each
 * two.
 */
static inline __u64 xdplb_nh(const __u32 key[6], const __be32 addr[4], __be16 port)
{
	return (__u64)(addr[0] + key[0]) * (addr[1] + key[1]) +
	       (__u64)(addr[2] + key[2]) * (addr[3] + key[3]) + (__u64)(port + key[4]) * key[5];
}

/* Two of them, with independent keys, in one word: then the chance is about 2^-63. */
static inline __u64 xdplb_flow_name6(const struct xdplb_config *config, const __be32 client[4],
				     __be16 port)
{
	__u64 high = xdplb_nh(config->name_key[0], client, port);
	__u64 low = xdplb_nh(config->name_key[1], client, port);
	__u64 name = high * (config->seed[0] | 1) + low;

	return (name ^ name >> 32) | XDPLB_IS_IPV6;
}

/* The keys of names, which follow from the seed. */
static inline void xdplb_name_keys(const __u64 *seed, __u32 key[2][6])
{
	for (__u32 i = 0; i < 12; i++)
		key[i / 6][i % 6] = xdplb_siphash(seed, i, 0, 0);
}

/* Tells the flows of one name to several services apart. IPv6's use all bits of their names. */
static inline __u64 xdplb_service_bits(__u64 name, __u32 service)
{
	if (name & XDPLB_IS_IPV6)
		return service * 0x9e3779b97f4a7c15ULL >> 1;
	return (__u64)service << 48;
}

/* The key of a flow to a service; never 0. */
static inline __u64 xdplb_flow_key(__u64 name, __u32 service)
{
	return name ^ xdplb_service_bits(name, service);
}

/* The name of the flow with this key. */
static inline __u64 xdplb_flow_name(__u64 key, __u32 service)
{
	return key ^ xdplb_service_bits(key, service);
}

/* Of `slots` (at most 2^32) the one that a name has, the same on every balancer with the same seed.
 */
static inline __u32 xdplb_slot(const __u64 *seed, __u64 name, __u32 slots)
{
	return (xdplb_hash(seed, name) >> 32) * slots >> 32;
}

/* Of word `i` of an address, in host order: the bits that are among its first `bits`. */
static inline __u32 xdplb_prefix_mask(__u32 bits, __u32 i)
{
	if (bits >= 32 * (i + 1))
		return 0xffffffff;
	return bits <= 32 * i ? 0 : ~(0xffffffff >> (bits - 32 * i));
}

/* Where a client's record lies. */
static inline __u32 xdplb_client_index(const __u64 *seed, const __be32 client[4])
{
	__u64 key = (__u64)(client[0] ^ client[1]) << 32 | (client[2] ^ client[3]);

	return xdplb_hash(seed, key) & (XDPLB_CLIENTS - 1);
}

/*
 * The two buckets a flow may lie in, of mask + 1 (a power of two, at least two);
 * they differ.
 */
static inline void xdplb_flow_buckets(__u64 hash, __u32 mask, __u32 bucket[2])
{
	bucket[0] = hash & mask;
	bucket[1] = (hash >> 32) & mask;
	if (bucket[1] == bucket[0])
		bucket[1] ^= 1;
}

#endif
