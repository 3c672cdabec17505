// SPDX-License-Identifier: GPL-2.0-only
#include "set_layout.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "names.h"
#include "slots.h"

static __u32 lines_of(__u32 count, __u32 a_line)
{
	return (count + a_line - 1) / a_line;
}

__u32 set_backend_line(const struct xdplb_set *set)
{
	return 1 + lines_of(set->snats, XDPLB_SNATS_A_LINE);
}

__u8 wanted_taking(const struct wanted_service *wanted)
{
	for (int i = 0; i < wanted->backends; i++)
		if (wanted->backend[i].state == XDPLB_UP)
			return XDPLB_UP;
	return XDPLB_BACKUP;
}

/* ---- which slots -------------------------------------------------------------------- */

/* The weight that counts. */
static __u32 weight_of(const struct wanted_service *wanted, int i)
{
	bool equal = wanted->scheduler == XDPLB_RR || wanted->scheduler == XDPLB_LC;

	return equal ? 1 : wanted->backend[i].weight;
}

static __u8 pick_of(const struct wanted_service *wanted, __u32 taking)
{
	switch (wanted->scheduler) {
	case XDPLB_MAGLEV:
	case XDPLB_SH:
		return XDPLB_PICK_HASH;
	case XDPLB_LC:
	case XDPLB_WLC:
		return taking > XDPLB_SCAN_MAX ? XDPLB_PICK_TWO : XDPLB_PICK_LEAST;
	case XDPLB_P2C:
		return XDPLB_PICK_TWO;
	default:
		return XDPLB_PICK_NEXT;
	}
}

/* Slots in each taker's turn; `weight` has theirs. */
static int turns_make(const struct wanted_service *wanted, const __u32 *taking, __u32 count,
		      struct slots *slots)
{
	__u32 *weight = calloc(count + 1, sizeof(*weight));
	int err = -ENOMEM;

	for (__u32 i = 0; weight && i < count; i++)
		weight[i] = weight_of(wanted, taking[i]);
	if (weight)
		err = slots_weighted(weight, count, slots);
	free(weight);
	return err;
}

/* Slots that a hash finds. There are as many while nobody takes flows, so that old ones stay. */
static int hashed_make(const struct wanted_service *wanted, const struct set_context *context,
		       const __u32 *taking, __u32 count, struct slots *slots)
{
	struct slots_backend *all = calloc(wanted->backends + 1, sizeof(*all));
	__u32 size = wanted->table;

	if (!all)
		return -ENOMEM;
	for (int i = 0; i < wanted->backends; i++) {
		memcpy(all[i].addr, wanted->backend[i].addr, sizeof(all[i].addr));
		all[i].port = wanted->backend[i].port;
		all[i].weight = wanted->backend[i].weight;
	}
	if (!size)
		size = slots_hashed_count(all, wanted->backends);
	for (__u32 i = 0; i < count; i++)
		all[i] = all[taking[i]]; /* in their order, so none is lost */
	if (slots_hashed(context->seed, all, count, size, slots)) {
		free(all);
		return -ENOMEM;
	}
	free(all);
	if (!slots->slot)
		slots->slot = calloc(size, sizeof(*slots->slot));
	slots->count = size;
	return slots->slot ? 0 : -ENOMEM;
}

/* Everybody who takes flows, once. */
static int list_make(__u32 count, struct slots *slots)
{
	memset(slots, 0, sizeof(*slots));
	slots->slot = calloc(count + 1, sizeof(*slots->slot));
	slots->count = count;
	for (__u32 i = 0; slots->slot && i < count; i++)
		slots->slot[i] = i;
	return slots->slot ? 0 : -ENOMEM;
}

