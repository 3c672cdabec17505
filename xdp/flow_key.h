/* SPDX-License-Identifier: GPL-2.0-only */
/* The name and key of a client's flow to a service. */
#ifndef XDPLB_FLOW_KEY_H
#define XDPLB_FLOW_KEY_H

#include <bpf/bpf_endian.h>

#include "packet.h"

/* The name that all flows share of the IPv6 clients with these first `bits` of an address. */
__noinline __u64 client_name6(const struct address *client, __u32 bits)
{
	const struct xdplb_config *config = config_get();
	__be32 counted[4];

	if (!config || !client)
		return 0;
	for (int i = 0; i < 4; i++)
		counted[i] = client->word[i] & bpf_htonl(xdplb_prefix_mask(bits, i));
	return xdplb_flow_name6(config, counted, 0);
}

static __always_inline __u64 flow_name(const struct xdplb_config *config, bool v6,
				       const struct address *client, __be16 port)
{
	return v6 ? xdplb_flow_name6(config, client->word, port) :
		    xdplb_flow_name4(client->word[0], port);
}

static __always_inline __u64 client_name(bool v6, const struct address *client, __u32 bits)
{
	if (v6)
		return client_name6(client, bits);
	return xdplb_flow_name4(client->word[0] & bpf_htonl(xdplb_prefix_mask(bits, 0)), 0);
}

#endif
