// SPDX-License-Identifier: GPL-2.0-only
#include "addresses.h"

#include "directory.h"

bool service_is_live(const struct balancer *balancer, __u32 id)
{
	const struct xdplb_service *service = &balancer->services[id];
	const struct xdplb_directory_entry *entry;

	if (!service->proto || !service_set(balancer, id))
		return false;
	entry = directory_find(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
			       service->proto);
	return entry && entry->index == id;
}

/* Its address shall lead to it, or to another of its kind. */
static bool is_kind(const struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	return service_is_live(balancer, id) &&
	       (kind == XDPLB_KIND_ADDRESS || balancer->services[id].table);
}

static struct xdplb_directory_entry *entry_of(const struct balancer *balancer, enum xdplb_kind kind,
					      __u32 id)
{
	return directory_find(balancer, kind, balancer->services[id].addr, 0, 0);
}

int address_add(struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	if (entry_of(balancer, kind, id))
		return 0;
	return directory_add(balancer, kind, balancer->services[id].addr, 0, 0, id);
}

/* A service that is in force has its address lead to one that is. */
static int address_point(struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	struct xdplb_directory_entry *entry = entry_of(balancer, kind, id);

	if (!entry) {
		address_add(balancer, kind, id);
		return 0;
	}
	if (entry->index == id || is_kind(balancer, kind, entry->index))
		return 0;
	__atomic_store_n(&entry->index, id, __ATOMIC_RELEASE);
	return 1;
}

static int kind_mend(struct balancer *balancer, enum xdplb_kind kind)
{
	int changed = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (is_kind(balancer, kind, id))
			changed += address_point(balancer, kind, id);
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_directory_entry *entry;

		if (!balancer->services[id].proto || is_kind(balancer, kind, id))
			continue;
		entry = entry_of(balancer, kind, id);
		if (!entry || entry->index != id)
			continue;
		directory_remove(balancer, kind, balancer->services[id].addr, 0, 0);
		changed++;
	}
	return changed;
}

int addresses_mend(struct balancer *balancer)
{
	return kind_mend(balancer, XDPLB_KIND_ADDRESS) + kind_mend(balancer, XDPLB_KIND_REGISTER);
}