/* Makes words without marks of places among those who take flows. */
static void words_make(const struct wanted_service *wanted, const struct set_context *context,
		       const __u32 *taking, __u32 count, __u8 pick, struct slots *slots)
{
	bool weighs = pick == XDPLB_PICK_LEAST || pick == XDPLB_PICK_TWO;

	for (__u32 s = 0; count && s < slots->count; s++) {
		__u32 i = taking[slots->slot[s]];

		slots->slot[s] =
			context->ids[i] | (weighs ? XDPLB_SLOT_SECOND(weight_of(wanted, i)) : 0);
	}
}

/* Lays out the slots; slots->slot is to be freed. */
static int slots_make(const struct wanted_service *wanted, const struct set_context *context,
		      __u8 *pick, struct slots *slots)
{
	__u32 *taking = calloc(wanted->backends + 1, sizeof(*taking));
	__u8 state = wanted_taking(wanted);
	__u32 count = 0;
	int err;

	for (int i = 0; taking && i < wanted->backends; i++)
		if (wanted->backend[i].state == state)
			taking[count++] = i;
	*pick = pick_of(wanted, count);
	if (!taking)
		err = -ENOMEM;
	else if (wanted_listens(wanted))
		err = list_make(0, slots); /* the program chooses without */
	else if (*pick == XDPLB_PICK_HASH)
		err = hashed_make(wanted, context, taking, count, slots);
	else if (*pick == XDPLB_PICK_LEAST)
		err = list_make(count, slots);
	else
		err = turns_make(wanted, taking, count, slots);
	if (!err)
		words_make(wanted, context, taking, slots->count ? count : 0, *pick, slots);
	free(taking);
	return err ? fail(-err, "no memory for the slots") : 0;
}

static void slots_warn(const struct wanted_service *wanted, __u8 pick, const struct slots *slots)
{
	if (slots->error > 0)
		warn("the weights' sequence is reduced to %u slots: a backend's share is off by up "
		     "to %.3f%%",
		     slots->count, slots->error * 100);
	if (pick == XDPLB_PICK_TWO && wanted->scheduler != XDPLB_P2C)
		warn("%s compares at most %d backends: of more, each flow's is the less busy one "
		     "of two, as with p2c",
		     scheduler_name(wanted->scheduler), XDPLB_SCAN_MAX);
}

/* With another number of slots, no flow finds its own again. */
static void size_warn(const struct wanted_service *wanted, const struct marks *before, __u8 pick,
		      __u32 slots)
{
	if (before && !wanted->table && before->pick == XDPLB_PICK_HASH &&
	    pick == XDPLB_PICK_HASH && before->slots > SLOTS_HASHED_MIN && before->slots != slots)
		warn("the table changes from %u to %u slots, so flows of all backends are "
		     "remembered "
		     "for the next %u s, as they come; --table-size %u keeps it",
		     before->slots, slots, wanted->window, before->slots);
}

/* ---- the set ------------------------------------------------------------------------ */

static __u8 hash_bits_of(const struct wanted_service *wanted)
{
	if (wanted->affinity)
		return wanted->affinity;
	if (wanted->scheduler == XDPLB_SH)
		return xdplb_is_ipv6(wanted->at.addr) ? 128 : 32;
	return 0;
}

static __u8 flags_of(const struct wanted_service *wanted)
{
	__u8 flags = wanted->udp == WANTED_UDP_TRACKED ? XDPLB_SET_ASKED : 0;

	if (wanted_listens(wanted))
		flags |= XDPLB_SET_LISTEN;
	if (wanted_each(wanted))
		flags |= XDPLB_SET_EACH;
	if (wanted->affinity)
		return flags | XDPLB_SET_TRACK | XDPLB_SET_AFFINITY;
	if (!scheduler_hashes(wanted->scheduler) || !forward_keeps_port(wanted->forward))
		return flags | XDPLB_SET_TRACK;
	if (wanted->at.proto == IPPROTO_UDP && wanted->udp == WANTED_UDP_STATELESS)
		return XDPLB_SET_STATELESS;
	return flags;
}

