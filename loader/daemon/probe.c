// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../xdp/probe.h"
#include "../egress.h"
#include "../error.h"
#include "../object_path.h"
#include "../route.h"

#define OUT "xdplb_probe_out"
#define IN "xdplb_probe_in"
#define INTERFACES 64
#define ROUTE_US 10000000ULL /* a route is asked for again, and programs attached */

struct probes {
	struct bpf_object *object;
	int map, out, in; /* descriptors */
	struct probed {
		int ifindex; /* it has the programs */
		__u64 until; /* when they are attached again, microseconds */
	} interface[INTERFACES];
	int interfaces;
	__u32 next; /* index to be tried first */
	bool used[XDPLB_PROBES];
};

bool probe_is_needed(const struct watched_backend *backend)
{
	const struct watched_service *service = backend->service;

	if (backend->options->direct || backend->options->type == CHECK_COMMAND)
		return false;
	return forward_keeps_port(service->forward) &&
	       same_family(backend->place.addr, service->at.addr);
}

/* ---- the programs ------------------------------------------------------------------------------
 */

static int program_of(struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program ? bpf_program__fd(program) : -ENOENT;
}

static int probes_load(struct probes *probes)
{
	char path[PATH_MAX];
	int err;

	object_path("../xdp/probe.o", XDPLB_PROBE, path);
	probes->object = bpf_object__open_file(path, NULL);
	if (!probes->object)
		return -errno;
	err = bpf_object__load(probes->object);
	if (err)
		return err;
	probes->map = bpf_object__find_map_fd_by_name(probes->object, "xdplb_probes");
	probes->out = program_of(probes->object, OUT);
	probes->in = program_of(probes->object, IN);
	return probes->map < 0 || probes->out < 0 || probes->in < 0 ? -ENOENT : 0;
}

static int probes_begin(struct daemon *daemon)
{
	struct probes *probes;
	int err;

	if (daemon->probes)
		return 0;
	probes = calloc(1, sizeof(*probes));
	if (!probes)
		return -ENOMEM;
	err = probes_load(probes);
	if (err) {
		bpf_object__close(probes->object);
		free(probes);
		return err;
	}
	daemon->probes = probes;
	return 0;
}

static void interface_detach(int ifindex)
{
	filter_detach(ifindex, TC_H_MIN_EGRESS, OUT);
	filter_detach(ifindex, TC_H_MIN_INGRESS, IN);
}

/* Its place, which may be that of the one that was needed the longest ago, and may be gone. */
static struct probed *interface_place(struct probes *probes, int ifindex)
{
	struct probed *oldest = &probes->interface[0];

	for (int i = 0; i < probes->interfaces; i++) {
		if (probes->interface[i].ifindex == ifindex)
			return &probes->interface[i];
		if (probes->interface[i].until < oldest->until)
			oldest = &probes->interface[i];
	}
	if (probes->interfaces < INTERFACES)
		oldest = &probes->interface[probes->interfaces++];
	else
		interface_detach(oldest->ifindex);
	*oldest = (struct probed){ .ifindex = ifindex };
	return oldest;
}

/* What is there of these, of an earlier instance too, is replaced: who knows what others took off.
 */
static int interface_attach(struct probes *probes, int ifindex, __u64 now)
{
	struct probed *place = interface_place(probes, ifindex);
	int err;

	if (now < place->until)
		return 0;
	err = filter_attach(ifindex, TC_H_MIN_EGRESS, OUT, probes->out);
	if (!err)
		err = filter_attach(ifindex, TC_H_MIN_INGRESS, IN, probes->in);
	if (err)
		interface_detach(ifindex);
	place->until = err ? 0 : now + ROUTE_US;
	return err;
}

void probe_end(struct daemon *daemon)
{
	struct probes *probes = daemon->probes;

	if (!probes)
		return;
	for (int i = 0; i < probes->interfaces; i++)
		interface_detach(probes->interface[i].ifindex);
	bpf_object__close(probes->object);
	free(probes);
	daemon->probes = NULL;
}

/* ---- a backend ---------------------------------------------------------------------------------
 */

static int index_take(struct probes *probes, struct watched_backend *backend)
{
	if (backend->probe)
		return 0;
	for (__u32 i = 0; i < XDPLB_PROBES; i++) {
		__u32 index = (probes->next + i) & XDPLB_PROBE_INDEX;

		if (!index || probes->used[index])
			continue;
		probes->used[index] = true;
		probes->next = index + 1;
		backend->probe = index;
		return 0;
	}
	return -ENOSPC;
}

/* The wrapping's source, as packets of one of its flows have it; see xdp/encap.h. */
static void source_choose(const struct watched_backend *backend, const struct next_hop *way,
			  __be32 source[4])
{
	bool v6 = xdplb_is_ipv6(backend->place.addr);

	memcpy(source, is_address(backend->source) ? backend->source : way->source,
	       sizeof(backend->source));
	if (!backend->spread || backend->service->forward != XDPLB_IPIP)
		return;
	memset(source, 0, sizeof(backend->source));
	source[0] = htonl(v6 ? 0x01000000 : 0xac100000 | (backend->probe & 0xffff));
	if (v6)
		source[3] = htonl(backend->probe);
}

static int entry_write(const struct watched_backend *backend, const struct next_hop *way)
{
	const struct watched_service *service = backend->service;
	struct xdplb_probe probe = { .method = service->forward,
				     .gue_port = service->daemon->gue_port };
	__u32 index = backend->probe;

	memcpy(probe.service, service->at.addr, sizeof(probe.service));
	memcpy(probe.backend, backend->place.addr, sizeof(probe.backend));
	source_choose(backend, way, probe.source);
	return bpf_map_update_elem(service->daemon->probes->map, &index, &probe, 0) ? -errno : 0;
}

static int way_prepare(struct watched_backend *backend, __u64 now, char reason[CHECK_REASON])
{
	struct probes *probes = backend->service->daemon->probes;
	struct next_hop way;
	int err = route_get(backend->place.addr, &way);

	if (err) {
		snprintf(reason, CHECK_REASON, "no route: %s", strerror(-err));
		return err;
	}
	err = interface_attach(probes, way.ifindex, now);
	if (!err)
		err = entry_write(backend, &way);
	if (err)
		snprintf(reason, CHECK_REASON, "cannot check by the method, on interface %d: %s",
			 way.ifindex, strerror(-err));
	return err;
}

int probe_prepare(struct watched_backend *backend, __u32 *mark, char reason[CHECK_REASON])
{
	struct daemon *daemon = backend->service->daemon;
	int err = probes_begin(daemon);
	uint64_t now;

	if (!err)
		err = index_take(daemon->probes, backend);
	if (err) {
		snprintf(reason, CHECK_REASON, "cannot check by the method: %s", strerror(-err));
		return err;
	}
	sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	if (now >= backend->probe_until) {
		err = way_prepare(backend, now, reason);
		if (err)
			return err;
		backend->probe_until = now + ROUTE_US;
	}
	*mark = XDPLB_PROBE_MARK | backend->probe;
	return 0;
}

void probe_forget(struct watched_backend *backend)
{
	struct probes *probes = backend->service->daemon->probes;
	const struct xdplb_probe none = {};
	__u32 index = backend->probe;

	if (!index || !probes)
		return;
	bpf_map_update_elem(probes->map, &index, &none, 0);
	probes->used[index] = false;
	backend->probe = 0;
	backend->probe_until = 0;
}
