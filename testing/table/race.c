// SPDX-License-Identifier: GPL-2.0-only
/*
 * race OBJECT PROGRAM-ID IFINDEX SECONDS: two CPUs at once on the same few
 * buckets of a small flow table: packets with all flags of few clients to all
 * services there are, and replies to what nat has remembered, while the
 * configuration may change. What is remembered before a packet and after it must
 * have said where the packet went. Half of the time both CPUs look at each
 * packet so, then the other one only makes as many as it can, then both do. Each
 * time every count must be what a look at the tables finds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../bench/generator.h"
#include "audit.h"
#include "pressure.h"
#include "probe.h"

#define THREADS 2
#define SERVICES 32
#define CLIENTS_FEW 3
#define CLIENTS_MANY 40
#define STRETCH 2000 /* packets until the number of clients changes */
#define REPLY_TRIES 16
#define GROUP 6 /* backends' addresses of one service */
#define DROPS_ONE_IN 1000
#define BURST 300000 /* to start one costs tens of milliseconds */
#define LOOK_NS 20000 /* more, and an entry may have held sixteen flows meanwhile */

static struct probe probe;
static __u32 services[SERVICES]; /* ids */
static __u32 groups[SERVICES]; /* which backends' addresses each has, see race.sh */
static int services_count;
static atomic_bool over;

struct worker {
	pthread_t thread;
	int cpu;
	void *(*work)(void *worker);
	__u64 random;
	__u64 packets, checked, replies, replies_checked, raced;
	__u64 wrong;
	char what[384]; /* the first that was wrong */
};

/* splitmix64 */
static __u32 random_below(struct worker *worker, __u32 below)
{
	__u64 x = worker->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return ((x ^ x >> 31) >> 32) * below >> 32;
}

/* Mostly what flows are made of, sometimes anything. */
static __u8 random_flags(struct worker *worker)
{
	static const __u8 flags[] = {
		FLAG_SYN,
		FLAG_SYN,
		FLAG_SYN,
		FLAG_ACK,
		FLAG_ACK,
		FLAG_ACK,
		FLAG_ACK | FLAG_PSH,
		FLAG_ACK | FLAG_PSH,
		FLAG_FIN | FLAG_ACK,
		FLAG_FIN | FLAG_ACK,
		FLAG_RST,
		FLAG_RST | FLAG_ACK,
		FLAG_SYN | FLAG_ACK,
	};
	__u32 pick = random_below(worker, sizeof(flags) + 1);

	return pick < sizeof(flags) ? flags[pick] : random_below(worker, 64);
}

static void text_of(const struct seen *seen, char *text, size_t size)
{
	snprintf(text, size, "verdict %u, MAC ..%02x:%02x, to ..%08x:%u", seen->verdict,
		 seen->dmac[4], seen->dmac[5],
		 ntohl(seen->to.addr[xdplb_is_ipv6(seen->to.addr) ? 3 : 0]), ntohs(seen->to.port));
}

/* The last 32 bits of its backend's address. */
static __u32 backend_last(const struct found *flow)
{
	const __be32 *addr = probe.maps.backends[flow_backend(flow)].addr;

	return ntohl(addr[xdplb_is_ipv6(addr) ? 3 : 0]);
}

/* The set in force of the flow's service. */
static const struct xdplb_set *set_of(const struct found *flow)
{
	__u32 service = probe.maps.backends[flow_backend(flow)].service;

	return &probe.maps.sets[maps_set(&probe.maps, service)].head;
}

static void wrong(struct worker *worker, const char *what, __u8 flags, const struct found *flow,
		  const struct seen *seen)
{
	const struct xdplb_set *set = set_of(flow);
	char text[128];

	if (worker->wrong++)
		return;
	text_of(seen, text, sizeof(text));
	snprintf(worker->what, sizeof(worker->what),
		 "%s, flags %02x: entry %u, key %llx, value %llx, backend %u (%08x), pick %u, set "
		 "flags %x, window ends at %u; %s",
		 what, flags, flow->index, flow->key, flow->value, flow_backend(flow),
		 backend_last(flow), set->pick, set->flags, set->window_end, text);
}

/* It was not deleted. */
static bool is_there(__u32 service)
{
	return maps_set(&probe.maps, service) != 0;
}

/* The number of the group that an address, or a neighbour's MAC, belongs to. */
static __u32 group_of(__u32 last, bool v6)
{
	return ((last & 0xffff) - (v6 ? 0 : 0x1000)) / GROUP;
}

