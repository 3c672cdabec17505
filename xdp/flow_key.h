/* SPDX-License-Identifier: GPL-2.0-only */
/* The key of a client's flow to a service. */
#ifndef XDPLB_FLOW_KEY_H
#define XDPLB_FLOW_KEY_H

#include "packet.h"

__noinline __u64 flow_key6(const struct address *client, __u32 port, __u32 service)
{
	const struct xdplb_config *config = config_get();

	if (!config || !client)
		return 0;
	return xdplb_flow_key6(config->seed, client->word, port, service);
}

/* Never 0. */
static __always_inline __u64 flow_key(bool v6, const struct address *client, __be16 port,
				      __u32 service)
{
	return v6 ? flow_key6(client, port, service) :
		    xdplb_flow_key4(client->word[0], port, service);
}

#endif
