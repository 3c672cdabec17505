// SPDX-License-Identifier: GPL-2.0-only
/*
 * simulation [FLOWS [SEED]]: just enough tracking against a reference that
 * remembers everything. Flows of seconds to an hour, with up to a minute
 * between their packets, pass through a service that changes all the time; each
 * packet goes where the program would send it, by xdp/tracking.h and the slots
 * that loader/ lays out. A flow that is sent to another backend than its first
 * packet was, or by another method, is broken, unless its backend has died.
 *
 * A flow that was silent through a whole window may break, and is counted
 * apart; here none is: no flow is silent for as long as the shortest window.
 *
 * What is simulated around these rules: a flow table with room for all, the
 * timeouts of closing flows, slow start, and when backends' records are freed.
 * See xdp/to_service.h and xdp/home.h for the program's side of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../loader/error.h"
#include "../../xdp/tracking.h"
#include "service.h"
#include "../../xdp/hash.h"

#define BEGINNING 100000 /* second in which it all begins */
#define SECONDS 14400 /* in which flows begin */
#define LIFE_LEAST 2 /* seconds */
#define LIFE_MOST 3600
#define GAP_MOST 60
#define CLOSING 120
#define CLIENTS_LOG 17 /* of sixteen million; so sh has several flows of each */
#define WHEEL 128 /* seconds, more than any event lies ahead */
#define NOBODY 0xffffffffU
#define WHOLE_SHARE 256
#define WINDOWS 4096

enum policy {
	TCP,
	UDP,
	STATELESS,
	POLICIES,
};

static const char *const policy_names[] = { "TCP", "UDP, tracked", "UDP, stateless" };

/* Where packets go. */
struct target {
	__u16 backend; /* id, 0: nobody */
	__u8 method;
};

struct flow {
	__u64 name;
	__u32 end; /* second of its last packet */
	__u32 last; /* ... of its last one so far */
	__u32 next; /* in the same second of the wheel */
	struct target right; /* what the reference remembers */
	struct target entry; /* what the flow table does; backend 0: nothing */
	__u16 deaths; /* of the right backend, when it was found */
	__u8 gap; /* longest, seconds */
	bool begun, over, broken;
};

struct simulation {
	enum policy policy;
	struct service service;
	struct flow *flows;
	__u32 count;
	__u32 wheel[WHEEL]; /* first flow with an event in this second */
	__u32 now;
	__u32 windows; /* that have begun; where flows may fall silent */
	__u32 window_begin[WINDOWS], window_end[WINDOWS];

	__u64 packets, looked_up, adopted;
	__u32 remembered, most_remembered;
	__u32 broken, silent, lost, settled;
};

/* ---- the program's side ------------------------------------------------------------------ */

static __u32 slot_of(const struct simulation *sim, const struct flow *flow, __u32 bits, __u32 slots)
{
	__u64 name = flow->name;

	if (bits)
		name = xdplb_flow_name4((__u32)name & htonl(xdplb_prefix_mask(bits, 0)), 0);
	return xdplb_slot(sim->service.seed, name, slots);
}

/* The word of the flow's slot, 0: there are none. */
static __u32 word_of(const struct simulation *sim, const struct flow *flow)
{
	const struct xdplb_set *set = &sim->service.set->head;

	if (!set->slots)
		return 0;
	return service_word(&sim->service, set->slot_line,
			    slot_of(sim, flow, set->hash_bits, set->slots));
}

static __u32 previous_of(const struct simulation *sim, const struct flow *flow, __u32 word)
{
	const struct xdplb_set *set = &sim->service.set->head;

	if (!set->old_slots)
		return XDPLB_SLOT_PREVIOUS(word);
	return XDPLB_SLOT_OWNER(
		service_word(&sim->service, set->old_line,
			     slot_of(sim, flow, set->old_hash_bits, set->old_slots)));
}

static bool is_alive(const struct service *service, __u32 id)
{
	return (service->backend[id].flags & (XDPLB_BACKEND_USED | XDPLB_BACKEND_DOWN)) ==
	       XDPLB_BACKEND_USED;
}

