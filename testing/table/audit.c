// SPDX-License-Identifier: GPL-2.0-only
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

static void wrong(struct audit *audit, const char *format, ...)
{
	va_list args;

	if (audit->wrong++)
		return;
	va_start(args, format);
	vsnprintf(audit->what, sizeof(audit->what), format, args);
	va_end(args);
}

static bool is_active(__u32 state)
{
	switch (state) {
	case XDPLB_FLOW_NEW:
	case XDPLB_FLOW_ESTABLISHED:
	case XDPLB_FLOW_ADOPTED:
	case XDPLB_FLOW_UDP_NEW:
	case XDPLB_FLOW_UDP:
		return true;
	default:
		return false;
	}
}

/* A flow with nat has a port that is taken, and its record there. */
static void nat_check(const struct maps *maps, const struct xdplb_flow *flow, struct audit *audit)
{
	__u32 id = XDPLB_FIELD(flow->value, BACKEND), port = XDPLB_FIELD(flow->value, PORT);
	const struct xdplb_backend *backend = &maps->backends[id];
	const struct xdplb_pool *pool = &maps->pools[backend->pool[XDPLB_FIELD(flow->value, SNAT)]];
	__u32 block = pool->block[port / 64];
	const struct xdplb_nat_record *record = &maps->nat[block * 64 + port % 64];
	struct endpoint client = { .port = record->client_port };

	audit->nat++;
	if (!block || !(maps->blocks[block].used >> (port % 64) & 1)) {
		wrong(audit, "a flow of backend %u has port %u, which is free", id, port);
		return;
	}
	memcpy(client.addr, record->client, sizeof(client.addr));
	if (record->backend != id || flow_key(maps, backend->service, &client) != flow->key)
		wrong(audit,
		      "the record of backend %u and port %u is backend %u's, or another client's",
		      id, port, record->backend);
}

static void flow_check(const struct maps *maps, const struct xdplb_flow *flow, __u64 *counts,
		       struct audit *audit)
{
	__u32 state = XDPLB_FIELD(flow->value, STATE), id = XDPLB_FIELD(flow->value, BACKEND);

	if (state == XDPLB_FLOW_FREE && !flow->key)
		return;
	if (state <= XDPLB_FLOW_BUSY || !flow->key || id >= XDPLB_BACKENDS) {
		wrong(audit, "an entry has key %llx and value %llx", flow->key, flow->value);
		return;
	}
	audit->entries++;
	audit->active += is_active(state);
	counts[id] += (1ULL << 32) + is_active(state);
	if (flow_method(flow->value) == XDPLB_NAT)
		nat_check(maps, flow, audit);
}

static int compare(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* No flow is there twice. */
static void keys_check(const struct maps *maps, __u32 entries, struct audit *audit)
{
	__u64 *keys = calloc(entries + 1, sizeof(*keys));
	__u32 count = 0;

	if (!keys)
		die("no memory");
	for (__u32 i = 0; i < entries; i++) {
		keys[count] = maps->flows[i / XDPLB_WAYS].way[i % XDPLB_WAYS].key;
		count += keys[count] != 0;
	}
	qsort(keys, count, sizeof(*keys), compare);
	for (__u32 i = 1; i < count; i++)
		if (keys[i] == keys[i - 1])
			wrong(audit, "key %llx is there twice", keys[i]);
	free(keys);
}

static void ports_count(const struct maps *maps, struct audit *audit)
{
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		for (__u32 group = 0; group < XDPLB_GROUPS && maps->pools[id].proto; group++) {
			__u32 block = maps->pools[id].block[group];

			if (!block)
				continue;
			audit->ports += __builtin_popcountll(maps->blocks[block].used);
			if (maps->blocks[block].pool != id || maps->blocks[block].group != group)
				wrong(audit, "pool %u has block %u, which is pool %u's", id, block,
				      maps->blocks[block].pool);
		}
	if (audit->ports != audit->nat)
		wrong(audit, "%u ports are taken, and %u flows have one", audit->ports, audit->nat);
}

/* No record is left of a flow that is over. */
static void records_count(const struct maps *maps, struct audit *audit)
{
	__u32 records = 0;

	for (__u32 i = 0; i < maps->blocks_count * 64; i++)
		records += maps->nat[i].backend != 0;
	if (records != audit->nat)
		wrong(audit, "there are %u records, and %u flows have one", records, audit->nat);
}

void audit_make(const struct maps *maps, struct audit *audit)
{
	__u64 *counts = calloc(XDPLB_BACKENDS, sizeof(*counts));
	__u32 buckets = maps->config->flow_mask + 1;

	memset(audit, 0, sizeof(*audit));
	if (!counts)
		die("no memory");
	for (__u32 i = 0; i < buckets * XDPLB_WAYS; i++)
		flow_check(maps, &maps->flows[i / XDPLB_WAYS].way[i % XDPLB_WAYS], counts, audit);
	for (__u32 id = 0; id < XDPLB_BACKENDS; id++)
		if (counts[id] != maps->active[id].flows)
			wrong(audit,
			      "backend %u counts %u entries, %d active; the table has %u and %u",
			      id, XDPLB_ENTRIES(maps->active[id].flows),
			      (int)XDPLB_ACTIVE(maps->active[id].flows), XDPLB_ENTRIES(counts[id]),
			      XDPLB_ACTIVE(counts[id]));
	free(counts);
	keys_check(maps, buckets * XDPLB_WAYS, audit);
	ports_count(maps, audit);
	records_count(maps, audit);
}

bool audit_report(const struct maps *maps, const char *name)
{
	struct audit audit;

	audit_make(maps, &audit);
	printf("# %u entries, %u active, %u with nat\n", audit.entries, audit.active, audit.nat);
	if (audit.wrong)
		printf("not ok %s: %u wrong, the first: %s\n", name, audit.wrong, audit.what);
	else
		printf("ok %s\n", name);
	return !audit.wrong;
}
