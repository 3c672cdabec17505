// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#define CLIENTS_A_PORT (1 << 20) /* addresses; then comes the next port */
#define CLIENT_PORT 20000

struct hosts {
	const char *client; /* the first of many */
	const char *service;
	const char *backend; /* the first of many */
	const char *balancer;
};

static const struct hosts hosts4 = { "10.80.0.0", "198.51.100.7", "10.71.16.0", "10.71.0.10" };
static const struct hosts hosts6 = { "fd80::", "2001:db8::7", "fd71::1:0", "fd71::10" };

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
static __u8 *put_ip(__u8 *at, int family, int length, const char *from, const char *to)
{
	if (family == 4) {
		at[0] = 0x45;
		at[3] = length;
		at[8] = 64;
		at[9] = IPPROTO_TCP;
		inet_pton(AF_INET, from, at + 12);
		inet_pton(AF_INET, to, at + 16);
		return at + 20;
	}
	at[0] = 0x60;
	at[5] = length - 40;
	at[6] = IPPROTO_TCP;
	at[7] = 64;
	inet_pton(AF_INET6, from, at + 8);
	inet_pton(AF_INET6, to, at + 24);
	return at + 40;
}

static void put_tcp(__u8 *at, __u16 from, __u16 to, __u8 flags)
{
	at[0] = from >> 8;
	at[1] = from;
	at[2] = to >> 8;
	at[3] = to;
	at[12] = 0x50;
	at[13] = flags;
}

void frame_make(struct bench *bench, enum direction direction, int family, __u16 port, __u8 flags)
{
	const struct hosts *hosts = family == 4 ? &hosts4 : &hosts6;
	__u8 *frame = (__u8 *)bench->frame, *ip, *tcp;
	int request = direction <= TO_SERVICE_TAGGED, source = direction != DNAT_REPLY;
	const char *to = direction == NAT_REPLY ? hosts->balancer : hosts->client;

	memset(bench, 0, sizeof(*bench));
	ip = put_link(frame, family, direction == TO_SERVICE_TAGGED);
	tcp = put_ip(ip, family, frame + BENCH_FRAME - ip, request ? hosts->client : hosts->backend,
		     request ? hosts->service : to);
	put_tcp(tcp, request ? CLIENT_PORT : port, request ? port : CLIENT_PORT, flags);
	/* the flow's address, source or destination; its port; the other port */
	bench->address_at = tcp - (source ? (family == 4 ? 8 : 20) : 4) - frame;
	bench->port_at = tcp + (request ? 0 : 2) - frame;
	bench->other_at = tcp + (request ? 2 : 0) - frame;
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
