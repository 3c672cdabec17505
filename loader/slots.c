// SPDX-License-Identifier: GPL-2.0-only
#include "slots.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../xdp/hash.h"

static __u32 gcd(__u32 a, __u32 b)
{
	while (b) {
		__u32 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Divides the weights so that their sum is at most SLOTS_MAX; returns the sum. */
static __u32 reduce(const __u32 *weight, __u32 n, __u32 *reduced, double *error)
{
	__u64 sum = 0;
	__u32 divisor = 0, total = 0;
	double scale;

	for (__u32 i = 0; i < n; i++) {
		sum += weight[i];
		divisor = gcd(weight[i], divisor);
	}
	*error = 0;
	scale = divisor && sum / divisor > SLOTS_MAX ? (double)(SLOTS_MAX - n) / sum : 0;
	for (__u32 i = 0; i < n; i++) {
		reduced[i] =
			scale > 0 ? lround(weight[i] * scale) : weight[i] / (divisor ? divisor : 1);
		if (!reduced[i])
			reduced[i] = 1;
		total += reduced[i];
	}
	for (__u32 i = 0; scale > 0 && i < n; i++) {
		double share = (double)reduced[i] / total * sum / weight[i];

		*error = fmax(*error, fabs(share - 1));
	}
	return total;
}

/*
 * A kinetic tournament: what each has gained grows with time, at a speed that
 * is its weight; a tree knows who has most now, and until when that is so
 * without a look. Node 1 is the root, the backends are the leaves from `size`.
 */
struct race {
	__u32 size;
	__u32 *leader; /* by node: index of a weight */
	__u64 *until; /* by node: the first turn for which it must be looked at again */
	__s64 *start; /* what each has at turn 0, if it had always grown as now */
	__u32 *speed;
};

#define NEVER_AHEAD (-(1LL << 62)) /* leaves beyond the last backend, of speed 0 */

static __s64 gained(const struct race *race, __u32 i, __u64 turn)
{
	return race->start[i] + (__s64)(race->speed[i] * turn);
}

/* The first turn after this one in which `behind` comes before `ahead`. */
static __u64 overtakes(const struct race *race, __u32 ahead, __u32 behind, __u64 turn)
{
	__s64 distance = gained(race, ahead, turn) - gained(race, behind, turn);
	__s64 faster = (__s64)race->speed[behind] - race->speed[ahead];

	if (faster <= 0)
		return ~0ULL;
	/* The first of equals leads. */
	return turn + (distance + (behind < ahead ? faster - 1 : faster)) / faster;
}

/* Has the leaders of both halves meet. */
static void meet(struct race *race, __u32 node, __u64 turn)
{
	const __u64 left = 2ULL * node, right = left + 1;
	__u32 ahead = race->leader[left], behind = race->leader[right], last;
	__u64 until = race->until[left];

	if (race->until[right] < until)
		until = race->until[right];
	if (gained(race, behind, turn) > gained(race, ahead, turn)) {
		last = ahead;
		ahead = behind;
		behind = last;
	}
	race->leader[node] = ahead;
	race->until[node] = overtakes(race, ahead, behind, turn);
	if (until < race->until[node])
		race->until[node] = until;
}

/* Looks again where the time has come. */
static void look(struct race *race, __u32 node, __u64 turn)
{
	if (race->until[node] > turn)
		return;
	look(race, 2 * node, turn);
	look(race, 2 * node + 1, turn);
	meet(race, node, turn);
}

static int race_begin(struct race *race, __u32 n)
{
	race->size = 1;
	while (race->size < n)
		race->size *= 2;
	race->leader = calloc(2ULL * race->size, sizeof(*race->leader));
	race->until = calloc(2ULL * race->size, sizeof(*race->until));
	race->start = calloc(race->size, sizeof(*race->start));
	race->speed = calloc(race->size, sizeof(*race->speed));
	if (!race->leader || !race->until || !race->start || !race->speed)
		return -ENOMEM;
	for (__u32 i = 0; i < race->size; i++) {
		race->leader[race->size + i] = i;
		race->until[race->size + i] = ~0ULL;
		race->start[i] = i < n ? 0 : NEVER_AHEAD;
	}
	return 0;
}

static void race_end(struct race *race)
{
	free(race->leader);
	free(race->until);
	free(race->start);
	free(race->speed);
}

/*
 * Each turn everyone gains its weight; the one with most (the first of them)
 * has the turn and pays the sum. After sum turns all are back at zero.
 */
static void race_run(struct race *race, struct slots *slots)
{
	for (__u32 s = 0; s < slots->count; s++) {
		__u64 turn = s + 1ULL;
		__u32 best;

		look(race, 1, turn);
		best = race->leader[1];
		slots->slot[s] = best;
		race->start[best] -= slots->count;
		for (__u32 node = (race->size + best) / 2; node; node /= 2)
			meet(race, node, turn);
	}
}

int slots_weighted(const __u32 *weight, __u32 n, struct slots *slots)
{
	struct race race = {};

	memset(slots, 0, sizeof(*slots));
	if (race_begin(&race, n)) {
		race_end(&race);
		return -ENOMEM;
	}
	slots->count = reduce(weight, n, race.speed, &slots->error);
	slots->slot = calloc(slots->count + 1, sizeof(*slots->slot));
	if (slots->slot)
		race_run(&race, slots);
	race_end(&race);
	return slots->slot ? 0 : -ENOMEM;
}

/* ---- hashed tables ------------------------------------------------------------------ */

/* A backend while a hashed table is filled. */
struct taker {
	__u64 hash; /* of who it is */
	__u32 index; /* of the backend */
	__u32 weight;
	__u32 share; /* slots it shall have */
	__u32 slots; /* it has */
	__u64 tries; /* it has made */
};

static void takers_begin(struct taker *taker, const __u64 seed[2],
			 const struct slots_backend *backend, __u32 n)
{
	for (__u32 i = 0; i < n; i++) {
		const __be32 *addr = backend[i].addr;

		taker[i].hash = xdplb_siphash(seed, (__u64)addr[1] << 32 | addr[0],
					      (__u64)addr[3] << 32 | addr[2], backend[i].port);
		taker[i].index = i;
		taker[i].weight = backend[i].weight;
	}
}

/* By who they are; two of one hash are as good as the same, and one after the other. */
static int compare_takers(const void *a, const void *b)
{
	const struct taker *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* By Webster's method `a` has the next slot before `b`. */
static bool has_less(const struct taker *a, const struct taker *b)
{
	__u64 left = (2ULL * a->share + 1) * b->weight, right = (2ULL * b->share + 1) * a->weight;

	return left != right ? left < right : a->hash < b->hash;
}

/* Lets the one at place `at` of a binary heap sink to where it belongs. */
static void sink(struct taker *heap, __u32 n, __u32 at)
{
	struct taker moving = heap[at];

	for (__u32 child = 2 * at + 1; child < n; child = 2 * at + 1) {
		if (child + 1 < n && has_less(&heap[child + 1], &heap[child]))
			child++;
		if (!has_less(&heap[child], &moving))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moving;
}

/*
 * Webster's method: whoever has least for its weight gets the next slot. The
 * first ones are handed out at once: as many as the method gives for a divisor
 * that is surely not too small.
 */
static void shares_deal(struct taker *taker, __u32 n, __u32 count)
{
	__u64 sum = 0, most = 2ULL * count - n;
	__u32 given = 0;

	for (__u32 i = 0; i < n; i++)
		sum += taker[i].weight;
	for (__u32 i = 0; i < n; i++) {
		taker[i].share = (taker[i].weight * most + sum) / (2 * sum);
		given += taker[i].share;
	}
	for (__u32 i = n; i-- > 0;)
		sink(taker, n, i);
	for (; given < count; given++) {
		taker[0].share++;
		sink(taker, n, 0);
	}
}

#define NOBODY 0xffffffff

/* Tries as many slots as a taker may have tried by now; returns those it took. */
static __u32 take(const __u64 seed[2], struct taker *taker, __u64 tries, struct slots *slots)
{
	__u32 before = taker->slots;

	while (taker->tries < tries && taker->slots < taker->share) {
		__u64 name = taker->hash + taker->tries++ * 0x9e3779b97f4a7c15ULL;
		__u32 *slot = &slots->slot[xdplb_slot(seed, name, slots->count)];

		if (*slot != NOBODY)
			continue;
		*slot = taker->index;
		taker->slots++;
	}
	return taker->slots - before;
}

/* Keeps those that have not got their share yet, in their order; returns how many. */
static __u32 takers_left(struct taker *taker, __u32 n)
{
	__u32 left = 0;

	for (__u32 i = 0; i < n; i++)
		if (taker[i].slots < taker[i].share)
			taker[left++] = taker[i];
	return left;
}

/* The first round after this one in which somebody may try once more. */
static __u64 next_round(const struct taker *taker, __u32 n, __u64 round, int shift)
{
	__u64 next = ~0ULL;

	for (__u32 i = 0; i < n; i++) {
		__u64 tries = taker[i].tries + 1, weight = taker[i].weight;

		if ((round + 1) * weight >> shift >= tries)
			return round + 1;
		if (next > ((tries << shift) + weight - 1) / weight)
			next = ((tries << shift) + weight - 1) / weight;
	}
	return next;
}

/*
 * All try slots at a speed that is their weight, each its own random ones, and
 * take those that are free until they have their share. Whose turn it is in a
 * round depends on who they are alone. The unit of weight is a power of two,
 * so that a backend that goes seldom changes the others' rounds.
 */
static void fill(const __u64 seed[2], struct taker *taker, __u32 n, struct slots *slots)
{
	__u32 missing = slots->count;
	__u64 sum = 0, round = 1;
	int shift = 0;

	for (__u32 i = 0; i < n; i++)
		sum += taker[i].weight;
	while (sum / n >> (shift + 1))
		shift++;
	qsort(taker, n, sizeof(*taker), compare_takers);
	while (missing) {
		for (__u32 i = 0; i < n; i++)
			missing -= take(seed, &taker[i], round * taker[i].weight >> shift, slots);
		n = takers_left(taker, n);
		round = next_round(taker, n, round, shift);
	}
}

int slots_hashed(const __u64 seed[2], const struct slots_backend *backend, __u32 n, __u32 count,
		 struct slots *slots)
{
	struct taker *taker;

	memset(slots, 0, sizeof(*slots));
	if (!n)
		return 0;
	taker = calloc(n, sizeof(*taker));
	slots->slot = malloc(count * sizeof(*slots->slot));
	if (!taker || !slots->slot) {
		free(taker);
		return -ENOMEM;
	}
	slots->count = count;
	for (__u32 s = 0; s < count; s++)
		slots->slot[s] = NOBODY;
	takers_begin(taker, seed, backend, n);
	shares_deal(taker, n, count);
	fill(seed, taker, n, slots);
	free(taker);
	return 0;
}

/*
 * Few sizes, because a change of size moves flows of all slots: a service that
 * grows from a few backends to hundreds meets one.
 */
#define SLOTS_OF_ONE 251
#define SLOTS_OF_SOME 16381
#define SLOTS_OF_MANY 65537
#define SLOTS_A_SHARE 100 /* of the least weight */

__u32 slots_hashed_count(const struct slots_backend *backend, __u32 n)
{
	__u64 sum = 0, least = XDPLB_WEIGHT_MAX;

	for (__u32 b = 0; b < n; b++) {
		sum += backend[b].weight;
		if (backend[b].weight < least)
			least = backend[b].weight;
	}
	if (sum <= least)
		return SLOTS_OF_ONE;
	return (sum + least - 1) / least * SLOTS_A_SHARE <= SLOTS_OF_SOME ? SLOTS_OF_SOME :
									    SLOTS_OF_MANY;
}

bool is_prime(__u32 number)
{
	for (__u32 divisor = 2; (__u64)divisor * divisor <= number; divisor++)
		if (number % divisor == 0)
			return false;
	return number > 1;
}

__u32 slots_prime_near(__u32 number)
{
	if (number < SLOTS_HASHED_MIN)
		return SLOTS_HASHED_MIN;
	for (__u32 off = 0; number < SLOTS_HASHED_MAX; off++) {
		if (is_prime(number - off))
			return number - off;
		if (is_prime(number + off))
			return number + off;
	}
	return SLOTS_HASHED_MAX;
}