static bool is_sent(const struct seen *seen)
{
	return seen->verdict == XDP_TX || seen->verdict == XDP_REDIRECT;
}

static __u64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* A packet to a service; a flow that is remembered all the while goes where its entry says. */
static void packet_to_service(struct worker *worker, int n, __u32 clients)
{
	const struct maps *maps = &probe.maps;
	__u32 service = services[n];
	struct endpoint to = service_endpoint(maps, service);
	__u8 proto = maps->services[service].proto;
	/* Few of UDP, whose flows do not end. */
	struct endpoint from =
		client_endpoint(xdplb_is_ipv6(to.addr) ? 6 : 4,
				random_below(worker, proto == IPPROTO_TCP ? clients : CLIENTS_FEW));
	__u8 flags = proto == IPPROTO_TCP ? random_flags(worker) : 0;
	__u64 key = flow_key(maps, service, &from);
	struct found before = {}, after;
	struct seen seen;
	__u64 began = nanoseconds();
	bool known = flow_find(maps, key, &before) && is_there(service);

	probe_send(&probe, &from, &to, proto, flags, &seen);
	worker->packets++;
	if (is_sent(&seen) &&
	    group_of(seen.dmac[4] << 8 | seen.dmac[5], xdplb_is_ipv6(to.addr)) != groups[n])
		wrong(worker, "to another service's backend", flags, &before, &seen);
	if (!known || !is_there(service) || !flow_find(maps, key, &after) ||
	    !flow_same(&before, &after) || nanoseconds() - began > LOOK_NS)
		return;
	if (seen.verdict == XDP_DROP) {
		worker->raced++;
		return;
	}
	worker->checked++;
	if (!went_to(maps, &seen, flow_backend(&after), flow_method(after.value)))
		wrong(worker, "to the service", flags, &after, &seen);
}

/* Some flow of nat that the table has; false: none was found. */
static bool nat_flow_find(struct worker *worker, struct found *found)
{
	const struct maps *maps = &probe.maps;

	for (int i = 0; i < REPLY_TRIES; i++) {
		__u32 bucket = random_below(worker, maps->config->flow_mask + 1);
		__u64 key = maps->flows[bucket].way[random_below(worker, XDPLB_WAYS)].key;

		if (key && flow_find(maps, key, found) && flow_method(found->value) == XDPLB_NAT)
			return true;
	}
	return false;
}

/* The source address and port that nat uses for a flow. */
static bool nat_source(const struct found *flow, struct endpoint *source)
{
	const struct maps *maps = &probe.maps;
	const struct xdplb_backend *backend = &maps->backends[flow_backend(flow)];
	__u32 pool = backend->pool[XDPLB_FIELD(flow->value, SNAT)];

	memcpy(source->addr, maps->pools[pool].addr, sizeof(source->addr));
	source->port = htons(XDPLB_FIELD(flow->value, PORT));
	return pool != 0;
}

/* A backend's reply to a flow of nat's: it goes to the client whose flow that is. */
static void reply_to_client(struct worker *worker)
{
	const struct maps *maps = &probe.maps;
	struct found before, after;
	const struct xdplb_backend *backend;
	__u8 flags = random_flags(worker);
	__u64 began = nanoseconds();
	struct endpoint from, to;
	struct seen seen;

	if (!nat_flow_find(worker, &before) || !nat_source(&before, &to))
		return;
	backend = &maps->backends[flow_backend(&before)];
	memcpy(from.addr, backend->addr, sizeof(from.addr));
	from.port = backend->port;
	probe_send(&probe, &from, &to, backend->proto, flags, &seen);
	worker->replies++;
	to = service_endpoint(maps, backend->service);
	if (is_sent(&seen) && memcmp(&seen.from, &to, sizeof(to)))
		wrong(worker, "a reply as of another service", flags, &before, &seen);
	if (!flow_find(maps, before.key, &after) || !flow_same(&before, &after) ||
	    nanoseconds() - began > LOOK_NS)
		return;
	if (seen.verdict == XDP_DROP) {
		worker->raced++;
		return;
	}
	worker->replies_checked++;
	if (!is_sent(&seen) || flow_key(maps, backend->service, &seen.to) != before.key)
		wrong(worker, "a reply", flags, &after, &seen);
}

