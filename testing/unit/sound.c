// SPDX-License-Identifier: GPL-2.0-only
#include "sound.h"

#include <string.h>

#include "../../loader/collect.h"
#include "../../loader/directory.h"
#include "../../loader/flows.h"
#include "../../loader/services.h"
#include "../../loader/sets.h"
#include "../../loader/sharing.h"
#include "stand_in.h"
#include "unit.h"

struct xdplb_directory_entry *found(enum xdplb_kind kind, const __be32 addr[4], __be16 port,
				    __u8 proto)
{
	struct xdplb_directory_entry *entry = directory_find(&balancer, kind, addr, port, proto);

	if (entry)
		assert_true(balancer.config->kinds & 1 << kind);
	return entry;
}

bool is_live(__u32 id)
{
	const struct xdplb_service *service = &balancer.services[id];
	const struct xdplb_directory_entry *entry;

	if (!service->proto || !service_set(&balancer, id))
		return false;
	entry = found(XDPLB_KIND_SERVICE, service->addr, service->port, service->proto);
	return entry && entry->index == id;
}

/* A reply of a backend with nat finds its pool. */
static void assert_pool(const struct xdplb_backend *backend, __u32 pool)
{
	const struct xdplb_directory_entry *entry =
		found(XDPLB_KIND_BACKEND, backend->addr, backend->port, backend->proto);
	__u32 at = entry ? entry->index : 0;
	int steps = 0;

	assert_true(pool && balancer.pools[pool].proto == backend->proto);
	while (at && at != pool && steps++ <= XDPLB_SNATS)
		at = balancer.pools[at].next;
	assert_int_equal(at, pool);
}

void assert_method(__u32 id, __u8 forward)
{
	enum xdplb_kind kind = sharing_kind(forward);

	if (kind && !sharing_has(&balancer, kind, id))
		fail_msg("backend %u of a flow with method %u is not found", id, forward);
	if (kind)
		assert_true(balancer.config->kinds & 1 << kind);
}

/* A packet that is handed to a backend of this service has all it needs on its way. */
static void assert_set(__u32 service)
{
	const struct xdplb_set *set = set_of(&balancer, service);

	assert_int_equal(set->service, service);
	for (__u32 i = 0; i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(&balancer, service, i);
		const struct xdplb_backend *backend = &balancer.backends[entry->backend];

		assert_true(backend->flags & XDPLB_BACKEND_USED);
		assert_int_equal(backend->service, service);
		assert_method(entry->backend, set->forward);
		if (set->forward == XDPLB_GUE || set->forward == XDPLB_IPIP)
			assert_true(is_address(backend->source));
		if (set->forward != XDPLB_NAT)
			continue;
		assert_true(backend->pools != 0);
		for (int p = 0; p < XDPLB_SNATS; p++)
			if (backend->pools & 1 << p)
				assert_pool(backend, backend->pool[p]);
	}
}

/* An id in a slot is of a backend that packets may go to. */
static void assert_owner(__u32 service, __u32 id)
{
	if (!id)
		return;
	if (!(balancer.backends[id].flags & XDPLB_BACKEND_USED))
		fail_msg("a slot of service %u is of backend %u, which is gone", service, id);
	assert_int_equal(balancer.backends[id].service, service);
	assert_true(balancer.backends[id].timeout[XDPLB_FLOW_ESTABLISHED] != 0);
}

static void assert_slots(__u32 service)
{
	const struct marks marks = set_marks(&balancer, service);
	bool open = marks_in_window(marks.window_end, clock_seconds());

	for (__u32 s = 0; s < marks.slots; s++) {
		assert_owner(service, XDPLB_SLOT_OWNER(marks.slot[s]));
		if (marks.pick == XDPLB_PICK_HASH && open && marks.slot[s] & XDPLB_SLOT_ADOPT)
			assert_owner(service, XDPLB_SLOT_PREVIOUS(marks.slot[s]));
	}
	for (__u32 s = 0; open && s < marks.old_slots; s++)
		assert_owner(service, marks.old_slot[s]);
}

/* Said once more by the backends themselves when a command is over. */
static void assert_states(__u32 service)
{
	const struct xdplb_set *set = set_of(&balancer, service);
	__u8 taking = set_taking(&balancer, service);

	for (__u32 i = 0; i < set->backends; i++) {
		const struct xdplb_set_backend *entry = set_backend(&balancer, service, i);

		assert_int_equal(balancer.backends[entry->backend].flags & ~XDPLB_BACKEND_SPREAD,
				 XDPLB_BACKEND_USED |
					 (entry->state == XDPLB_DOWN ? XDPLB_BACKEND_DOWN : 0) |
					 (entry->state == taking ? XDPLB_BACKEND_OPEN : 0));
	}
}

static void assert_address(__u32 service)
{
	const __be32 *addr = balancer.services[service].addr;
	const struct xdplb_directory_entry *entry = found(XDPLB_KIND_ADDRESS, addr, 0, 0);

	assert_non_null(entry);
	assert_true(is_live(entry->index));
	assert_memory_equal(balancer.services[entry->index].addr, addr, 16);
}

