// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood OBJECT IFINDEX PROGRAM-ID attack PORT ESTABLISHED SYNS
 * flood OBJECT IFINDEX PROGRAM-ID full PORT NAT-PORT
 * flood OBJECT IFINDEX PROGRAM-ID load PORT PERCENT
 *
 * What happens to flows of the services with these ports when the flow table
 * fills: by a flood of SYNs from random addresses, by established flows to the
 * last entry, and by so many per cent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../bench/frame.h"
#include "../bench/generator.h"
#include "audit.h"
#include "probe.h"

#define CHUNK 1000000 /* SYNs of the flood at once; to start costs milliseconds */
#define HANDSHAKES 16 /* honest flows at once */
#define DELAYS 3
#define SMALL (1 << 17) /* buckets of a table that a flood fills at once */
#define STRANGERS 1000 /* new flows that meet a full table */
#define BATCH 5000 /* packets at once, likewise */

static struct generator generator;
static struct probe probe;
static __u32 target; /* the program, behind the generator */

/* ---- what flows there are -------------------------------------------------------------- */

/* A packet with these flags of each of `count` flows from `first` on. */
static void flows_send(__u16 port, __u32 first, __u32 count, __u8 flags)
{
	struct outcome outcome;
	struct bench bench;

	frame_make(&bench, TO_SERVICE, 4, port, flags);
	bench.target = target;
	bench.count = count;
	for (__u32 i = 0; i < count; i++)
		generator.flows[i] = flow_of_client(first + i, port);
	generator_set(&generator, &bench);
	generator_run(&generator, generator.generate, count, &outcome);
}

static void flows_establish(__u16 port, __u32 first, __u32 count)
{
	for (__u32 i = 0; i < count; i += BATCH) {
		__u32 some = count - i < BATCH ? count - i : BATCH;

		flows_send(port, first + i, some, TCP_SYN_FLAG);
		flows_send(port, first + i, some, TCP_ACK_FLAG);
	}
}

static struct endpoint endpoint_of(__u32 n, __u16 port)
{
	struct bench_flow flow = flow_of_client(n, port);

	return (struct endpoint){ .addr = { flow.address }, .port = flow.port };
}

/* The flow of client n, as it is remembered. */
static bool client_find(__u32 n, __u16 port, struct found *found)
{
	struct endpoint client = endpoint_of(n, port);

	return flow_find(&probe.maps,
			 flow_key(&probe.maps, maps_service(&probe.maps, 4, port), &client), found);
}

static bool is_established(const struct found *found)
{
	return XDPLB_FIELD(found->value, STATE) == XDPLB_FLOW_ESTABLISHED;
}

static __u64 probes; /* single packets sent so far */

static void packet_of(__u16 port, const struct endpoint *client, __u8 flags, struct seen *seen)
{
	struct endpoint service = service_endpoint(&probe.maps, maps_service(&probe.maps, 4, port));

	probes++;
	probe_send(&probe, client, &service, IPPROTO_TCP, flags, seen);
}

/* The same one by one, so that no SYN takes the place of another. */
static void flows_establish_slowly(__u16 port, __u32 first, __u32 count)
{
	struct endpoint client;
	struct seen seen;

	for (__u32 i = 0; i < count; i++) {
		client = endpoint_of(first + i, port);
		packet_of(port, &client, FLAG_SYN, &seen);
		packet_of(port, &client, FLAG_ACK, &seen);
	}
}

static bool is_sent(const struct seen *seen)
{
	return seen->verdict == XDP_TX || seen->verdict == XDP_REDIRECT;
}

