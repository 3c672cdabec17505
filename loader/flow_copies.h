/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which flows, records and fragments a packet can meet, whatever it is taken for:
 * those of its ends with any service, those of the ports it speaks to, those that
 * would give way to it.
 */
#ifndef XDPLB_FLOW_COPIES_H
#define XDPLB_FLOW_COPIES_H

#include "../xdp/work.h"
#include "balancer.h"

struct copies;

#define FLOW_COPIES_MAX (1 << 18) /* buckets: two for each end and service, and some */

/* Copies them from the live tables. 0, or a negative errno after an error line. */
int flow_copies_fill(struct copies *copies, const struct work *parsed);

/* The two buckets in which the flow under a key may lie. */
void flow_copies_buckets(const struct copies *copies, __u64 key, __u32 at[2]);

/* The name of a client's flow, and that which the flows share of clients with these first bits. */
__u64 flow_copies_name(const struct xdplb_config *config, bool v6, const __be32 addr[4],
		       __be16 port);
__u64 flow_copies_client(const struct xdplb_config *config, bool v6, const __be32 addr[4],
			 __u32 bits);

#endif
