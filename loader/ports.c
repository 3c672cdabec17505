// SPDX-License-Identifier: GPL-2.0-only
#include "ports.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "error.h"

static void port_take(__u64 allowed[PORT_WORDS], unsigned int port)
{
	if (port < 65536)
		allowed[port / 64] &= ~(1ULL << (port % 64));
}

static void range_take(__u64 allowed[PORT_WORDS], unsigned int first, unsigned int last)
{
	for (unsigned int port = first; port <= last && port < 65536; port++)
		port_take(allowed, port);
}

void ports_take_list(__u64 allowed[PORT_WORDS], const char *list)
{
	unsigned int first, last;
	int used;

	while (sscanf(list, " %u%n", &first, &used) == 1) {
		list += used;
		last = first;
		if (sscanf(list, "-%u%n", &last, &used) == 1)
			list += used;
		range_take(allowed, first, last);
		if (*list == ',')
			list++;
	}
}

void ports_take_sockets(__u64 allowed[PORT_WORDS], const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];
	unsigned int port;

	if (!file)
		return; /* a machine without IPv6, say */
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x", &port) == 1)
			port_take(allowed, port);
	fclose(file);
}

static int read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return fail(errno, "%s: %s; nat needs it to choose source ports", path,
			    strerror(errno));
	if (!fgets(line, size, file))
		line[0] = '\0';
	fclose(file);
	return 0;
}

int ports_of_machine(__u64 allowed[PORT_WORDS])
{
	unsigned int first, last;
	char line[65536];
	int err;

	memset(allowed, 0xff, PORT_WORDS * sizeof(*allowed));
	range_take(allowed, 0, XDPLB_PORT_FIRST - 1);
	err = read_line("/proc/sys/net/ipv4/ip_local_port_range", line, sizeof(line));
	if (err)
		return err;
	if (sscanf(line, "%u %u", &first, &last) == 2)
		range_take(allowed, first, last);
	err = read_line("/proc/sys/net/ipv4/ip_local_reserved_ports", line, sizeof(line));
	if (err)
		return err;
	ports_take_list(allowed, line);
	ports_take_sockets(allowed, "/proc/net/tcp");
	ports_take_sockets(allowed, "/proc/net/tcp6");
	ports_take_sockets(allowed, "/proc/net/udp");
	ports_take_sockets(allowed, "/proc/net/udp6");
	return 0;
}

/* The addresses that pools give out ports of, each once. */
struct sources {
	int count;
	const __be32 *addr[XDPLB_POOLS];
};

static bool is_source(const struct sources *sources, const __be32 addr[4])
{
	for (int i = 0; i < sources->count; i++)
		if (same_address(sources->addr[i], addr))
			return true;
	return false;
}

static void sources_read(const struct balancer *balancer, struct sources *sources)
{
	sources->count = 0;
	for (__u32 id = 1; id < XDPLB_POOLS; id++) {
		const struct xdplb_pool *pool = &balancer->pools[id];

		if (pool->proto && !is_source(sources, pool->addr))
			sources->addr[sources->count++] = pool->addr;
	}
}

/* Services of these addresses need their ports themselves, and that of registrations. */
static void services_take(const struct balancer *balancer, __u64 allowed[PORT_WORDS])
{
	struct sources sources;

	sources_read(balancer, &sources);
	for (__u32 id = 1; sources.count && id < XDPLB_SERVICES; id++) {
		const struct xdplb_service *service = &balancer->services[id];

		if (!service->proto || !is_source(&sources, service->addr))
			continue;
		port_take(allowed, ntohs(service->port));
		if (service->table)
			port_take(allowed, ntohs(balancer->config->registration_port));
	}
}

/*
 * Groups without any allowed port are full from the start, so that the program
 * does not try them one by one; those that gained one may have room again. Of
 * the others it knows better.
 */
static void pool_publish(struct xdplb_pool *pool, const __u64 allowed[PORT_WORDS],
			 const __u64 before[PORT_WORDS])
{
	for (int group = 0; group < XDPLB_GROUPS; group++) {
		__u64 bit = 1ULL << (group % 64);

		if (!allowed[group])
			__atomic_fetch_or(&pool->full[group / 64], bit, __ATOMIC_SEQ_CST);
		else if (allowed[group] & ~before[group])
			__atomic_fetch_and(&pool->full[group / 64], ~bit, __ATOMIC_SEQ_CST);
	}
}

static bool any_port(const __u64 allowed[PORT_WORDS])
{
	for (int group = 0; group < PORT_WORDS; group++)
		if (allowed[group])
			return true;
	return false;
}

/* Somebody gives out ports: nobody else need know which. */
static bool any_pool(const struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		if (balancer->pools[id].proto)
			return true;
	return false;
}

int ports_publish(struct balancer *balancer)
{
	__u64 allowed[PORT_WORDS], before[PORT_WORDS];
	int err;

	if (!any_pool(balancer))
		return 0;
	err = ports_of_machine(allowed);
	if (err)
		return err;
	services_take(balancer, allowed);
	if (!any_port(allowed))
		return fail(ENOSPC, "no source port is left for nat: narrow "
				    "net.ipv4.ip_local_port_range");
	for (int group = 0; group < XDPLB_GROUPS; group++)
		before[group] = __atomic_exchange_n(&balancer->config->port_allowed[group],
						    allowed[group], __ATOMIC_SEQ_CST);
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		if (balancer->pools[id].proto)
			pool_publish(&balancer->pools[id], allowed, before);
	return 0;
}