static struct target home_of(const struct simulation *sim, const struct flow *flow, __u32 word)
{
	const struct xdplb_set *set = &sim->service.set->head;
	__u32 previous;

	if (is_adopting(set, word, sim->now)) {
		previous = previous_of(sim, flow, word);
		if (is_alive(&sim->service, previous))
			return (struct target){ previous, set->old_forward };
	}
	return (struct target){ XDPLB_SLOT_OWNER(word), set->forward };
}

/* Takes this backend a new flow, in its slow start? */
static bool is_ready(const struct simulation *sim, __u32 id)
{
	const struct xdplb_backend *backend = &sim->service.backend[id];
	__u32 elapsed = sim->now - backend->ramp_start;

	if (!backend->ramp_seconds || elapsed >= backend->ramp_seconds)
		return true;
	return random_below(WHOLE_SHARE) <= elapsed * (WHOLE_SHARE - 1) / backend->ramp_seconds;
}

static struct target backend_for(struct simulation *sim, const struct flow *flow, __u32 word)
{
	struct xdplb_set *set = &sim->service.set->head;
	__u32 id = XDPLB_SLOT_OWNER(word), previous;

	if (set->pick != XDPLB_PICK_HASH) {
		if (set->slots)
			id = service_word(&sim->service, set->slot_line, set->next++ % set->slots);
	} else if (is_adopting(set, word, sim->now) && !is_ready(sim, id)) {
		previous = previous_of(sim, flow, word);
		if (sim->service.backend[previous].flags & XDPLB_BACKEND_OPEN)
			id = previous;
	}
	return (struct target){ XDPLB_SLOT_OWNER(id), set->forward };
}

static void forget(struct simulation *sim, struct flow *flow)
{
	if (!flow->entry.backend)
		return;
	sim->service.entries[flow->entry.backend]--;
	sim->remembered--;
	flow->entry.backend = 0;
}

static void remember(struct simulation *sim, struct flow *flow, struct target target)
{
	if (!target.backend)
		return;
	flow->entry = target;
	sim->service.entries[target.backend]++;
	sim->remembered++;
	if (sim->remembered > sim->most_remembered)
		sim->most_remembered = sim->remembered;
}

/* Where a packet goes of a flow that is not remembered. `moved`: its backend was found dead. */
static struct target begin(struct simulation *sim, struct flow *flow, __u32 word, bool moved)
{
	const struct xdplb_set *set = &sim->service.set->head;
	bool adopting = is_adopting(set, word, sim->now);
	bool opens = moved || is_opening(sim->policy == TCP, !flow->begun, adopting);
	struct target target;

	if (!is_to_remember(set, opens, adopting)) {
		if (set->flags & XDPLB_SET_TRACK && set->forward == XDPLB_NAT)
			return (struct target){}; /* passed on: nat knows no such flow */
		return home_of(sim, flow, word);
	}
	target = opens ? backend_for(sim, flow, word) : home_of(sim, flow, word);
	sim->adopted += !opens;
	remember(sim, flow, target);
	return target;
}

static struct target packet_target(struct simulation *sim, struct flow *flow)
{
	const struct xdplb_set *set = &sim->service.set->head;
	__u32 word = word_of(sim, flow);
	bool moved = false;

	if (!is_looked_up(set, word))
		return (struct target){ XDPLB_SLOT_OWNER(word), set->forward };
	sim->looked_up++;
	if (flow->entry.backend) {
		if (!(sim->service.backend[flow->entry.backend].flags & XDPLB_BACKEND_DOWN))
			return flow->entry;
		forget(sim, flow);
		moved = true;
	}
	return begin(sim, flow, word, moved);
}

/* ---- the reference ------------------------------------------------------------------------ */

/* A window lay wholly between the flow's last packet and this one. */
static bool was_silent(const struct simulation *sim, const struct flow *flow)
{
	for (__u32 i = sim->windows; i-- > 0;)
		if (flow->last < sim->window_begin[i] && sim->now >= sim->window_end[i])
			return true;
	return false;
}

