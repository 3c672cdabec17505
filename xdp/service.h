/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory: is this address, port and protocol one of ours? Most packets
 * on a mixed interface are not, and leave after one or two of these.
 */
#ifndef XDPLB_SERVICE_H
#define XDPLB_SERVICE_H

#include "packet.h"

static __always_inline __u32 way_find(const struct xdplb_directory_bucket *bucket, __u64 key)
{
	for (int i = 0; i < XDPLB_WAYS; i++)
		if (READ_ONCE(bucket->way[i].key) == key)
			return bucket->way[i].index;
	return 0;
}

/* What lies there: a service id or a port pool by `kind`, 0 for nothing. */
static __always_inline __u32 directory_find(enum xdplb_kind kind, __be32 addr, __be16 port,
					    __u8 proto)
{
	__u64 key = xdplb_directory_key(kind, addr, port, proto);
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

static __always_inline struct xdplb_service *service_of(__u32 id)
{
	return bpf_map_lookup_elem(&xdplb_services, &id);
}

#endif
