// SPDX-License-Identifier: GPL-2.0-only
#include "sharing.h"

#include "address.h"
#include "directory.h"
#include "error.h"

enum xdplb_kind sharing_kind(__u8 forward)
{
	switch (forward) {
	case XDPLB_DNAT:
		return XDPLB_KIND_DNAT;
	case XDPLB_IPIP:
	case XDPLB_GUE:
		return XDPLB_KIND_TUNNEL;
	default:
		return 0;
	}
}

/* Who wraps packets for a backend does not know their ports. */
static __be16 port_of(enum xdplb_kind kind, const struct xdplb_backend *backend)
{
	return kind == XDPLB_KIND_TUNNEL ? 0 : backend->port;
}

static __u8 proto_of(enum xdplb_kind kind, const struct xdplb_backend *backend)
{
	return kind == XDPLB_KIND_TUNNEL ? 0 : backend->proto;
}

static struct xdplb_directory_entry *entry_of(const struct balancer *balancer, enum xdplb_kind kind,
					      __u32 id)
{
	const struct xdplb_backend *backend = &balancer->backends[id];

	return directory_find(balancer, kind, backend->addr, port_of(kind, backend),
			      proto_of(kind, backend));
}

static __u32 *link_of(const struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	struct xdplb_backend *backend = &balancer->backends[id];

	return kind == XDPLB_KIND_TUNNEL ? &backend->next_tunnel : &backend->next;
}

/* What leads to `id`: the entry's index or another backend's link; NULL: nothing. */
static __u32 *link_find(const struct balancer *balancer, enum xdplb_kind kind, __u32 id,
			struct xdplb_directory_entry *entry)
{
	__u32 *link = entry ? &entry->index : NULL;

	while (link && *link && *link != id)
		link = link_of(balancer, kind, *link);
	return link && *link ? link : NULL;
}

bool sharing_has(const struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	return link_find(balancer, kind, id, entry_of(balancer, kind, id)) != NULL;
}

int sharing_leave(struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	struct xdplb_directory_entry *entry = entry_of(balancer, kind, id);
	const struct xdplb_backend *backend = &balancer->backends[id];
	__u32 *link = link_find(balancer, kind, id, entry);
	__u32 next = *link_of(balancer, kind, id);

	if (!link)
		return 0;
	if (link == &entry->index && !next)
		directory_remove(balancer, kind, backend->addr, port_of(kind, backend),
				 proto_of(kind, backend));
	else
		__atomic_store_n(link, next, __ATOMIC_RELEASE);
	return 1;
}

static int length_of(const struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	int length = 0;

	for (; id; id = *link_of(balancer, kind, id))
		length++;
	return length;
}

/* Without its entry dnat translates no reply; ipip and gue only miss what routers say of MTUs. */
static int sharing_full(enum xdplb_kind kind, const struct xdplb_backend *backend)
{
	char text[ADDRESS_TEXT];

	if (kind == XDPLB_KIND_DNAT)
		return fail(E2BIG, "backend %s: %d services use it with dnat already: no more can",
			    endpoint_text(backend->addr, backend->port, text), XDPLB_SHARED);
	warn("backend %s: more than %d services wrap packets for it: this one does not learn when "
	     "a router on the way finds them too big",
	     address_text(backend->addr, text), XDPLB_SHARED);
	return 0;
}

/*
 * Makes room when as many as the program looks at are there: one of a service
 * that is gone has flows whose clients are not served any more.
 */
static void make_room(struct balancer *balancer, enum xdplb_kind kind, __u32 first)
{
	if (length_of(balancer, kind, first) < XDPLB_SHARED)
		return;
	for (__u32 id = first; id; id = *link_of(balancer, kind, id)) {
		if (service_set(balancer, balancer->backends[id].service))
			continue;
		sharing_leave(balancer, kind, id);
		return;
	}
}

int sharing_join(struct balancer *balancer, enum xdplb_kind kind, __u32 id)
{
	struct xdplb_directory_entry *entry = entry_of(balancer, kind, id);
	const struct xdplb_backend *backend = &balancer->backends[id];
	__u32 first;

	if (link_find(balancer, kind, id, entry))
		return 0;
	make_room(balancer, kind, entry ? entry->index : 0);
	first = entry ? entry->index : 0;
	if (length_of(balancer, kind, first) >= XDPLB_SHARED)
		return sharing_full(kind, backend);
	*link_of(balancer, kind, id) = first;
	if (!entry)
		return directory_add(balancer, kind, backend->addr, port_of(kind, backend),
				     proto_of(kind, backend), id);
	__atomic_store_n(&entry->index, id, __ATOMIC_RELEASE);
	return 0;
}
