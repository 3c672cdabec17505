/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory: is this address, port and protocol one of ours? Most packets
 * on a mixed interface are not, and leave after one or two of these.
 */
#ifndef XDPLB_SERVICE_H
#define XDPLB_SERVICE_H

#include "packet.h"

static __always_inline struct xdplb_service *service_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_services, &id);
}

/* The line of the set in force of a service, 0: none. */
static __always_inline __u32 set_line(const struct xdplb_service *service)
{
	const struct xdplb_config *config = config_get();

	return service && config ? READ_ONCE(service->set[READ_ONCE(config->phase) & 1]) : 0;
}

static __always_inline struct xdplb_backend *backend_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_backends, &id);
}

static __always_inline struct xdplb_pool *pool_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_pools, &id);
}

static __always_inline __u32 way_find(const struct xdplb_directory_bucket *bucket, __u64 key)
{
	for (int i = 0; i < XDPLB_WAYS; i++)
		if (READ_ONCE(bucket->way[i].key) == key)
			return bucket->way[i].index;
	return 0;
}

/* What lies there under a key, 0 for nothing. */
static __always_inline __u32 directory_search(__u64 key)
{
	const struct xdplb_directory_bucket *bucket;
	__u32 at[2], index;

	xdplb_directory_buckets(key, at);
	bucket = bpf_map_lookup_elem(&xdplb_dir, &at[0]);
	if (!bucket)
		return 0;
	index = way_find(bucket, key);
	if (index || !bucket->way[0].spilled)
		return index;
	bucket = bpf_map_lookup_elem(&xdplb_dir, &at[1]);
	return bucket ? way_find(bucket, key) : 0;
}

/* The address of what an entry of this kind leads to. */
static __always_inline struct address *entry_address(__u32 kind, __u32 index)
{
	struct xdplb_service *service;
	struct xdplb_backend *backend;
	struct xdplb_pool *pool;

	switch (kind) {
	case XDPLB_KIND_BACKEND:
		pool = pool_of(index);
		return pool ? address_of(pool->backend_addr) : NULL;
	case XDPLB_KIND_DNAT:
	case XDPLB_KIND_TUNNEL:
		backend = backend_of(index);
		return backend ? address_of(backend->addr) : NULL;
	default:
		service = service_of(index);
		return service ? address_of(service->addr) : NULL;
	}
}

/* As directory_find(), of an IPv6 address. */
static __always_inline __u32 directory_search6(__u32 kind, const struct address *addr, __u32 port,
					       __u32 proto)
{
	__u32 index = directory_search(xdplb_directory_key6(kind, addr->word, port, proto));
	const struct address *found;

	if (!index)
		return 0;
	found = entry_address(kind, index);
	return found && same_address(found, addr) ? index : 0;
}

/* The same, which the verifier looks at once. */
__noinline int directory_find6(__u32 kind, const struct address *addr, __u32 port, __u32 proto)
{
	return addr ? directory_search6(kind, addr, port, proto) : 0;
}

/* The directory has any of these. */
static __always_inline bool has_kind(const struct packet *p, enum xdplb_kind kind)
{
	return p->config->kinds & 1 << kind;
}

/* What lies there: an index by `kind`, 0 for nothing. */
static __always_inline __u32 directory_find(const struct packet *p, enum xdplb_kind kind,
					    const struct address *addr, __be16 port, __u8 proto)
{
	if (!has_kind(p, kind))
		return 0;
	if (p->h->v6)
		return directory_find6(kind, addr, port, proto);
	return directory_search(xdplb_directory_key4(kind, addr->word[0], port, proto));
}

/*
 * It may say to come from where registrations go to, at a service of this machine,
 * whose listener would answer it with one.
 */
static __always_inline bool may_mirror(const struct packet *p)
{
	return has_kind(p, XDPLB_KIND_REGISTER) && p->h->sport == p->config->registration_port &&
	       p->h->proto == IPPROTO_UDP;
}

/* From elsewhere, and says to come from where registrations go to. */
static __always_inline bool claims_registrar(const struct packet *p)
{
	return p->ctx->ingress_ifindex != LOOPBACK_IFINDEX &&
	       directory_find(p, XDPLB_KIND_REGISTER, &p->h->saddr, 0, 0);
}

/* It may be a registration. */
static __always_inline bool may_register(const struct packet *p)
{
	return has_kind(p, XDPLB_KIND_REGISTER) && p->h->dport == p->config->registration_port &&
	       p->h->proto == IPPROTO_UDP;
}

#endif
