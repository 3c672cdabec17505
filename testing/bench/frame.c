// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <string.h>

#include "../../client/xdplb-register.h"

#define CLIENTS_A_PORT (1 << 20) /* addresses; then comes the next port */
#define CLIENT_PORT 20000

enum host {
	CLIENT, /* the first of many */
	SERVICE, /* and its listeners */
	BACKEND, /* the first of many */
	BALANCER,
	HOSTS,
};

static const char *const hosts[HOSTS][2] = {
	[CLIENT] = { "10.80.0.0", "fd80::" },
	[SERVICE] = { "198.51.100.7", "2001:db8::7" },
	[BACKEND] = { "10.71.16.0", "fd71::1:0" },
	[BALANCER] = { "10.71.0.10", "fd71::10" },
};

/* What a direction's packets are. */
static const struct shape {
	enum host from;
	enum host to;
	__u8 proto;
	__u8 tagged;
	__u8 request; /* the flow's port is the source, the other one the service's */
	__u8 by_source; /* its address is */
} shapes[DIRECTIONS] = {
	[TO_SERVICE] = { CLIENT, SERVICE, IPPROTO_TCP, .request = 1, .by_source = 1 },
	[TO_SERVICE_TAGGED] = { CLIENT, SERVICE, IPPROTO_TCP, 1, .request = 1, .by_source = 1 },
	[TO_SERVICE_UDP] = { CLIENT, SERVICE, IPPROTO_UDP, .request = 1, .by_source = 1 },
	[NAT_REPLY] = { BACKEND, BALANCER, IPPROTO_TCP, .by_source = 1 },
	[DNAT_REPLY] = { BACKEND, CLIENT, IPPROTO_TCP },
	[LOCAL_REPLY] = { SERVICE, CLIENT, IPPROTO_TCP },
	[LOCAL_REPLY_UDP] = { SERVICE, CLIENT, IPPROTO_UDP },
	[REGISTRATION] = { SERVICE, SERVICE, IPPROTO_UDP, .request = 1 },
};

/* Ethernet, perhaps with a tag; returns what follows. */
static __u8 *put_link(__u8 *at, int family, int tagged)
{
	at[5] = 1;
	at[11] = 2;
	at += 12;
	if (tagged) {
		at[0] = 0x81;
		at[3] = 5; /* the VLAN's id */
		at += 4;
	}
	at[0] = family == 4 ? 0x08 : 0x86;
	at[1] = family == 4 ? 0x00 : 0xdd;
	return at + 2;
}

/* IP of so many bytes in all; returns what follows. */
static __u8 *put_ip(__u8 *at, int family, int length, const struct shape *shape)
{
	if (family == 4) {
		at[0] = 0x45;
		at[3] = length;
		at[8] = 64;
		at[9] = shape->proto;
		inet_pton(AF_INET, hosts[shape->from][0], at + 12);
		inet_pton(AF_INET, hosts[shape->to][0], at + 16);
		return at + 20;
	}
	at[0] = 0x60;
	at[5] = length - 40;
	at[6] = shape->proto;
	at[7] = 64;
	inet_pton(AF_INET6, hosts[shape->from][1], at + 8);
	inet_pton(AF_INET6, hosts[shape->to][1], at + 24);
	return at + 40;
}

static void put_ports(__u8 *at, __u16 from, __u16 to)
{
	at[0] = from >> 8;
	at[1] = from;
	at[2] = to >> 8;
	at[3] = to;
}

static void put_tcp(__u8 *at, __u8 flags)
{
	at[12] = 0x50;
	at[13] = flags;
}

/* The sum is wrong, but not 0, which would say that there is none to change. */
static void put_udp(__u8 *at, __u8 length)
{
	at[5] = length;
	at[6] = 1;
}

/* A registration with this service, but for its listener. */
static void put_registration(__u8 *at, int family, __u16 port)
{
	struct xdplb_register self;
	char service[64];

	snprintf(service, sizeof(service), family == 4 ? "%s:%u/udp" : "[%s]:%u/udp",
		 hosts[SERVICE][family == 6], port);
	xdplb_register_init(&self, service, 1);
	xdplb_register_message(&self, XDPLB_REGISTER_REGISTER, 1, 0, at);
}

