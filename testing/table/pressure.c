// SPDX-License-Identifier: GPL-2.0-only
#include "pressure.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#include "../bench/frame.h"
#include "../bench/generator.h"

#define TARGETS 32

static struct {
	__u16 port;
	int family;
} services[TARGETS];

static struct generator generator;
static struct bench *each; /* what every CPU generates */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __u32 services_count, clients, target;

/* The clients that the probes have too, of one service after the other. */
static void flows_fill(void)
{
	for (__u32 s = 0; s < services_count; s++)
		for (__u32 n = 0; n < clients; n++) {
			struct endpoint client = client_endpoint(services[s].family, n);

			generator.flows[s * clients + n] = (struct bench_flow){
				.address = client.addr[services[s].family == 6 ? 3 : 0],
				.port = client.port,
				.other = htons(services[s].port),
			};
		}
}

void pressure_open(const char *object, const struct probe *probe, __u32 program, const __u32 *ids,
		   int count, __u32 most)
{
	generator_open(&generator, object, probe->ifindex);
	target = generator_target(&generator, program);
	clients = most;
	each = calloc(libbpf_num_possible_cpus(), sizeof(*each));
	if (!each)
		die("no memory");
	for (int i = 0; i < count && services_count < TARGETS; i++) {
		const struct xdplb_service *service = &probe->maps.services[ids[i]];

		if (service->proto != IPPROTO_TCP)
			continue;
		services[services_count].port = ntohs(service->port);
		services[services_count++].family = xdplb_is_ipv6(service->addr) ? 6 : 4;
	}
	flows_fill();
}

void pressure_burst(int cpu, __u32 n, __u8 flags, int packets)
{
	struct outcome outcome;

	n %= services_count;
	/* All CPUs' parts are written at once: the others' say the same as before. */
	pthread_mutex_lock(&lock);
	frame_make(&each[cpu], TO_SERVICE, services[n].family, services[n].port, flags);
	each[cpu].target = target;
	each[cpu].first = n * clients;
	each[cpu].count = clients;
	generator_set_each(&generator, each);
	pthread_mutex_unlock(&lock);
	generator_run(&generator, generator.generate, packets, &outcome);
}