static void judge(struct simulation *sim, struct flow *flow, struct target target)
{
	bool same = target.backend == flow->right.backend && target.method == flow->right.method;

	/* Of a backend that has died since, where it goes now is where it shall stay. */
	if (flow->begun && !same && sim->service.deaths[flow->right.backend] == flow->deaths) {
		if (was_silent(sim, flow))
			sim->silent++;
		else
			sim->broken += !flow->broken;
		flow->broken = true;
	}
	flow->right = target;
	flow->deaths = sim->service.deaths[target.backend];
}

/* ---- events ------------------------------------------------------------------------------- */

static void plan(struct simulation *sim, __u32 index, __u32 second)
{
	__u32 *first = &sim->wheel[second % WHEEL];

	sim->flows[index].next = *first;
	*first = index;
}

/* A packet of the flow; nobody takes it, or its last one: the flow is over. */
static void packet(struct simulation *sim, __u32 index)
{
	struct flow *flow = &sim->flows[index];
	struct target target = packet_target(sim, flow);
	__u32 wait = 1 + random_below(flow->gap);

	sim->packets++;
	judge(sim, flow, target);
	flow->begun = true;
	flow->last = sim->now;
	if (target.backend && sim->now < flow->end) {
		plan(sim, index, sim->now + wait < flow->end ? sim->now + wait : flow->end);
		return;
	}
	sim->lost += !target.backend;
	flow->over = true;
	if (flow->entry.backend)
		plan(sim, index, sim->now + CLOSING + 1);
}

static void event(struct simulation *sim, __u32 index)
{
	if (sim->flows[index].over)
		forget(sim, &sim->flows[index]);
	else
		packet(sim, index);
}

static void second_pass(struct simulation *sim)
{
	__u32 index = sim->wheel[sim->now % WHEEL], next;

	sim->wheel[sim->now % WHEEL] = NOBODY;
	for (; index != NOBODY; index = next) {
		next = sim->flows[index].next;
		event(sim, index);
	}
}

/* As many lives are between 2 and 4 seconds as between 1800 and 3600. */
static __u32 random_life(void)
{
	__u32 life;

	do
		life = LIFE_LEAST << random_below(11);
	while (life > LIFE_MOST);
	life += random_below(life);
	return life < LIFE_MOST ? life : LIFE_MOST;
}

static void flow_begin(struct simulation *sim, __u32 index)
{
	struct flow *flow = &sim->flows[index];
	__u32 client =
		10U << 24 | (index >> 16 & 127) << CLIENTS_LOG | random_below(1 << CLIENTS_LOG);

	flow->name = xdplb_flow_name4(htonl(client), htons(index & 0xffff));
	flow->end = sim->now + random_life();
	flow->gap = 1 + random_below(GAP_MOST);
	packet(sim, index);
}

/* Often one soon after the other, sometimes not for longer than any window. */
static __u32 next_change(const struct simulation *sim)
{
	static const __u32 most[] = { 30, 30, 30, 300, 2000 };

	if (service_is_closed(&sim->service))
		return sim->now + 3;
	return sim->now + 1 + random_below(most[random_below(sizeof(most) / sizeof(*most))]);
}

/* Slots that decide again need not be looked up, unless some remembered flow goes elsewhere. */
static void settle(struct simulation *sim)
{
	const struct xdplb_set *set = &sim->service.set->head;
	bool *needed = calloc(set->slots + 1, sizeof(*needed));

	if (!needed)
		exit(1);
	for (__u32 i = 0; i < sim->count; i++) {
		const struct flow *flow = &sim->flows[i];
		__u32 slot;

		if (!flow->entry.backend)
			continue;
		slot = slot_of(sim, flow, set->hash_bits, set->slots);
		needed[slot] |= XDPLB_SLOT_OWNER(service_word(&sim->service, set->slot_line,
							      slot)) != flow->entry.backend ||
				flow->entry.method != set->forward;
	}
	service_settle(&sim->service, needed);
	free(needed);
	sim->settled++;
}

