// SPDX-License-Identifier: GPL-2.0-only
#include "addresses.h"

#include "directory.h"

bool service_is_live(const struct balancer *balancer, __u32 id)
{
	const struct xdplb_service *service = &balancer->services[id];
	const struct xdplb_directory_entry *entry;

	if (!service->proto || !service->set)
		return false;
	entry = directory_find(balancer, XDPLB_KIND_SERVICE, service->addr, service->port,
			       service->proto);
	return entry && entry->index == id;
}

static struct xdplb_directory_entry *entry_of(const struct balancer *balancer, __u32 id)
{
	return directory_find(balancer, XDPLB_KIND_ADDRESS, balancer->services[id].addr, 0, 0);
}

int address_add(struct balancer *balancer, __u32 id)
{
	if (entry_of(balancer, id))
		return 0;
	return directory_add(balancer, XDPLB_KIND_ADDRESS, balancer->services[id].addr, 0, 0, id);
}

/* A service that is in force has its address lead to one that is. */
static int address_point(struct balancer *balancer, __u32 id)
{
	struct xdplb_directory_entry *entry = entry_of(balancer, id);

	if (!entry) {
		address_add(balancer, id);
		return 0;
	}
	if (entry->index == id || service_is_live(balancer, entry->index))
		return 0;
	__atomic_store_n(&entry->index, id, __ATOMIC_RELEASE);
	return 1;
}

int addresses_mend(struct balancer *balancer)
{
	int changed = 0;

	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		if (service_is_live(balancer, id))
			changed += address_point(balancer, id);
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_directory_entry *entry;

		if (!balancer->services[id].proto || service_is_live(balancer, id))
			continue;
		entry = entry_of(balancer, id);
		if (!entry || entry->index != id)
			continue;
		directory_remove(balancer, XDPLB_KIND_ADDRESS, balancer->services[id].addr, 0, 0);
		changed++;
	}
	return changed;
}
