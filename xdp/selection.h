/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choosing among listeners by their weights alone, without slots that somebody
 * would have to lay out: what a registration changes counts from the next packet
 * on. Pure functions of a selection; testing/ runs them too.
 */
#ifndef XDPLB_SELECTION_H
#define XDPLB_SELECTION_H

#include <stdbool.h>

#include "hash.h"

/* A place within the arrays, of which the compiler must not take the mask away. */
static inline __u32 selection_place(__u32 n)
{
	asm volatile("" : "+r"(n));
	return n & (XDPLB_CHOICES - 1);
}

/* The word at a place. */
static inline __u32 selection_word(const struct xdplb_selection *from, __u32 n)
{
	return from->word[selection_place(n)];
}

/*
 * Whose share a point below `total` lies in: of the running sums the first that
 * is above it, by halves, and without a branch, as the verifier walks both sides
 * of each.
 */
static inline __u32 selection_find(const struct xdplb_selection *from, __u32 point)
{
	__u32 place = 0;

	for (__u32 step = XDPLB_CHOICES / 2; step; step /= 2) {
		__u32 sum = from->sum[selection_place(place + step - 1)];

		place += step * (((__u64)sum - point - 1) >> 63);
	}
	return selection_word(from, place);
}

/*
 * rr and wrr: the turns go through all points, `stride` from one to the next,
 * which has no common divisor with their number: so any run of `total` turns
 * meets each point once, and each listener as often as its weight says.
 */
static inline __u32 selection_turn(const struct xdplb_selection *from, __u64 turn)
{
	__u32 total = from->total;

	if (!total)
		return 0;
	return selection_find(from, turn % total * from->stride % total);
}

/* The stride to begin looking at: a golden section, so that turns of one listener lie apart. */
static inline __u32 selection_stride(__u32 total, __u32 count)
{
	__u32 stride = (__u64)total * 2654435769U >> 32;

	return total == count || !stride ? 1 : stride;
}

static inline __u32 greatest_divisor(__u32 a, __u32 b)
{
	/* As many steps as the largest 25-bit Fibonacci numbers need (Lame's theorem). */
	for (int i = 0; i < 38 && b; i++) {
		__u32 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * Minus the binary logarithm of x / 2^32, x above 0, in units of 2^-24. Between
 * powers of two it is a parabola, less than 0.01 off. No branches, see above.
 */
static inline __u32 minus_log2(__u32 x)
{
	__u32 whole = 31, part;

	for (__u32 bits = 16; bits; bits /= 2) {
		__u32 shift = bits * (((__u64)(x >> (32 - bits)) - 1) >> 63);

		x <<= shift;
		whole -= shift;
	}
	part = (x & 0x7fffffff) >> 7;
	part += ((__u64)part * ((1 << 24) - part) >> 24) * 5756191 >> 24;
	return (32 << 24) - (whole << 24) - part;
}

/*
 * maglev and sh: each listener draws a lot for the name, the better the heavier
 * it is, and the best has it; so a name moves only to or from a listener whose
 * weight changes. (Weighted rendezvous hashing: Thaler and Ravishankar, "A
 * name-based mapping scheme for rendezvous", 1996; Schindler and Rolim et al.,
 * "Weighted distributed hash tables", 2005.)
 */
struct lots {
	const struct xdplb_selection *from;
	__u64 name;
	__u64 best; /* of the best so far */
	__u32 best_weight;
	__u32 winner; /* its word */
};

static inline void lot_draw(struct lots *lots, const __u64 *seed, __u32 word, __u32 weight)
{
	__u64 mixed = lots->name ^ XDPLB_SLOT_OWNER(word) * 0x9e3779b97f4a7c15ULL;
	__u64 lot = minus_log2((xdplb_hash(seed, mixed) >> 32) | 1);

	if (!weight || (lots->winner && lot * lots->best_weight >= lots->best * weight))
		return;
	lots->best = lot;
	lots->best_weight = weight;
	lots->winner = word;
}

#endif