/* A change may begin a window or make it longer; the reference knows how long it should be. */
static void change(struct simulation *sim)
{
	__u32 end = sim->service.set->head.window_end, right, now = sim->now;

	service_change(&sim->service, now);
	if (service_is_settled(&sim->service, now))
		settle(sim);
	if (sim->service.set->head.window_end == end || !sim->service.set->head.window_end ||
	    sim->windows == WINDOWS)
		return;
	end = sim->service.set->head.window_end;
	right = now + sim->service.wanted.window;
	sim->window_begin[sim->windows] = now;
	sim->window_end[sim->windows++] = end > right ? end : right;
}

static void simulate(struct simulation *sim)
{
	__u32 begun = 0, end = BEGINNING + SECONDS + LIFE_MOST + WHEEL, soon;

	sim->now = BEGINNING;
	soon = next_change(sim);
	for (; sim->now < end; sim->now++) {
		if (sim->now == soon) {
			change(sim);
			soon = next_change(sim);
		}
		while (begun < sim->count &&
		       begun < (__u64)sim->count * (sim->now - BEGINNING + 1) / SECONDS)
			flow_begin(sim, begun++);
		second_pass(sim);
	}
}

/* ---- everything ---------------------------------------------------------------------------- */

static void report(const struct simulation *sim, double seconds)
{
	char changes[512] = "";
	size_t used = 0;

	for (int i = 0; i < CHANGES; i++)
		used += snprintf(changes + used, sizeof(changes) - used, "%s%s %u", i ? ", " : "",
				 change_names[i], sim->service.changes[i]);
	printf("# %s: %u flows, %llu packets, %.0f s; changes: %s\n", policy_names[sim->policy],
	       sim->count, sim->packets, seconds, changes);
	printf("# %s: %.1f%% of the packets looked up; %llu flows adopted, at most %u remembered "
	       "at once; %u met nobody who takes flows; marks cleared %u times\n",
	       policy_names[sim->policy], 100.0 * sim->looked_up / sim->packets, sim->adopted,
	       sim->most_remembered, sim->lost, sim->settled);
	printf("# %s: %u flows silent through a window, %u broken\n", policy_names[sim->policy],
	       sim->silent, sim->broken);
}

/* Exits with 0 when as many flows broke as should: none that is remembered, some that are not. */
static int run(enum policy policy, __u32 count, __u64 seed)
{
	struct simulation *sim = calloc(1, sizeof(*sim));
	struct timespec began, ended;
	bool right;

	clock_gettime(CLOCK_MONOTONIC, &began);
	if (sim)
		sim->flows = calloc(count, sizeof(*sim->flows));
	if (!sim || !sim->flows)
		return 1;
	random_begin(seed);
	sim->policy = policy;
	sim->count = count;
	memset(sim->wheel, 0xff, sizeof(sim->wheel));
	service_begin(&sim->service, policy != TCP, policy == STATELESS, BEGINNING);
	simulate(sim);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	report(sim, ended.tv_sec - began.tv_sec + (ended.tv_nsec - began.tv_nsec) / 1e9);
	right = !sim->silent && (policy == STATELESS ? sim->broken > 0 : !sim->broken);
	if (sim->remembered) {
		printf("# %s: %u flows were never forgotten\n", policy_names[policy],
		       sim->remembered);
		right = false;
	}
	if (right)
		printf("ok simulation: %s\n", policy_names[policy]);
	else
		printf("not ok simulation: %s: %u flows broken, %u silent, seed %llu\n",
		       policy_names[policy], sim->broken, sim->silent, seed);
	service_end(&sim->service);
	free(sim->flows);
	free(sim);
	return right ? 0 : 1;
}

/* Warnings would be many. */
static void error_say(const char *kind, const char *place, const char *text)
{
	(void)place;
	if (!*kind)
		fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
	__u32 count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	__u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (__u64)time(NULL);
	int failed = 0, status;

	if (argc > 3 || !count) {
		fprintf(stderr, "usage: simulation [FLOWS [SEED]]\n");
		return 2;
	}
	error_to(error_say);
	printf("# simulation: seed %llu\n", seed);
	fflush(stdout);
	for (int policy = 0; policy < POLICIES; policy++) {
		pid_t child = fork();

		if (!child)
			exit(run(policy, count, seed));
		failed |= child < 0;
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}
