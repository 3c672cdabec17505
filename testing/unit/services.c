// SPDX-License-Identifier: GPL-2.0-only
/*
 * loader/services.c and what it changes the tables with: any commands in any
 * order, with flows, and with commands that are killed, leave tables in which
 * the program finds everything it needs and nothing that is gone.
 */
#include "../../loader/services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../loader/backends.h"
#include "../../loader/change.h"
#include "../../loader/collect.h"
#include "../../loader/directory.h"
#include "../../loader/flows.h"
#include "../../loader/machine.h"
#include "../../loader/pools.h"
#include "../../loader/ports.h"
#include "../../loader/sets.h"
#include "../../loader/sharing.h"
#include "../../loader/ways.h"
#include "unit.h"
#include "../../xdp/hash.h"

#define FLOW_BUCKETS 64
#define SERVICES_HERE 64 /* more than there are at once */

/* ---- what takes the place of the kernel ------------------------------------------ */

static struct balancer balancer;

/* Flows to a backend, by the method they began with. */
struct flows {
	bool of[XDPLB_GUE + 1];
	__u32 pool; /* of nat */
};

static struct flows *flows; /* by backend id */

static bool has_flows(__u32 id)
{
	for (int forward = XDPLB_NAT; forward <= XDPLB_GUE; forward++)
		if (flows[id].of[forward])
			return true;
	return false;
}

/* As the program counts them. */
static void flow_set(__u32 id, __u8 forward, bool begins)
{
	flows[id].of[forward] = begins;
	balancer.active[id].flows = has_flows(id) ? 1ULL << 32 : 0;
}

int balancer_backend_counts(const struct balancer *of, __u32 id, struct xdplb_backend_cpu *sum)
{
	(void)of, (void)id;
	*sum = (struct xdplb_backend_cpu){};
	return 0;
}

static int steps_left; /* 0: for ever */

/* Where a command is waiting, and may be killed. */
static int step(void)
{
	if (steps_left && !--steps_left)
		raise(SIGKILL);
	return 0;
}

static void (*watch)(void); /* what a packet finds meanwhile */

int balancer_grace(void)
{
	if (watch)
		watch();
	return step();
}

void backend_state_set(struct xdplb_backend *backend, __u8 state, bool open)
{
	backend->flags = (backend->flags & XDPLB_BACKEND_SPREAD) | XDPLB_BACKEND_USED |
			 (state == XDPLB_DOWN ? XDPLB_BACKEND_DOWN : 0) |
			 (open ? XDPLB_BACKEND_OPEN : 0);
}

int balancer_map_flows(struct balancer *of)
{
	(void)of;
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)fd, (void)key, (void)value, (void)flags;
	return step();
}

int ports_publish(struct balancer *of)
{
	(void)of;
	return step();
}

void machine_prepare(struct balancer *of)
{
	(void)of;
}

static const __be32 own_address[2][4] = { { 0x0900000a }, { 0x000000fd, 0, 0, 0x09000000 } };

int ways_find(const struct wanted_service *wanted, struct next_hop *way)
{
	for (int i = 0; i < wanted->backends; i++)
		memcpy(way[i].source, own_address[xdplb_is_ipv6(wanted->backend[i].addr)], 16);
	return 0;
}

void ways_ask(const struct wanted_service *wanted, const struct next_hop *way, const bool *stays,
	      struct asked *asked)
{
	(void)wanted, (void)way, (void)stays, (void)asked;
}

void ways_wait(struct asked *asked, int *steps)
{
	(void)asked, (void)steps;
	step();
}

void ways_keep(const struct wanted_service *wanted, const struct next_hop *way, int *steps)
{
	(void)wanted, (void)way, (void)steps;
	step();
}

void ways_forget(const struct balancer *of, __u32 service, const struct wanted_service *before,
		 const struct wanted_service *wanted)
{
	(void)of, (void)service, (void)before, (void)wanted;
}

/* Seen by a child too, whose writes outlive it. */
static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

static void make(void)
{
	balancer.cpus = 1;
	balancer.config = shared(sizeof(*balancer.config));
	balancer.directory = shared(XDPLB_DIRECTORY_BUCKETS * sizeof(*balancer.directory));
	balancer.services = shared(XDPLB_SERVICES * sizeof(*balancer.services));
	balancer.backends = shared(XDPLB_BACKENDS * sizeof(*balancer.backends));
	balancer.sets = shared(XDPLB_SET_LINES * sizeof(*balancer.sets));
	balancer.pools = shared(XDPLB_POOLS * sizeof(*balancer.pools));
	balancer.active = shared(XDPLB_BACKENDS * sizeof(*balancer.active));
	balancer.tables = shared(XDPLB_TABLES * sizeof(*balancer.tables));
	balancer.ports = shared(XDPLB_PORTS * sizeof(*balancer.ports));
	balancer.flows = shared(FLOW_BUCKETS * sizeof(*balancer.flows));
	balancer.config->flow_mask = FLOW_BUCKETS - 1;
	balancer.config->seed[0] = random_64();
	balancer.config->seed[1] = random_64();
	flows = shared(XDPLB_BACKENDS * sizeof(*flows));
	said_reset();
}

