// SPDX-License-Identifier: GPL-2.0-only
/*
 * many PROGRAM-ID SERVICES PORT...: makes so many services on ports from 10000
 * on, each a copy of one of those with these ports, which xdplb-config has set,
 * with other backends of their own. Written straight into the maps of the
 * program, because to run xdplb-config for each would take minutes.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/balancer.h"
#include "../../loader/directory.h"
#include "frame.h"
#include "maps.h"

#define PORT_FIRST 10000
#define ADDRESSES 4096 /* of backends */
#define BACKENDS_MOST 8 /* of a service that is copied */
#define BACKENDS_A_LINE 8
#define SLOTS_A_LINE 16

static struct maps maps;
static __u32 services = 1, backends = 1, lines = 1, addresses; /* where the free ones begin */

static void free_find(void)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = &maps.sets[maps_set(&maps, id)].head;
		__u32 end = maps_set(&maps, id) + set->lines;

		if (!maps.services[id].proto)
			continue;
		services = id + 1;
		lines = end > lines ? end : lines;
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (maps.backends[id].flags)
			backends = id + 1;
}

static struct xdplb_set_backend *set_backends(union xdplb_set_line *set)
{
	return set[1 + (set->head.snats + 3) / 4].backend;
}

/* Copies the backends; from[i] became to[i]. */
static __u32 backends_copy(struct xdplb_set_backend *of, __u32 count, __u32 service, __u16 port,
			   __u32 *from, __u32 *to)
{
	if (count > BACKENDS_MOST || backends + count > XDPLB_BACKENDS)
		die("no room for %u more backends", count);
	for (__u32 i = 0; i < count; i++) {
		struct xdplb_backend *backend = &maps.backends[backends];

		from[i] = of[i].backend;
		to[i] = of[i].backend = backends++;
		*backend = maps.backends[from[i]];
		backend->addr[0] = backend_address(4, addresses++ % ADDRESSES);
		backend->port = htons(port);
		backend->service = service;
	}
	return count;
}

static void service_copy(struct balancer *balancer, __u32 template, __u16 port)
{
	struct xdplb_service *service = &maps.services[services];
	union xdplb_set_line *old = &maps.sets[maps_set(&maps, template)], *set = &maps.sets[lines];
	__u32 from[BACKENDS_MOST], to[BACKENDS_MOST], count, *slot;

	if (services == XDPLB_SERVICES || lines + old->head.lines > XDPLB_SET_LINES)
		die("no room for service %u", services);
	memcpy(set, old, old->head.lines * sizeof(*set));
	set->head.service = services;
	set->head.slot_line += set - old;
	count = backends_copy(set_backends(set), set->head.backends, services, port, from, to);
	slot = maps.sets[set->head.slot_line].slot;
	for (__u32 s = 0; s < set->head.slots; s++)
		for (__u32 i = 0; i < count; i++)
			if (XDPLB_SLOT_OWNER(slot[s]) == from[i]) {
				slot[s] = (slot[s] & ~XDPLB_SLOT_OWNER(~0U)) | to[i];
				break;
			}
	*service = maps.services[template];
	service->port = htons(port);
	service->set[0] = service->set[1] = lines;
	if (directory_add(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
			  service->proto, services))
		exit(1);
	lines += set->head.lines;
	services++;
}

int main(int argc, char **argv)
{
	struct balancer balancer = {};
	int count;

	if (argc < 4) {
		fprintf(stderr, "usage: many PROGRAM-ID SERVICES PORT...\n");
		return 2;
	}
	maps_open(&maps, atoi(argv[1]));
	balancer.config = maps.config;
	balancer.directory = maps.directory;
	balancer.services = maps.services;
	free_find();
	count = atoi(argv[2]);
	for (int n = 0; n < count; n++) {
		__u16 port = atoi(argv[3 + (long)n * (argc - 3) / count]);

		service_copy(&balancer, maps_service(&maps, 4, port), PORT_FIRST + n);
	}
	return 0;
}