/* Both went out, to one backend and from one source. */
static bool went_alike(const struct seen *a, const struct seen *b)
{
	return is_sent(a) && is_sent(b) && !memcmp(a->dmac, b->dmac, sizeof(a->dmac)) &&
	       !memcmp(&a->to, &b->to, sizeof(a->to)) &&
	       !memcmp(&a->from, &b->from, sizeof(a->from));
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* ---- the attack -------------------------------------------------------------------------- */

struct flood {
	pthread_t thread;
	__u16 port;
	__u32 syns;
	__u64 sent;
	double seconds;
	double ns; /* each, by the kernel's measure */
	atomic_bool over;
};

static void *flood_run(void *argument)
{
	struct flood *flood = argument;
	struct outcome outcome;
	struct bench bench;
	double began, ns = 0;

	cpu_stay(1);
	frame_make(&bench, TO_SERVICE, 4, flood->port, TCP_SYN_FLAG);
	bench.target = target;
	bench.seed = time(NULL);
	generator_set(&generator, &bench);
	began = seconds_now();
	for (; flood->sent < flood->syns; flood->sent += CHUNK)
		ns += generator_run(&generator, generator.flood, CHUNK, &outcome);
	flood->ns = ns / ((flood->syns + CHUNK - 1) / CHUNK);
	flood->seconds = seconds_now() - began;
	atomic_store(&flood->over, true);
	return NULL;
}

/* Honest flows during the flood: a SYN, and after a while the ACK. */
struct honest {
	__u32 milliseconds;
	__u32 tried, through, remembered;
};

static void handshakes(__u16 port, struct honest *honest, __u32 *client)
{
	const struct timespec delay = { .tv_nsec = honest->milliseconds * 1000000L };
	struct seen syn[HANDSHAKES], ack;
	struct endpoint from;
	struct found found;

	for (int i = 0; i < HANDSHAKES; i++) {
		from = client_endpoint(4, *client + i);
		packet_of(port, &from, FLAG_SYN, &syn[i]);
	}
	nanosleep(&delay, NULL);
	for (int i = 0; i < HANDSHAKES; i++) {
		from = client_endpoint(4, *client + i);
		packet_of(port, &from, FLAG_ACK, &ack);
		honest->tried++;
		honest->through += went_alike(&syn[i], &ack);
		honest->remembered +=
			flow_find(&probe.maps,
				  flow_key(&probe.maps, maps_service(&probe.maps, 4, port), &from),
				  &found) &&
			is_established(&found);
		/* Over again, so that it leaves its place. */
		packet_of(port, &from, FLAG_RST, &ack);
	}
	*client += HANDSHAKES;
}

/* Where an established flow's packets go, and what is remembered of it. */
struct before {
	struct seen seen;
	__u32 backend; /* id, 0: nothing */
};

/* Looks at all of them; how many are remembered. */
static __u32 snapshot(__u16 port, __u32 count, struct before *before)
{
	struct endpoint from;
	struct found found;
	__u32 remembered = 0;

	for (__u32 n = 0; n < count; n++) {
		from = endpoint_of(n, port);
		packet_of(port, &from, FLAG_ACK, &before[n].seen);
		before[n].backend = client_find(n, port, &found) && is_established(&found) ?
					    flow_backend(&found) :
					    0;
		remembered += before[n].backend != 0;
	}
	return remembered;
}

/* It is remembered, and its packets go there. */
static bool is_kept(__u16 port, __u32 n, __u32 backend, const struct seen *seen)
{
	struct found found;

	return client_find(n, port, &found) && is_established(&found) &&
	       flow_backend(&found) == backend &&
	       went_to(&probe.maps, seen, backend, flow_method(found.value));
}

/* How many flows go elsewhere now, or were remembered and are not. */
static __u32 lost(__u16 port, __u32 count, const struct before *before)
{
	__u32 wrong = 0;

	for (__u32 n = 0; n < count; n++) {
		struct endpoint from = endpoint_of(n, port);
		struct seen seen;

		if (!is_sent(&before[n].seen))
			continue;
		packet_of(port, &from, FLAG_ACK, &seen);
		wrong += !went_alike(&before[n].seen, &seen) ||
			 (before[n].backend && !is_kept(port, n, before[n].backend, &seen));
	}
	return wrong;
}

static void counts_print(const struct xdplb_cpu *before)
{
	static const struct {
		const char *name;
		int reason;
	} reasons[] = {
		{ "no room", XDPLB_FLOW_NO_ROOM },
		{ "stray", XDPLB_FLOW_STRAY },
		{ "evicted", XDPLB_FLOW_EVICTED },
		{ "expired", XDPLB_FLOW_EXPIRED },
		{ "no port", XDPLB_DROP_NO_PORT },
		{ "table full", XDPLB_DROP_TABLE_FULL },
		{ "race", XDPLB_DROP_RACE },
		{ "no flow", XDPLB_PASS_NO_FLOW },
		{ "no neighbour", XDPLB_DROP_NO_NEIGHBOUR },
	};
	struct xdplb_cpu now;

	maps_counts(&probe.maps, &now);
	printf("# counted: %llu sent, %llu dropped, %llu passed",
	       now.verdict[XDP_TX] + now.verdict[XDP_REDIRECT] - before->verdict[XDP_TX] -
		       before->verdict[XDP_REDIRECT],
	       now.verdict[XDP_DROP] - before->verdict[XDP_DROP],
	       now.verdict[XDP_PASS] - before->verdict[XDP_PASS]);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (now.reason[reasons[i].reason] != before->reason[reasons[i].reason])
			printf(", %llu %s",
			       now.reason[reasons[i].reason] - before->reason[reasons[i].reason],
			       reasons[i].name);
	printf("\n");
}

/* Every packet has its verdict, and what was dropped its reason. A few may be the neighbours' own.
 */
static bool counts_are_right(const struct xdplb_cpu *before, __u64 packets)
{
	struct xdplb_cpu now;
	__u64 verdicts = 0, drops = 0;

	maps_counts(&probe.maps, &now);
	for (int i = 0; i < 8; i++)
		verdicts += now.verdict[i] - before->verdict[i];
	for (int i = 0; i < XDPLB_DROPS; i++)
		drops += now.reason[i] - before->reason[i];
	return verdicts >= packets && verdicts < packets + 100 &&
	       drops == now.verdict[XDP_DROP] - before->verdict[XDP_DROP];
}

static bool verdict(bool right, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool verdict(bool right, const char *format, ...)
{
	va_list args;

	printf(right ? "ok flood: " : "not ok flood: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return right;
}

static bool is_nat(__u16 port)
{
	__u32 service = maps_service(&probe.maps, 4, port);

	return probe.maps.sets[maps_set(&probe.maps, service)].head.forward == XDPLB_NAT;
}

static const char *name_of(__u16 port)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s, table of %u", is_nat(port) ? "nat" : "wrr and dsr",
		 (probe.maps.config->flow_mask + 1) * XDPLB_WAYS);
	return name;
}

/*
 * nat needs an entry for each flow, and in a small table the flood takes those
 * that have not got past their SYN; all others go by their hash then.
 */
static bool honest_verdict(__u16 port, const struct honest *honest)
{
	bool nat = is_nat(port), small = probe.maps.config->flow_mask < SMALL;

	for (int i = 0; i < DELAYS; i++)
		printf("# honest flows whose ACK comes %u ms after the SYN: %u of %u get through, "
		       "%u remembered\n",
		       honest[i].milliseconds, honest[i].through, honest[i].tried,
		       honest[i].remembered);
	if (nat && small)
		return true;
	return verdict(honest[1].through > honest[1].tried * 0.95,
		       "%s: new honest flows get through: %u of %u after 10 ms", name_of(port),
		       honest[1].through, honest[1].tried);
}

static bool attack(__u16 port, __u32 count, __u32 syns)
{
	struct honest honest[DELAYS] = { { 1, 0, 0, 0 }, { 10, 0, 0, 0 }, { 100, 0, 0, 0 } };
	struct before *before_flood = calloc(count, sizeof(*before_flood));
	__u32 remembered, wrong, client = 0;
	__u64 sent;
	struct flood flood = { .port = port, .syns = syns };
	struct xdplb_cpu before;
	bool right;

	if (!before_flood)
		die("no memory");
	flows_establish(port, 0, count);
	remembered = snapshot(port, count, before_flood);
	maps_counts(&probe.maps, &before);
	sent = probes;
	if (pthread_create(&flood.thread, NULL, flood_run, &flood))
		die("thread: %s", strerror(errno));
	for (int i = 0; !atomic_load(&flood.over); i++)
		handshakes(port, &honest[i % DELAYS], &client);
	pthread_join(flood.thread, NULL);
	wrong = lost(port, count, before_flood);
	free(before_flood);
	printf("# %s: %u SYNs in %.1f s, %.0f ns each with the generator; %u of %u established "
	       "flows were "
	       "remembered\n",
	       name_of(port), syns, flood.seconds, flood.ns, remembered, count);
	counts_print(&before);
	right = verdict(!wrong && remembered,
			"%s: established flows keep their backends: %u of %u lost", name_of(port),
			wrong, count);
	right = verdict(counts_are_right(&before, probes - sent + flood.sent),
			"%s: every packet is counted", name_of(port)) &&
		right;
	return honest_verdict(port, honest) && right;
}

/* ---- a table full of established flows ------------------------------------------------------ */

/* Fills it; how many flows there are when nearly none finds room any more. */
static __u32 fill(__u16 port)
{
	__u32 size = (probe.maps.config->flow_mask + 1) * XDPLB_WAYS, opened = 0;

	while (maps_entries(&probe.maps) < size && opened < 16 * size) {
		flows_establish(port, opened, size / 2);
		opened += size / 2;
	}
	flows_establish_slowly(port, opened, size);
	return opened + size;
}

/* All packets of a flow that is not remembered go to one backend. */
static bool stranger_passes(__u16 port, __u32 n)
{
	static const __u8 flags[] = { FLAG_SYN, FLAG_SYN, FLAG_ACK, FLAG_ACK | FLAG_PSH,
				      FLAG_FIN | FLAG_ACK };
	struct endpoint from = client_endpoint(4, n);
	struct seen first, next;

	packet_of(port, &from, flags[0], &first);
	for (size_t i = 1; i < sizeof(flags); i++) {
		packet_of(port, &from, flags[i], &next);
		if (!went_alike(&first, &next))
			return false;
	}
	return true;
}

static bool full(__u16 port, __u16 nat_port)
{
	__u32 opened = fill(port), passed = 0, dropped = 0;
	struct xdplb_cpu before, after;
	struct seen seen;
	bool right;

	printf("# %s: full after %u flows, %llu entries\n", name_of(port), opened,
	       maps_entries(&probe.maps));
	maps_counts(&probe.maps, &before);
	for (__u32 n = 0; n < STRANGERS; n++)
		passed += stranger_passes(port, n);
	maps_counts(&probe.maps, &after);
	counts_print(&before);
	right = verdict(passed == STRANGERS && after.reason[XDPLB_FLOW_NO_ROOM] -
							       before.reason[XDPLB_FLOW_NO_ROOM] ==
						       2 * STRANGERS,
			"full table: new flows go by their hash, each to one backend: %u of %u",
			passed, STRANGERS);
	before = after;
	for (__u32 n = 0; n < STRANGERS; n++) {
		struct endpoint from = client_endpoint(4, n);

		packet_of(nat_port, &from, FLAG_SYN, &seen);
		dropped += seen.verdict == XDP_DROP;
	}
	maps_counts(&probe.maps, &after);
	return verdict(dropped == STRANGERS &&
			       after.reason[XDPLB_DROP_TABLE_FULL] -
					       before.reason[XDPLB_DROP_TABLE_FULL] ==
				       STRANGERS,
		       "full table: nat drops new flows, counted: %u of %u", dropped, STRANGERS) &&
	       right;
}

/* ---- a table full in part -------------------------------------------------------------------- */

/* New flows at this fill that find no room, or take it from another. */
static bool load(__u16 port, __u32 percent)
{
	__u32 size = (probe.maps.config->flow_mask + 1) * XDPLB_WAYS, some = size / 100;
	__u32 before_that = (__u64)size * percent / 100 - some;
	struct xdplb_cpu before, after;
	__u64 turned_away;
	double part;

	flows_establish(port, 0, before_that);
	maps_counts(&probe.maps, &before);
	flows_establish_slowly(port, before_that, some);
	maps_counts(&probe.maps, &after);
	turned_away = after.reason[XDPLB_FLOW_NO_ROOM] - before.reason[XDPLB_FLOW_NO_ROOM];
	turned_away += after.reason[XDPLB_FLOW_EVICTED] - before.reason[XDPLB_FLOW_EVICTED];
	part = 100.0 * turned_away / some;
	printf("# table of %u: %llu entries; of %u flows up to %u%%, %.2f%% found no room\n", size,
	       maps_entries(&probe.maps), some, percent, part);
	if (percent > 70)
		return true;
	return verdict(part <= 0.5, "at %u%% new flows find room, but for %.2f%%", percent, part);
}

/* ---- everything --------------------------------------------------------------------------------
 */

static int usage(void)
{
	fprintf(stderr, "usage: flood OBJECT IFINDEX PROGRAM-ID attack PORT ESTABLISHED SYNS | "
			"full PORT NAT-PORT | load PORT PERCENT\n");
	return 2;
}

int main(int argc, char **argv)
{
	char title[128];
	bool right;

	if (argc < 7)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	cpu_stay(0);
	generator_open(&generator, argv[1], atoi(argv[2]));
	target = generator_target(&generator, atoi(argv[3]));
	probe_open(&probe, atoi(argv[3]), atoi(argv[2]));
	if (!strcmp(argv[4], "attack") && argc == 8)
		right = attack(atoi(argv[5]), atoi(argv[6]), atoi(argv[7]));
	else if (!strcmp(argv[4], "full"))
		right = full(atoi(argv[5]), atoi(argv[6]));
	else if (!strcmp(argv[4], "load"))
		right = load(atoi(argv[5]), atoi(argv[6]));
	else
		return usage();
	snprintf(title, sizeof(title), "flood: counts are what the tables hold: %s %s, %s", argv[4],
		 argv[6], name_of(atoi(argv[5])));
	right = audit_report(&probe.maps, title) && right;
	generator_close(&generator);
	return right ? 0 : 1;
}
