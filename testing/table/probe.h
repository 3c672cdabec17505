/* SPDX-License-Identifier: GPL-2.0-only */
/* Single packets through a balancer, and what its flow table says of them. */
#ifndef XDPLB_TABLE_PROBE_H
#define XDPLB_TABLE_PROBE_H

#include <stdbool.h>

#include "../bench/maps.h"

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_PSH 0x08
#define FLAG_ACK 0x10

/* Network byte order; IPv4 uses the first word. */
struct endpoint {
	__be32 addr[4];
	__be16 port;
};

struct probe {
	struct maps maps;
	int program;
	__u32 ifindex; /* packets come in by it */
};

/* What became of a packet. */
struct seen {
	__u32 verdict;
	__u8 dmac[6];
	struct endpoint from, to;
};

/* An entry of the flow table. */
struct found {
	__u64 key, value;
	__u32 index;
};

void probe_open(struct probe *probe, __u32 program, __u32 ifindex);

/* Sends a packet of this protocol; UDP's flags are 0. Ends the program when it cannot be run. */
void probe_send(const struct probe *probe, const struct endpoint *from, const struct endpoint *to,
		__u8 proto, __u8 flags, struct seen *seen);

/* The service's address. */
struct endpoint service_endpoint(const struct maps *maps, __u32 service);

/* Client n of a family: one port of one address. */
struct endpoint client_endpoint(int family, __u32 n);

__u64 flow_key(const struct maps *maps, __u32 service, const struct endpoint *client);

/* The flow under a key; false when there is none. Both it and its value as they were at one time.
 */
bool flow_find(const struct maps *maps, __u64 key, struct found *found);

/* Two looks found the same flow, which has not ended between them. */
bool flow_same(const struct found *a, const struct found *b);

__u32 flow_backend(const struct found *found);

/* The packet went to this backend: by its address, or where that stays, by its MAC. */
bool went_to(const struct maps *maps, const struct seen *seen, __u32 backend, __u32 method);

/* The method of a remembered flow. */
__u32 flow_method(__u64 value);

#endif