static void head_make(struct xdplb_set *head, const struct wanted_service *wanted,
		      const struct set_context *context)
{
	head->service = context->service;
	head->backends = wanted->backends;
	head->scheduler = wanted->scheduler;
	head->forward = wanted->forward;
	head->snats = wanted->snats;
	head->flags = flags_of(wanted);
	head->hash_bits = hash_bits_of(wanted);
	head->table = wanted->table;
	head->window = wanted->window;
	head->slow_start = wanted->slow_start;
	memcpy(head->timeout, wanted->timeout, sizeof(head->timeout));
	head->slot_line = set_backend_line(head) + lines_of(head->backends, XDPLB_BACKENDS_A_LINE);
	head->old_line = head->slot_line + lines_of(head->slots, XDPLB_SLOTS_A_LINE);
	head->lines = head->old_line + lines_of(head->old_slots, XDPLB_SLOTS_A_LINE);
}

static __u8 own_of(const struct wanted_backend *backend)
{
	return backend->own_state | (backend->own_weight ? XDPLB_OWN_WEIGHT : 0);
}

static void entries_make(union xdplb_set_line *set, const struct wanted_service *wanted,
			 const __u32 *ids)
{
	union xdplb_set_line *backends = set + set_backend_line(&set->head);

	for (int i = 0; i < wanted->snats; i++)
		memcpy(set[1 + i / XDPLB_SNATS_A_LINE].snat[i % XDPLB_SNATS_A_LINE],
		       wanted->snat[i], sizeof(wanted->snat[i]));
	for (int i = 0; i < wanted->backends; i++)
		backends[i / XDPLB_BACKENDS_A_LINE].backend[i % XDPLB_BACKENDS_A_LINE] =
			(struct xdplb_set_backend){
				.backend = ids[i],
				.weight = wanted->backend[i].weight,
				.state = wanted->backend[i].state,
				.own = own_of(&wanted->backend[i]),
			};
}

/* What the set before has to say to this one. */
static void set_mark(union xdplb_set_line *set, const struct wanted_service *wanted,
		     const struct set_context *context)
{
	struct xdplb_set *head = &set->head;
	struct marks marks = {
		.pick = head->pick,
		.flags = head->flags,
		.forward = head->forward,
		.hash_bits = head->hash_bits,
		.slots = head->slots,
		.slot = set_words(set, head->slot_line),
		.old_slot = set_words(set, head->old_line),
	};

	marks_make(context->before, &marks, context->now, wanted->window, wanted->slow_start);
	head->old_hash_bits = marks.old_hash_bits;
	head->old_forward = marks.old_forward;
	head->window_end = marks.window_end;
}

/* The set of slots without marks. */
static union xdplb_set_line *set_make(const struct wanted_service *wanted,
				      const struct set_context *context, __u8 pick,
				      const struct slots *slots)
{
	struct xdplb_set head = { .pick = pick, .slots = slots->count };
	const struct marks shape = { .pick = pick,
				     .flags = flags_of(wanted),
				     .hash_bits = hash_bits_of(wanted),
				     .slots = slots->count };
	union xdplb_set_line *set;

	head.old_slots = marks_old_slots(context->before, &shape, context->now);
	head_make(&head, wanted, context);
	set = calloc(head.lines + 1, sizeof(*set)); /* and where no old slots would be */
	if (!set)
		return NULL;
	set->head = head;
	entries_make(set, wanted, context->ids);
	memcpy(set_words(set, head.slot_line), slots->slot, slots->count * sizeof(*slots->slot));
	set_mark(set, wanted, context);
	return set;
}

union xdplb_set_line *set_layout(const struct wanted_service *wanted,
				 const struct set_context *context)
{
	union xdplb_set_line *set;
	struct slots slots;
	__u8 pick;

	if (slots_make(wanted, context, &pick, &slots))
		return NULL;
	slots_warn(wanted, pick, &slots);
	size_warn(wanted, context->before, pick, slots.count);
	set = set_make(wanted, context, pick, &slots);
	free(slots.slot);
	if (!set)
		fail(ENOMEM, "no memory for the set");
	return set;
}