/* What flows that go on need. */
static void assert_flows(__u32 id)
{
	const struct xdplb_backend *backend = &balancer.backends[id];

	assert_true(backend->flags & XDPLB_BACKEND_USED);
	assert_true(balancer.services[backend->service].proto != 0);
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++)
		if (flows[id].of[forward])
			assert_method(id, forward);
	if (flows[id].of[XDPLB_NAT])
		assert_pool(backend, flows[id].pool);
}

/* Every directory entry leads to something of its kind that is in use; one of a kind and key. */
static void assert_directory(void)
{
	__u32 keys = 0, right = 0;

	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		for (int w = 0; w < XDPLB_WAYS; w++)
			keys += balancer.directory[b].way[w].key != 0;
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_directory_entry *entry;

		if (!is_live(id))
			continue;
		right++;
		entry = found(XDPLB_KIND_ADDRESS, balancer.services[id].addr, 0, 0);
		right += entry && entry->index == id;
	}
	for (__u32 id = 1; id < XDPLB_POOLS; id++) {
		const struct xdplb_pool *pool = &balancer.pools[id];
		const struct xdplb_directory_entry *entry;

		if (!pool->proto)
			continue;
		entry = found(XDPLB_KIND_BACKEND, pool->backend_addr, pool->backend_port,
			      pool->proto);
		right += entry && entry->index == id;
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		const struct xdplb_backend *backend = &balancer.backends[id];
		const struct xdplb_directory_entry *entry;

		if (!backend->flags)
			continue;
		entry = found(XDPLB_KIND_DNAT, backend->addr, backend->port, backend->proto);
		right += entry && entry->index == id;
		entry = found(XDPLB_KIND_TUNNEL, backend->addr, 0, 0);
		right += entry && entry->index == id;
	}
	assert_int_equal(keys, right);
}

/* Those to whom flows may still be adopted. */
static void keep_previous(__u32 service, bool *kept)
{
	const struct marks marks = set_marks(&balancer, service);

	if (!marks_in_use(marks.window_end, clock_seconds()))
		return;
	for (__u32 s = 0; s < marks.slots; s++)
		if (marks.pick == XDPLB_PICK_HASH && marks.slot[s] & XDPLB_SLOT_ADOPT)
			kept[XDPLB_SLOT_PREVIOUS(marks.slot[s])] = true;
	for (__u32 s = 0; s < marks.old_slots; s++)
		kept[marks.old_slot[s]] = true;
}

void assert_no_litter(void)
{
	static bool needed[XDPLB_SERVICES], kept[XDPLB_BACKENDS];

	memset(needed, 0, sizeof(needed));
	memset(kept, 0, sizeof(kept));
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		needed[id] = is_live(id);
		for (__u32 i = 0; needed[id] && i < set_of(&balancer, id)->backends; i++)
			kept[set_backend(&balancer, id, i)->backend] = true;
		if (needed[id])
			keep_previous(id, kept);
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++) {
		if (has_flows(id))
			needed[balancer.backends[id].service] = true;
		else if (!kept[id])
			assert_int_equal(balancer.backends[id].flags, 0);
	}
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		assert_int_equal(balancer.services[id].proto != 0, needed[id]);
}

void assert_sound(void)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		if (!is_live(id))
			continue;
		assert_set(id);
		assert_slots(id);
		assert_states(id);
		assert_address(id);
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (has_flows(id))
			assert_flows(id);
	assert_directory();
}

void assert_empty(void)
{
	bool gone[XDPLB_SERVICES] = {};

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		gone[id] = is_live(id);
	assert_int_equal(services_remove(&balancer, gone), 0);
	memset(flows, 0, XDPLB_BACKENDS * sizeof(*flows));
	memset(balancer.active, 0, XDPLB_BACKENDS * sizeof(*balancer.active));
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		memset(balancer.pools[id].claimed, 0, sizeof(balancer.pools[id].claimed));
	/* Twice: a pool goes when the backend it belonged to is gone. */
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer_collect(&balancer), 0);
	for (__u32 b = 0; b < XDPLB_DIRECTORY_BUCKETS; b++)
		for (int w = 0; w < XDPLB_WAYS; w++)
			assert_true(balancer.directory[b].way[w].key == 0);
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		assert_int_equal(balancer.services[id].proto, 0);
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		assert_int_equal(balancer.backends[id].flags, 0);
	for (__u32 id = 1; id < XDPLB_POOLS; id++)
		assert_int_equal(balancer.pools[id].proto, 0);
	assert_int_equal(balancer.config->kinds, 0);
}

void assert_in_force(void)
{
	for (__u32 id = 1; id < SERVICES_HERE; id++) {
		if (!is_live(id))
			continue;
		assert_set(id);
		assert_slots(id);
	}
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		if (has_flows(id))
			assert_flows(id);
}
