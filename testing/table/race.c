// SPDX-License-Identifier: GPL-2.0-only
/*
 * race PROGRAM-ID IFINDEX SECONDS: two CPUs at once on the same few buckets of
 * a small flow table: packets with all flags of few clients to all services
 * there are, and replies to what nat has remembered, while the configuration may
 * change. What is remembered before a packet and after it must have said where
 * the packet went. At the end every count must be what a look at the tables
 * finds, and once all has expired, nothing may be left.
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
#include "probe.h"

#define THREADS 2
#define SERVICES 32
#define CLIENTS_FEW 3
#define CLIENTS_MANY 40
#define STRETCH 2000 /* packets until the number of clients changes */
#define REPLY_TRIES 16
#define DROPS_ONE_IN 10000

static struct probe probe;
static __u32 services[SERVICES]; /* ids */
static int services_count;
static atomic_bool over;

struct worker {
	pthread_t thread;
	int cpu;
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

	return &probe.maps.sets[probe.maps.services[service].set].head;
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
	return __atomic_load_n(&probe.maps.services[service].set, __ATOMIC_ACQUIRE) != 0;
}

/* A packet to a service; a flow that is remembered all the while goes where its entry says. */
static void packet_to_service(struct worker *worker, __u32 service, __u32 clients)
{
	const struct maps *maps = &probe.maps;
	struct endpoint to = service_endpoint(maps, service);
	struct endpoint from =
		client_endpoint(xdplb_is_ipv6(to.addr) ? 6 : 4, random_below(worker, clients));
	__u8 proto = maps->services[service].proto;
	__u8 flags = proto == IPPROTO_TCP ? random_flags(worker) : 0;
	__u64 key = flow_key(maps, service, &from);
	struct found before, after;
	struct seen seen;
	bool known = flow_find(maps, key, &before) && is_there(service);

	probe_send(&probe, &from, &to, proto, flags, &seen);
	worker->packets++;
	if (!known || !is_there(service) || !flow_find(maps, key, &after) ||
	    !flow_same(&before, &after))
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
	struct endpoint from, to;
	struct seen seen;

	if (!nat_flow_find(worker, &before) || !nat_source(&before, &to))
		return;
	backend = &maps->backends[flow_backend(&before)];
	memcpy(from.addr, backend->addr, sizeof(from.addr));
	from.port = backend->port;
	probe_send(&probe, &from, &to, backend->proto, flags, &seen);
	worker->replies++;
	if (!flow_find(maps, before.key, &after) || !flow_same(&before, &after))
		return;
	if (seen.verdict == XDP_DROP) {
		worker->raced++;
		return;
	}
	worker->replies_checked++;
	if ((seen.verdict != XDP_TX && seen.verdict != XDP_REDIRECT) ||
	    flow_key(maps, backend->service, &seen.to) != before.key)
		wrong(worker, "a reply", flags, &after, &seen);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	__u32 clients = CLIENTS_MANY;

	cpu_stay(worker->cpu);
	for (__u32 n = 0; !atomic_load(&over); n++) {
		if (n % STRETCH == 0)
			clients = random_below(worker, 2) ? CLIENTS_MANY : CLIENTS_FEW;
		if (random_below(worker, 4))
			packet_to_service(worker, services[random_below(worker, services_count)],
					  clients);
		else
			reply_to_client(worker);
	}
	return NULL;
}

/* What one CPU found; false when something was wrong. */
static bool worker_report(const struct worker *worker)
{
	__u64 checked = worker->checked + worker->replies_checked;

	printf("# CPU %d: %llu packets to services, of which %llu were compared with their "
	       "entries; "
	       "%llu replies, %llu compared; %llu of these flows' packets dropped\n",
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

/* Works for so many seconds; false when something was wrong. */
static bool work_all(int seconds)
{
	struct worker worker[THREADS] = {};
	bool right = true;

	for (int i = 0; i < THREADS; i++) {
		worker[i].cpu = i;
		worker[i].random = time(NULL) * THREADS + i;
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			die("thread: %s", strerror(errno));
	}
	sleep(seconds);
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		right = worker_report(&worker[i]) && right;
	}
	if (right)
		printf("ok race: never a wrong backend\n");
	return right;
}

int main(int argc, char **argv)
{
	bool right;

	if (argc != 4) {
		fprintf(stderr, "usage: race PROGRAM-ID IFINDEX SECONDS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	probe_open(&probe, atoi(argv[1]), atoi(argv[2]));
	for (__u32 id = 1; id < XDPLB_SERVICES && services_count < SERVICES; id++)
		if (probe.maps.services[id].proto)
			services[services_count++] = id;
	right = work_all(atoi(argv[3]));
	right = audit_report(&probe.maps, "race: counts are what the tables hold") && right;
	return right ? 0 : 1;
}