/* What follows IP. `bytes` are left. */
static void put_payload(__u8 *at, enum direction direction, int family, __u16 port, __u8 flags,
			int bytes)
{
	const struct shape *shape = &shapes[direction];

	put_ports(at, shape->request ? CLIENT_PORT : port, shape->request ? port : CLIENT_PORT);
	if (shape->proto == IPPROTO_TCP)
		put_tcp(at, flags);
	else
		put_udp(at, bytes);
	if (direction != REGISTRATION)
		return;
	put_ports(at, CLIENT_PORT, XDPLB_REGISTER_PORT);
	put_registration(at + sizeof(struct udphdr), family, port);
}

/* Where the parts that are a flow's own belong; `l4` is what follows IP. */
static void places_set(struct bench *bench, enum direction direction, int family, __u32 l4)
{
	const struct shape *shape = &shapes[direction];
	__u32 source = family == 4 ? 8 : 20;

	bench->address_at = l4 - (shape->by_source ? source : 4);
	bench->port_at = l4 + (shape->request ? 0 : 2);
	bench->other_at = l4 + (shape->request ? 2 : 0);
	if (direction != REGISTRATION)
		return;
	l4 += sizeof(struct udphdr);
	bench->address_at = l4 + offsetof(struct xdplb_register_message, weight);
	bench->other_at = l4 + offsetof(struct xdplb_register_message, listener_port);
	bench->tag_at = l4 + offsetof(struct xdplb_register_message, tag);
}

__u64 frame_tag(const struct bench *bench, const struct bench_flow *flow, const __u64 seal[2])
{
	__u8 key[16], frame[BENCH_FRAME];

	memcpy(frame, bench->frame, sizeof(frame));
	memcpy(frame + bench->address_at, &flow->address, sizeof(flow->address));
	memcpy(frame + bench->other_at, &flow->other, sizeof(flow->other));
	memcpy(key, seal, sizeof(key)); /* of a little-endian machine */
	return xdplb_register_siphash(key, frame + bench->tag_at - XDPLB_REGISTER_TAGGED,
				      XDPLB_REGISTER_TAGGED);
}

void frame_make(struct bench *bench, enum direction direction, int family, __u16 port, __u8 flags)
{
	const struct shape *shape = &shapes[direction];
	__u8 *frame = (__u8 *)bench->frame, *ip;
	int header = family == 4 ? 20 : 40, length;

	memset(bench, 0, sizeof(*bench));
	ip = put_link(frame, family, shape->tagged);
	length = frame + BENCH_FRAME - ip;
	if (direction == REGISTRATION)
		length = header + sizeof(struct udphdr) + XDPLB_REGISTER_BYTES;
	put_payload(put_ip(ip, family, length, shape), direction, family, port, flags,
		    length - header);
	places_set(bench, direction, family, ip + header - frame);
}

struct bench_flow flow_of_client(__u32 n, __u16 service_port)
{
	__u32 first = 0x0a500000; /* 10.80.0.0; the same bits do for IPv6 */

	return (struct bench_flow){ .address = htonl(first + n % CLIENTS_A_PORT),
				    .port = htons(CLIENT_PORT + n / CLIENTS_A_PORT),
				    .other = htons(service_port) };
}

__be32 backend_address(int family, __u32 n)
{
	return htonl((family == 4 ? 0x0a471000 : 0x00010000) + n);
}

struct bench_flow flow_of_reply(int family, __u32 n, __u32 backends, __u16 backend_port)
{
	return (struct bench_flow){ .address = backend_address(family, n % backends),
				    .port = htons(NAT_FIRST + n / backends),
				    .other = htons(backend_port) };
}

struct bench_flow flow_of_listener(__u16 listener_port, __u16 weight)
{
	/* Weight and lifetime lie side by side, and are written as one, like an address. */
	return (struct bench_flow){ .address = htonl((__u32)weight << 16 | 0xffff),
				    .port = htons(listener_port),
				    .other = htons(listener_port) };
}