static void forget(void)
{
	munmap(balancer.config, sizeof(*balancer.config));
	munmap(balancer.directory, XDPLB_DIRECTORY_BUCKETS * sizeof(*balancer.directory));
	munmap(balancer.services, XDPLB_SERVICES * sizeof(*balancer.services));
	munmap(balancer.backends, XDPLB_BACKENDS * sizeof(*balancer.backends));
	munmap(balancer.sets, XDPLB_SET_LINES * sizeof(*balancer.sets));
	munmap(balancer.pools, XDPLB_POOLS * sizeof(*balancer.pools));
	munmap(balancer.flows, FLOW_BUCKETS * sizeof(*balancer.flows));
	munmap(balancer.tables, XDPLB_TABLES * sizeof(*balancer.tables));
	munmap(balancer.ports, XDPLB_PORTS * sizeof(*balancer.ports));
	munmap(balancer.active, XDPLB_BACKENDS * sizeof(*balancer.active));
	munmap(flows, XDPLB_BACKENDS * sizeof(*flows));
}

/* ---- what must be so ---------------------------------------------------------------- */

static struct xdplb_directory_entry *found(enum xdplb_kind kind, const __be32 addr[4], __be16 port,
					   __u8 proto)
{
	struct xdplb_directory_entry *entry = directory_find(&balancer, kind, addr, port, proto);

	if (entry)
		assert_true(balancer.config->kinds & 1 << kind);
	return entry;
}

static bool is_live(__u32 id)
{
	const struct xdplb_service *service = &balancer.services[id];
	const struct xdplb_directory_entry *entry;

	if (!service->proto || !service_set(&balancer, id))
		return false;
	entry = found(XDPLB_KIND_SERVICE, service->addr, service->port, service->proto);
	return entry && entry->index == id;
}