/* Packets whose ways are looked at. */
static void *look(void *argument)
{
	struct worker *worker = argument;
	__u32 clients = CLIENTS_MANY;

	cpu_stay(worker->cpu);
	for (__u32 n = 0; !atomic_load(&over); n++) {
		if (n % STRETCH == 0)
			clients = random_below(worker, 2) ? CLIENTS_MANY : CLIENTS_FEW;
		if (random_below(worker, 4))
			packet_to_service(worker, random_below(worker, services_count), clients);
		else
			reply_to_client(worker);
	}
	return NULL;
}

/* Only packets, by which the flows of one service after the other begin, perhaps go on, and end. */
static void *press(void *argument)
{
	static const __u8 ends[] = { FLAG_RST, FLAG_RST, FLAG_FIN | FLAG_ACK };
	struct worker *worker = argument;

	cpu_stay(worker->cpu);
	while (!atomic_load(&over)) {
		__u32 n = random_below(worker, SERVICES);

		pressure_burst(worker->cpu, n, FLAG_SYN, BURST);
		if (!random_below(worker, 4))
			pressure_burst(worker->cpu, n, FLAG_ACK, BURST);
		pressure_burst(worker->cpu, n, ends[random_below(worker, sizeof(ends))], BURST);
		worker->packets += 2 * BURST;
	}
	return NULL;
}

/* What one CPU found; false when something was wrong. */
static bool worker_report(const struct worker *worker)
{
	__u64 checked = worker->checked + worker->replies_checked;

	if (worker->work == press) {
		printf("# CPU %d: %llu packets\n", worker->cpu, worker->packets);
		return true;
	}
	printf("# CPU %d: %llu packets, of which %llu were compared with their entries; %llu "
	       "replies, %llu compared; %llu of these flows' packets dropped\n",
	       worker->cpu, worker->packets, worker->checked, worker->replies,
	       worker->replies_checked, worker->raced);
	if (worker->wrong)
		printf("not ok race: never a wrong backend: %llu wrong, the first %s\n",
		       worker->wrong, worker->what);
	/* The other CPU may be in the way of a packet, now and then. */
	if (worker->raced > checked / DROPS_ONE_IN)
		printf("not ok race: few packets are dropped: %llu of %llu\n", worker->raced,
		       checked);
	return !worker->wrong && worker->raced <= checked / DROPS_ONE_IN;
}

/* Each CPU does its work for so many seconds; false when something was wrong. */
static bool phase(const char *name, void *(*first)(void *), void *(*second)(void *), int seconds)
{
	struct worker worker[THREADS] = { { .work = first }, { .work = second } };
	char title[128];
	bool right = true;

	atomic_store(&over, false);
	for (int i = 0; i < THREADS; i++) {
		worker[i].cpu = i;
		worker[i].random = time(NULL) * THREADS + i;
		if (pthread_create(&worker[i].thread, NULL, worker[i].work, &worker[i]))
			die("thread: %s", strerror(errno));
	}
	sleep(seconds);
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		right = worker_report(&worker[i]) && right;
	}
	if (right && first == look)
		printf("ok race: never a wrong backend, %s\n", name);
	snprintf(title, sizeof(title), "race: counts are what the tables hold, %s", name);
	return audit_report(&probe.maps, title) && right;
}

/* All there are; a backend of each tells its group. */
static void services_find(void)
{
	for (__u32 id = 1; id < XDPLB_SERVICES && services_count < SERVICES; id++)
		if (probe.maps.services[id].proto)
			services[services_count++] = id;
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &probe.maps.backends[id];
		bool v6 = xdplb_is_ipv6(backend->addr);

		for (int n = 0; backend->flags && n < services_count; n++)
			if (services[n] == backend->service)
				groups[n] = group_of(ntohl(backend->addr[v6 ? 3 : 0]), v6);
	}
}

int main(int argc, char **argv)
{
	bool right;
	int seconds;

	if (argc != 5) {
		fprintf(stderr, "usage: race OBJECT PROGRAM-ID IFINDEX SECONDS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	probe_open(&probe, atoi(argv[2]), atoi(argv[3]));
	services_find();
	pressure_open(argv[1], &probe, atoi(argv[2]), services, services_count, CLIENTS_MANY);
	seconds = atoi(argv[4]);
	right = phase("both look", look, look, (seconds + 1) / 2);
	right = phase("one looks", look, press, (seconds + 3) / 4) && right;
	right = phase("none looks", press, press, (seconds + 3) / 4) && right;
	return right ? 0 : 1;
}