static int remove_one(__u32 id)
{
	bool gone[XDPLB_SERVICES] = {};

	gone[id] = true;
	return services_remove(&balancer, gone);
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

/* A backend has what this method needs to find it. */
static void assert_method(__u32 id, __u8 forward)
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

/* Nothing is kept that neither a service in force nor a flow needs. */
static void assert_no_litter(void)
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

/* After a command that ran to its end. */
static void assert_sound(void)
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

/* Nothing is left when nothing is wanted and no flow goes on. */
static void assert_empty(void)
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

/* ---- commands ------------------------------------------------------------------------ */

/* One of few services, so that they meet: in addresses, in backends, in ports. */
static void service_random(struct service_address *at)
{
	__u32 number = random_from(0, 2);

	memset(at, 0, sizeof(*at));
	at->addr[0] = htonl(0xc0000201 + number);
	if (random_64() % 2) {
		at->addr[0] = htonl(0x20010db8);
		at->addr[3] = htonl(number + 1);
	}
	at->port = htons(random_from(80, 81));
	at->proto = random_64() % 4 ? IPPROTO_TCP : IPPROTO_UDP;
}

static void backend_random(const struct wanted_service *wanted, struct wanted_backend *backend,
			   __u32 number)
{
	bool maps = wanted->forward == XDPLB_NAT || wanted->forward == XDPLB_DNAT;
	bool ipv6 = xdplb_is_ipv6(wanted->at.addr);

	if (forward_wraps(wanted->forward))
		ipv6 = random_64() % 2;
	*backend =
		(struct wanted_backend){ .weight = random_from(1, 3), .state = random_from(1, 4) };
	backend->addr[0] = htonl(ipv6 ? 0xfd000000 : 0x0a000001 + number);
	backend->addr[3] = ipv6 ? htonl(number + 1) : 0;
	backend->port = maps ? htons(random_from(80, 81)) : wanted->at.port;
}

/* Some are given, each as often as not. */
static void options_random(struct wanted_service *wanted)
{
	bool ipv6 = xdplb_is_ipv6(wanted->at.addr);

	wanted->scheduler = random_from(XDPLB_RR, XDPLB_P2C);
	wanted->affinity_given = random_64() % 2;
	if (random_64() % 3 == 0)
		wanted->affinity = random_from(1, ipv6 ? 128 : 32);
	wanted->slow_given = random_64() % 2;
	wanted->slow_start = random_64() % 3 ? 0 : random_from(1, 100);
	wanted->table = random_64() % 3 ? 251 : 509; /* automatic sizes warn when they change */
	wanted->table_given = wanted->scheduler == XDPLB_MAGLEV || wanted->scheduler == XDPLB_SH;
	wanted->window = random_64() % 2 ? 0 : random_from(1, 1000);
	wanted->udp = WANTED_UDP_TRACKED;
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		wanted->timeout[i] = random_64() % 2 ? 0 : random_from(1, XDPLB_TIMEOUT_MAX);
	if (!wanted->affinity_given)
		wanted->affinity = 0;
	if (!wanted->slow_given)
		wanted->slow_start = 0;
	if (!wanted->table_given)
		wanted->table = 0;
	if (wanted->scheduler != XDPLB_MAGLEV && wanted->scheduler != XDPLB_SH)
		wanted->table = wanted->table_given = 0;
}

static void wanted_random(struct wanted_service *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	service_random(&wanted->at);
	options_random(wanted);
	wanted->forward = random_from(XDPLB_NAT, XDPLB_GUE);
	wanted->backends = random_from(0, 4);
	wanted->backend = calloc(wanted->backends + 1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	for (int i = 0; i < wanted->backends; i++)
		backend_random(wanted, &wanted->backend[i], i);
	if (wanted->forward == XDPLB_DNAT || wanted->forward == XDPLB_DSR || random_64() % 2)
		return;
	wanted->snat_given = true;
	wanted->snats = 1;
	memcpy(wanted->snat[0], own_address[xdplb_is_ipv6(wanted->at.addr)], 16);
	wanted->snat[0][0] += htonl(random_from(0, 1) << 8);
}

/* What is given is what is in force; what is left open is what was, or the default. */
static void assert_options(const struct wanted_service *given, const struct wanted_service *was,
			   const struct wanted_service *got)
{
	static const __u16 usual[XDPLB_TIMEOUTS] = { 900, 120, 300, 300 };

	assert_int_equal(got->scheduler, given->scheduler);
	assert_int_equal(got->affinity, given->affinity_given ? given->affinity : was->affinity);
	assert_int_equal(got->slow_start, given->slow_given ? given->slow_start : was->slow_start);
	assert_int_equal(got->table, given->table_given ? given->table : was->table);
	assert_int_equal(got->window, given->window ? given->window :
				      was->window   ? was->window :
						      300);
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		assert_int_equal(got->timeout[i], given->timeout[i] ? given->timeout[i] :
						  was->timeout[i]   ? was->timeout[i] :
								      usual[i]);
}

static void apply_random(void)
{
	struct wanted_service wanted, given, got, was = {};
	__u32 id;

	wanted_random(&wanted);
	given = wanted;
	id = service_find(&balancer, &wanted.at);
	if (id)
		assert_int_equal(set_read(&balancer, id, &was), 0);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	id = service_find(&balancer, &wanted.at);
	assert_true(id != 0);
	assert_int_equal(set_read(&balancer, id, &got), 0);
	assert_options(&given, &was, &got);
	assert_int_equal(got.forward, wanted.forward);
	assert_int_equal(got.backends, wanted.backends);
	assert_int_equal(got.snats, wanted.snats);
	for (int i = 0; i < got.backends; i++) {
		assert_memory_equal(got.backend[i].addr, wanted.backend[i].addr, 16);
		assert_int_equal(got.backend[i].port, wanted.backend[i].port);
		assert_int_equal(got.backend[i].state, wanted.backend[i].state);
		assert_int_equal(got.backend[i].weight, wanted.backend[i].weight);
	}
	wanted_free(&was);
	wanted_free(&got);
	wanted_free(&wanted);
}

static void delete_random(void)
{
	struct service_address at;
	__u32 id;

	service_random(&at);
	id = service_find(&balancer, &at);
	if (!id)
		return;
	assert_int_equal(remove_one(id), 0);
	assert_int_equal(service_find(&balancer, &at), 0);
}

/* A flow begins as the program would have it, or all of a backend end. */
static void flow_random(void)
{
	__u32 id = random_from(1, SERVICES_HERE - 1);
	const struct xdplb_set *set = set_of(&balancer, id);
	__u32 backend;

	if (!is_live(id) || !set->backends)
		return;
	backend = set_backend(&balancer, id, random_64() % set->backends)->backend;
	if (set->forward == XDPLB_NAT && !flows[backend].of[XDPLB_NAT]) {
		__u32 pools = balancer.backends[backend].pools;

		flows[backend].pool = balancer.backends[backend].pool[__builtin_ctz(pools)];
		balancer.pools[flows[backend].pool].claimed[0]++;
	}
	flow_set(backend, set->forward, true);
}

static void flows_end_random(void)
{
	__u32 id = random_from(1, 60);

	if (flows[id].of[XDPLB_NAT])
		balancer.pools[flows[id].pool].claimed[0]--;
	memset(&flows[id], 0, sizeof(flows[id]));
	balancer.active[id].flows = 0;
}

/* Windows come to their end. */
static void time_passes(__u32 seconds)
{
	for (__u32 id = 1; id < SERVICES_HERE; id++) {
		__u32 line = service_set(&balancer, id);

		if (line && balancer.sets[line].head.window_end > seconds)
			balancer.sets[line].head.window_end -= seconds;
	}
}

/* While a command waits. */
static void assert_in_force(void)
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

static void any_order(void **state)
{
	(void)state;
	make();
	watch = assert_in_force;
	for (int i = 0; i < 250; i++) {
		if (random_64() % 4)
			apply_random();
		else
			delete_random();
		assert_sound();
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		for (int j = 0; j < 4; j++)
			flow_random();
		for (int j = 0; j < 6; j++)
			flows_end_random();
		if (i % 4 == 0)
			time_passes(random_from(1, 400));
		assert_int_equal(said_lines(), 0);
	}
	watch = NULL;
	assert_empty();
	forget();
}

/* What fails here ends the child, which no signal of ours did then. */
static void commands_forever(void)
{
	struct wanted_service wanted;
	struct service_address at;
	__u32 id;

	for (;;) {
		wanted_random(&wanted);
		if (service_apply(&balancer, &wanted))
			_exit(1);
		wanted_free(&wanted);
		service_random(&at);
		id = random_64() % 3 ? 0 : service_find(&balancer, &at);
		if (id && remove_one(id))
			_exit(1);
	}
}

/* Commands in a child that is killed somewhere; the next command meets what it left. */
static void killed(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 120; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (!child) {
			steps_left = i % 2 ? random_from(1, 20) : 0;
			commands_forever();
		}
		if (!(i % 2)) {
			usleep(random_from(500, 60000));
			kill(child, SIGKILL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		for (int j = 0; j < i; j++)
			random_64(); /* so that the next child's commands are other ones */
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		for (int j = 0; j < 4; j++)
			flow_random();
		for (int j = 0; j < 6; j++)
			flows_end_random();
		if (i % 4 == 0)
			time_passes(random_from(1, 400));
	}
	assert_empty();
	forget();
}

static void wanted_make(struct wanted_service *wanted, __u8 forward, const char *service,
			const char *backend)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service(service, &wanted->at), 0);
	wanted->forward = forward;
	wanted->backend = calloc(1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	wanted->backends = 1;
	assert_int_equal(parse_backend(backend, &wanted->at, wanted->backend), 0);
}

static __u32 apply(__u8 forward, const char *service, const char *backend)
{
	struct wanted_service wanted;
	__u32 id;

	wanted_make(&wanted, forward, service, backend);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	id = service_find(&balancer, &wanted.at);
	wanted_free(&wanted);
	return id;
}

/* The echo of an address goes on while any service has it. */
static void address_of_several(void **state)
{
	const __be32 addr[4] = { htonl(0xc000020a) };
	__u32 first, second;

	(void)state;
	make();
	first = apply(XDPLB_NAT, "192.0.2.10:80", "10.0.0.1");
	second = apply(XDPLB_DSR, "192.0.2.10:81", "10.0.0.1");
	assert_int_equal(found(XDPLB_KIND_ADDRESS, addr, 0, 0)->index, first);
	assert_int_equal(remove_one(first), 0);
	assert_int_equal(found(XDPLB_KIND_ADDRESS, addr, 0, 0)->index, second);
	assert_int_equal(remove_one(second), 0);
	assert_null(found(XDPLB_KIND_ADDRESS, addr, 0, 0));
	assert_empty();
	forget();
}

/* dnat to ipip and to nat while its flows last: their replies are found till the last has ended. */
static void method_changes(void **state)
{
	const __be32 addr[4] = { htonl(0x0a000001) };
	__u32 service, id;

	(void)state;
	make();
	service = apply(XDPLB_DNAT, "192.0.2.10:80", "10.0.0.1");
	id = set_backend(&balancer, service, 0)->backend;
	flow_set(id, XDPLB_DNAT, true);
	assert_int_equal(apply(XDPLB_IPIP, "192.0.2.10:80", "10.0.0.1"), service);
	assert_int_equal(set_backend(&balancer, service, 0)->backend, id);
	assert_int_equal(found(XDPLB_KIND_DNAT, addr, htons(80), 6)->index, id);
	assert_int_equal(found(XDPLB_KIND_TUNNEL, addr, 0, 0)->index, id);
	apply(XDPLB_NAT, "192.0.2.10:80", "10.0.0.1");
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(found(XDPLB_KIND_DNAT, addr, htons(80), 6)->index, id);
	assert_non_null(found(XDPLB_KIND_BACKEND, addr, htons(80), 6));
	flow_set(id, XDPLB_DNAT, false);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_null(found(XDPLB_KIND_DNAT, addr, htons(80), 6));
	assert_null(found(XDPLB_KIND_TUNNEL, addr, 0, 0));
	assert_false(balancer.config->kinds & (1 << XDPLB_KIND_DNAT | 1 << XDPLB_KIND_TUNNEL));
	assert_empty();
	forget();
}

/* Source addresses are the method's, and stay only while that does. */
static void sources_of_the_method(void **state)
{
	struct wanted_service wanted;
	__u32 service, id;

	(void)state;
	make();
	wanted_make(&wanted, XDPLB_GUE, "192.0.2.10:80", "fd00::1");
	wanted.snat_given = true;
	wanted.snats = 1;
	memcpy(wanted.snat[0], own_address[1], 16);
	wanted.snat[0][3] = htonl(77);
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	service = service_find(&balancer, &wanted.at);
	id = set_backend(&balancer, service, 0)->backend;
	assert_memory_equal(balancer.backends[id].source, wanted.snat[0], 16);
	assert_false(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = false;
	wanted.snats = 0;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_int_equal(wanted.snats, 1);
	wanted.forward = XDPLB_IPIP;
	wanted.snats = 0;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_int_equal(wanted.snats, 0);
	assert_memory_equal(balancer.backends[id].source, own_address[1], 16);
	assert_true(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = true;
	wanted.snats = 1;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_memory_equal(balancer.backends[id].source, wanted.snat[0], 16);
	assert_false(balancer.backends[id].flags & XDPLB_BACKEND_SPREAD);
	wanted.snat_given = false;
	wanted.snats = 0;
	wanted.forward = XDPLB_GUE;
	assert_int_equal(service_apply(&balancer, &wanted), 0);
	assert_memory_equal(balancer.backends[id].source, own_address[1], 16);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Services that come and go with the same backend, each leaving flows behind. */
static void made_again_and_again(void **state)
{
	(void)state;
	make();
	for (int i = 0; i < 3 * XDPLB_SHARED; i++) {
		__u32 service = apply(XDPLB_DNAT, "192.0.2.10:80", "10.0.0.1");
		__u32 id = set_backend(&balancer, service, 0)->backend;

		flow_set(id, XDPLB_DNAT, true);
		assert_method(id, XDPLB_DNAT);
		assert_int_equal(remove_one(service), 0);
	}
	assert_int_equal(said_lines(), 0);
	assert_empty();
	forget();
}

/* What is refused leaves the service as it was. */
static void refused(void **state)
{
	struct wanted_service wanted;
	__u32 service;

	(void)state;
	make();
	for (int i = 0; i < XDPLB_SHARED; i++) {
		char text[ADDRESS_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%d:80", i + 1);
		apply(XDPLB_DNAT, text, "10.0.0.1");
	}
	service = apply(XDPLB_NAT, "192.0.2.100:80", "10.0.0.2");
	said_reset();
	wanted_make(&wanted, XDPLB_DNAT, "192.0.2.100:80", "10.0.0.1");
	assert_int_equal(service_apply(&balancer, &wanted), -E2BIG);
	assert_said("dnat", "backend 10.0.0.1:80: 16 services use it with dnat already");
	assert_int_equal(set_of(&balancer, service)->forward, XDPLB_NAT);
	assert_sound();
	wanted_free(&wanted);
	wanted_make(&wanted, XDPLB_DNAT, "192.0.2.101:80", "10.0.0.1");
	assert_int_equal(service_apply(&balancer, &wanted), -E2BIG);
	assert_int_equal(service_find(&balancer, &wanted.at), 0);
	assert_sound();
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* ---- several services at once ---------------------------------------------------------- */

#define TOGETHER 5

/* Version 1 has services 0 to 3 with weight 1, version 2 services 1 to 4 with weight 2. */
static void version_make(struct wanted_service *wanted, int number, int version)
{
	char service[ADDRESS_TEXT], backend[ADDRESS_TEXT];

	snprintf(service, sizeof(service), "192.0.2.%d:80", number + 1);
	snprintf(backend, sizeof(backend), "10.0.0.%d:80,weight=%d", number + 1, version);
	wanted_make(wanted, XDPLB_NAT, service, backend);
	assert_int_equal(wanted_complete(&(struct wanted_service){}, wanted), 0);
}

static bool version_has(int number, int version)
{
	return number != (version == 1 ? TOGETHER - 1 : 0);
}

static int version_apply(int version)
{
	struct wanted_service wanted[TOGETHER];
	bool gone[XDPLB_SERVICES] = {};
	struct change change = { .gone = gone };
	int err = 0;

	for (int i = 0; i < TOGETHER; i++) {
		version_make(&wanted[i], i, version);
		if (version_has(i, version))
			assert_int_equal(change_add(&change, &wanted[i]), 0);
		else
			gone[service_find(&balancer, &wanted[i].at)] = true;
	}
	gone[0] = false;
	err = change_run(&balancer, &change);
	change_free(&change);
	for (int i = 0; i < TOGETHER; i++)
		wanted_free(&wanted[i]);
	return err;
}

/* All that packets find is this version. */
static bool is_version(int version)
{
	for (int i = 0; i < TOGETHER; i++) {
		struct wanted_service wanted;
		__u32 id;

		version_make(&wanted, i, version);
		id = service_find(&balancer, &wanted.at);
		wanted_free(&wanted);
		if (!!id != version_has(i, version) ||
		    (id && set_backend(&balancer, id, 0)->weight != version))
			return false;
	}
	return true;
}

/* Wherever a change of several services is killed, all of them have changed, or none. */
static void together(void **state)
{
	int seen[3] = {}, status = 1;

	(void)state;
	make();
	for (int steps = 1; status; steps++) {
		pid_t child;

		assert_int_equal(version_apply(1), 0);
		assert_true(is_version(1));
		child = fork();
		assert_true(child >= 0);
		if (!child) {
			steps_left = steps;
			_exit(version_apply(2) ? 1 : 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) || !status);
		assert_true(is_version(1) || is_version(2));
		seen[is_version(2) ? 2 : 1]++;
		assert_int_equal(balancer_collect(&balancer), 0);
		assert_sound();
		assert_no_litter();
		assert_true(is_version(1) || is_version(2));
	}
	assert_true(is_version(2));
	assert_true(seen[1] > 2 && seen[2] > 2);
	assert_empty();
	forget();
}

/* What cannot be made of several leaves all as they were. */
static void together_refused(void **state)
{
	struct wanted_service wanted[2];
	struct change change = {};

	(void)state;
	make();
	for (int i = 0; i < XDPLB_SHARED; i++) {
		char text[ADDRESS_TEXT];

		snprintf(text, sizeof(text), "192.0.2.%d:81", i + 1);
		apply(XDPLB_DNAT, text, "10.0.0.9");
	}
	said_reset();
	wanted_make(&wanted[0], XDPLB_NAT, "192.0.2.1:81", "10.0.0.1");
	wanted_make(&wanted[1], XDPLB_DNAT, "192.0.2.100:81", "10.0.0.9");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wanted_complete(&(struct wanted_service){}, &wanted[i]), 0);
		assert_int_equal(change_add(&change, &wanted[i]), 0);
	}
	assert_int_equal(change_run(&balancer, &change), -E2BIG);
	assert_said("dnat", "backend 10.0.0.9:81: 16 services use it with dnat already");
	assert_int_equal(set_of(&balancer, service_find(&balancer, &wanted[0].at))->forward,
			 XDPLB_DNAT);
	assert_int_equal(service_find(&balancer, &wanted[1].at), 0);
	assert_sound();
	change_free(&change);
	wanted_free(&wanted[0]);
	wanted_free(&wanted[1]);
	assert_empty();
	forget();
}

/* ---- what a change tells the program ------------------------------------------------- */

/* A service of maglev and dsr with backends 10.0.0.1 to 10.0.0.n, all up. */
static void maglev_make(struct wanted_service *wanted, int n)
{
	memset(wanted, 0, sizeof(*wanted));
	assert_int_equal(parse_service("192.0.2.10:80", &wanted->at), 0);
	wanted->scheduler = XDPLB_MAGLEV;
	wanted->forward = XDPLB_DSR;
	wanted->table = 251;
	wanted->table_given = true;
	wanted->backends = n;
	wanted->backend = calloc(n + 1, sizeof(*wanted->backend));
	assert_non_null(wanted->backend);
	for (int i = 0; i < n; i++)
		wanted->backend[i] = (struct wanted_backend){ .addr = { htonl(0x0a000001 + i) },
							      .port = htons(80),
							      .weight = 1,
							      .state = XDPLB_UP };
}

static void apply_wanted(struct wanted_service *wanted)
{
	wanted->table_given = wanted->scheduler == XDPLB_MAGLEV || wanted->scheduler == XDPLB_SH;
	assert_int_equal(service_apply(&balancer, wanted), 0);
	assert_sound();
}

/* The record of backend `i` of the only service. */
static struct xdplb_backend *record(int i)
{
	return &balancer.backends[set_backend(&balancer, 1, i)->backend];
}

static void timeouts_in_records(void **state)
{
	static const __u16 given[XDPLB_TIMEOUTS] = { 50, 7, 33, 500 };
	static const __u16 right[XDPLB_FLOW_STATES] = {
		[XDPLB_FLOW_NEW] = 50,	      [XDPLB_FLOW_ESTABLISHED] = 50,
		[XDPLB_FLOW_ADOPTED] = 50,    [XDPLB_FLOW_FIN_CLIENT] = 7,
		[XDPLB_FLOW_FIN_BACKEND] = 7, [XDPLB_FLOW_CLOSED] = 7,
		[XDPLB_FLOW_RESET] = 7,	      [XDPLB_FLOW_UDP_NEW] = 33,
		[XDPLB_FLOW_UDP] = 33,	      [XDPLB_FLOW_CLIENT_NEW] = 500,
		[XDPLB_FLOW_CLIENT] = 500,
	};
	static const __u16 usual[XDPLB_FLOW_STATES] = {
		[XDPLB_FLOW_NEW] = 60,		[XDPLB_FLOW_ESTABLISHED] = 900,
		[XDPLB_FLOW_ADOPTED] = 900,	[XDPLB_FLOW_FIN_CLIENT] = 120,
		[XDPLB_FLOW_FIN_BACKEND] = 120, [XDPLB_FLOW_CLOSED] = 120,
		[XDPLB_FLOW_RESET] = 10,	[XDPLB_FLOW_UDP_NEW] = 300,
		[XDPLB_FLOW_UDP] = 300,		[XDPLB_FLOW_CLIENT_NEW] = 300,
		[XDPLB_FLOW_CLIENT] = 300,
	};
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	assert_memory_equal(record(1)->timeout, usual, sizeof(usual));
	memcpy(wanted.timeout, given, sizeof(given));
	apply_wanted(&wanted);
	assert_memory_equal(record(0)->timeout, right, sizeof(right));
	assert_memory_equal(record(1)->timeout, right, sizeof(right));
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Flows of a service that is gone are over, also those of backends that went before. */
static void deleted_forgets(void **state)
{
	static const __u16 none[XDPLB_FLOW_STATES];
	struct wanted_service wanted;
	__u32 first, second;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.scheduler = XDPLB_WRR;
	apply_wanted(&wanted);
	first = set_backend(&balancer, 1, 0)->backend;
	second = set_backend(&balancer, 1, 1)->backend;
	flow_set(first, XDPLB_DSR, true);
	flow_set(second, XDPLB_DSR, true);
	wanted.backends = 1;
	apply_wanted(&wanted);
	assert_true(balancer.backends[second].timeout[XDPLB_FLOW_ESTABLISHED] != 0);
	assert_false(balancer.backends[second].flags & XDPLB_BACKEND_OPEN);
	assert_int_equal(remove_one(1), 0);
	assert_memory_equal(balancer.backends[first].timeout, none, sizeof(none));
	assert_memory_equal(balancer.backends[second].timeout, none, sizeof(none));
	assert_true(balancer.backends[second].flags != 0);
	assert_true(balancer.backends[first].flags != 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Slow start is for who comes beside others, and ends when it is turned off. */
static void slow_start(void **state)
{
	__u32 now = clock_seconds();
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 3);
	wanted.slow_given = true;
	wanted.slow_start = 30;
	wanted.backends = 2;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 0); /* all are new */
	wanted.backends = 3;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 0);
	assert_int_equal(record(2)->ramp_seconds, 30);
	assert_in_range(record(2)->ramp_start, now, now + 60);
	assert_in_range(set_of(&balancer, 1)->window_end, now + 300, now + 360);
	/* Another change leaves it alone, draining and coming up again begins anew. */
	record(2)->ramp_start = 1;
	wanted.backend[0].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_start, 1);
	assert_int_equal(record(2)->ramp_seconds, 30);
	wanted.backend[0].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(0)->ramp_seconds, 30);
	assert_in_range(record(0)->ramp_start, now, now + 60);
	/* Backups that take over at once have nobody to leave flows to. */
	for (int i = 0; i < 3; i++)
		wanted.backend[i].state = i ? XDPLB_DOWN : XDPLB_BACKUP;
	apply_wanted(&wanted);
	wanted.backend[1].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(1)->ramp_seconds, 0);
	wanted.backend[2].state = XDPLB_UP;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_seconds, 30);
	wanted.slow_start = 0;
	apply_wanted(&wanted);
	assert_int_equal(record(2)->ramp_seconds, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* A backend that flows may still be adopted to stays until the window is over. */
static void previous_is_kept(void **state)
{
	struct wanted_service wanted;
	__u32 gone;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	gone = set_backend(&balancer, 1, 1)->backend;
	wanted.backends = 1;
	apply_wanted(&wanted);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	/* Also where the old slots are other ones, by another method. */
	wanted.scheduler = XDPLB_RR;
	wanted.forward = XDPLB_IPIP;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->old_slots, 251);
	assert_int_equal(set_of(&balancer, 1)->old_forward, XDPLB_DSR);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	time_passes(299);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED);
	time_passes(2);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_true(balancer.backends[gone].flags & XDPLB_BACKEND_USED); /* clocks differ */
	time_passes(2);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer.backends[gone].flags, 0);
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->old_slots, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Where flows go that are yet to be adopted, routers' messages about them are found. */
static void method_of_previous(void **state)
{
	struct wanted_service wanted;
	__u32 gone;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.forward = XDPLB_IPIP;
	apply_wanted(&wanted);
	gone = set_backend(&balancer, 1, 1)->backend;
	wanted.backends = 1;
	wanted.forward = XDPLB_DSR;
	apply_wanted(&wanted);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_method(gone, XDPLB_IPIP);
	assert_method(set_backend(&balancer, 1, 0)->backend, XDPLB_IPIP);
	time_passes(303);
	assert_int_equal(balancer_collect(&balancer), 0);
	assert_int_equal(balancer.backends[gone].flags, 0);
	assert_false(
		sharing_has(&balancer, XDPLB_KIND_TUNNEL, set_backend(&balancer, 1, 0)->backend));
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* The same again keeps the set and its count, in the window and after it. */
static void same_again(void **state)
{
	struct wanted_service wanted;
	__u64 set;

	(void)state;
	make();
	maglev_make(&wanted, 3);
	apply_wanted(&wanted);
	set = service_set(&balancer, 1);
	apply_wanted(&wanted);
	assert_int_equal(service_set(&balancer, 1), set);
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_not_equal(service_set(&balancer, 1), set);
	set = service_set(&balancer, 1);
	balancer.sets[set].head.next = 77;
	apply_wanted(&wanted);
	assert_int_equal(service_set(&balancer, 1), set);
	assert_int_equal(balancer.sets[set].head.next, 77);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* How many slots of the service are looked up. */
static __u32 looked_up(void)
{
	const struct marks marks = set_marks(&balancer, 1);
	__u32 count = 0;

	for (__u32 s = 0; s < marks.slots; s++)
		count += (marks.slot[s] & XDPLB_SLOT_LOOKUP) != 0;
	return count;
}

/* A client whose slot this backend owns; with a port. */
static __u64 name_owned_by(__u32 backend)
{
	const struct marks marks = set_marks(&balancer, 1);

	for (;;) {
		__u64 name = xdplb_flow_name4(random_64(), random_64());
		__u32 slot = xdplb_slot(balancer.config->seed, name, marks.slots);

		if (XDPLB_SLOT_OWNER(marks.slot[slot]) == backend)
			return name;
	}
}

static void remember(int place, __u64 name, __u32 backend, __u8 forward)
{
	struct xdplb_flow *flow = &balancer.flows[place / 4].way[place % 4];

	flow->key = xdplb_flow_key(name, 1);
	flow->value = XDPLB_FIELD_OF(STATE, XDPLB_FLOW_ESTABLISHED) |
		      XDPLB_FIELD_OF(SEEN, clock_seconds()) | XDPLB_FIELD_OF(PORT, forward) |
		      XDPLB_FIELD_OF(BACKEND, backend);
}

/* Marks go when the window is over, but for slots with flows of others. */
static void marks_go(void **state)
{
	struct wanted_service wanted;
	__u32 one, two;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	apply_wanted(&wanted);
	one = set_backend(&balancer, 1, 0)->backend;
	two = set_backend(&balancer, 1, 1)->backend;
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_in_range(looked_up(), 125, 126);
	time_passes(301);
	apply_wanted(&wanted); /* too early: clocks differ */
	assert_in_range(looked_up(), 125, 126);
	remember(0, name_owned_by(one), two, XDPLB_DSR);
	remember(5, name_owned_by(one), one, XDPLB_DSR);
	remember(10, name_owned_by(one), two, XDPLB_DSR);
	balancer.flows[2].way[2].value -= 1000; /* expired */
	flow_set(two, XDPLB_DSR, true);
	time_passes(3);
	apply_wanted(&wanted);
	assert_true(looked_up() <= 1); /* its slot had a mark, or not */
	memset(balancer.flows, 0, FLOW_BUCKETS * sizeof(*balancer.flows));
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 0);
	assert_int_equal(set_of(&balancer, 1)->window_end, 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* From rr: all slots are looked up, until only those are that have to. */
static void marks_go_after_rr(void **state)
{
	struct wanted_service wanted;
	__u32 one, two;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.scheduler = XDPLB_RR;
	apply_wanted(&wanted);
	one = set_backend(&balancer, 1, 0)->backend;
	two = set_backend(&balancer, 1, 1)->backend;
	flow_set(two, XDPLB_DSR, true);
	wanted.scheduler = XDPLB_MAGLEV;
	wanted.table = 251;
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 251);
	remember(0, name_owned_by(one), two, XDPLB_DSR);
	remember(5, name_owned_by(one), one, XDPLB_DSR);
	remember(10, name_owned_by(two), two, XDPLB_IPIP); /* it has to stay with ipip */
	balancer.flows[3].way[0] = balancer.flows[0].way[0]; /* a client is no flow */
	balancer.flows[3].way[0].value ^= XDPLB_FIELD_OF(STATE, XDPLB_FLOW_ESTABLISHED) |
					  XDPLB_FIELD_OF(STATE, XDPLB_FLOW_CLIENT);
	time_passes(3);
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 2);
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 2);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Each scheduler's pick, flags and words. */
static void schedulers(void **state)
{
	static const struct {
		__u8 scheduler, forward, affinity, pick, flags, hash_bits;
		__u32 slots, weight;
	} cases[] = {
		{ XDPLB_RR, XDPLB_DSR, 0, XDPLB_PICK_NEXT, XDPLB_SET_TRACK, 0, 3, 0 },
		{ XDPLB_WRR, XDPLB_NAT, 0, XDPLB_PICK_NEXT, XDPLB_SET_TRACK, 0, 9, 0 },
		{ XDPLB_LC, XDPLB_DSR, 0, XDPLB_PICK_LEAST, XDPLB_SET_TRACK, 0, 3, 1 },
		{ XDPLB_WLC, XDPLB_DSR, 0, XDPLB_PICK_LEAST, XDPLB_SET_TRACK, 0, 3, 7 },
		{ XDPLB_P2C, XDPLB_DSR, 0, XDPLB_PICK_TWO, XDPLB_SET_TRACK, 0, 9, 7 },
		{ XDPLB_MAGLEV, XDPLB_DSR, 0, XDPLB_PICK_HASH, 0, 0, 16381, 0 },
		{ XDPLB_MAGLEV, XDPLB_NAT, 0, XDPLB_PICK_HASH, XDPLB_SET_TRACK, 0, 16381, 0 },
		{ XDPLB_SH, XDPLB_GUE, 0, XDPLB_PICK_HASH, 0, 32, 16381, 0 },
		{ XDPLB_SH, XDPLB_IPIP, 24, XDPLB_PICK_HASH, XDPLB_SET_TRACK | XDPLB_SET_AFFINITY,
		  24, 16381, 0 },
		{ XDPLB_RR, XDPLB_DSR, 16, XDPLB_PICK_NEXT, XDPLB_SET_TRACK | XDPLB_SET_AFFINITY,
		  16, 3, 0 },
	};
	struct wanted_service wanted;

	(void)state;
	make();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct xdplb_set *set;

		maglev_make(&wanted, 3);
		wanted.table = 0;
		wanted.backend[2].weight = 7;
		wanted.scheduler = cases[i].scheduler;
		wanted.forward = cases[i].forward;
		wanted.affinity = cases[i].affinity;
		wanted.affinity_given = true;
		apply_wanted(&wanted);
		set = set_of(&balancer, 1);
		assert_int_equal(set->pick, cases[i].pick);
		assert_int_equal(set->flags, cases[i].flags);
		assert_int_equal(set->hash_bits, cases[i].hash_bits);
		assert_int_equal(set->slots, cases[i].slots);
		if (set->pick == XDPLB_PICK_LEAST || set->pick == XDPLB_PICK_TWO) {
			const struct marks marks = set_marks(&balancer, 1);
			bool seen = false;

			for (__u32 s = 0; s < marks.slots; s++)
				seen |= XDPLB_SLOT_WEIGHT(marks.slot[s]) == cases[i].weight;
			assert_true(seen);
		}
		wanted_free(&wanted);
	}
	assert_int_equal(said_lines(), 0);
	assert_empty();
	forget();
}

/* lc and wlc of more than can be compared, which is said. */
static void many_of_lc(void **state)
{
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, XDPLB_SCAN_MAX + 1);
	wanted.scheduler = XDPLB_LC;
	apply_wanted(&wanted);
	assert_said("lc", "lc compares at most 256 backends");
	assert_int_equal(set_of(&balancer, 1)->pick, XDPLB_PICK_TWO);
	said_reset();
	wanted.backend[9].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(said_lines(), 0);
	assert_int_equal(set_of(&balancer, 1)->pick, XDPLB_PICK_LEAST);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

/* Slots stay while everybody is drained, and UDP without memory has no marks at all. */
static void drained_and_stateless(void **state)
{
	struct wanted_service wanted;

	(void)state;
	make();
	maglev_make(&wanted, 2);
	wanted.at.proto = IPPROTO_UDP;
	wanted.udp = WANTED_UDP_STATELESS;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->flags, XDPLB_SET_STATELESS);
	wanted.backend[0].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(looked_up(), 0);
	wanted.udp = WANTED_UDP_TRACKED;
	wanted.backend[1].state = XDPLB_DRAIN;
	apply_wanted(&wanted);
	assert_int_equal(set_of(&balancer, 1)->slots, 251);
	assert_int_equal(looked_up(), 251);
	for (__u32 s = 0; s < 251; s++)
		assert_int_equal(XDPLB_SLOT_OWNER(set_marks(&balancer, 1).slot[s]), 0);
	wanted_free(&wanted);
	assert_empty();
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(killed),
		cmocka_unit_test(together),
		cmocka_unit_test(together_refused),
		cmocka_unit_test(address_of_several),
		cmocka_unit_test(method_changes),
		cmocka_unit_test(sources_of_the_method),
		cmocka_unit_test(made_again_and_again),
		cmocka_unit_test(refused),
		cmocka_unit_test(timeouts_in_records),
		cmocka_unit_test(deleted_forgets),
		cmocka_unit_test(slow_start),
		cmocka_unit_test(previous_is_kept),
		cmocka_unit_test(method_of_previous),
		cmocka_unit_test(same_again),
		cmocka_unit_test(marks_go),
		cmocka_unit_test(marks_go_after_rr),
		cmocka_unit_test(schedulers),
		cmocka_unit_test(many_of_lc),
		cmocka_unit_test(drained_and_stateless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
