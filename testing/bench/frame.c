// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#define NAT_FIRST 1024 /* the flows of nat fill its ports from here on */

struct hosts {
	const char *client; /* the first of many */
	const char *service;
	const char *backend;
	const char *balancer;
};

static const struct hosts hosts4 = { "10.80.0.1", "198.51.100.7", "10.71.0.11", "10.71.0.10" };
static const struct hosts hosts6 = { "fd80::1", "2001:db8::7", "fd71::11", "fd71::10" };

/* Ethernet, perhaps with a tag; returns what follows. */
static __u8 *put_link(__u8 *at, int family, int tagged)
{
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

static void put_tcp(__u8 *at, int from, int to, __u8 flags)
{
	at[0] = from >> 8;
	at[1] = from;
	at[2] = to >> 8;
	at[3] = to;
	at[12] = 0x50;
	at[13] = flags;
}

static __u32 host_order(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/* Says which address and port the flows differ in: those of the source or the destination. */
static void flows_set(struct bench *bench, int family, __u8 *tcp, int source)
{
	__u8 *frame = (__u8 *)bench->frame, *ports = source ? tcp : tcp + 2;
	__u8 *address = tcp - (source ? (family == 4 ? 8 : 20) : 4);

	bench->address_at = address - frame;
	bench->first_address = host_order(address);
	bench->port_at = ports - frame;
	bench->first_port = ports[0] << 8 | ports[1];
}

void frame_make(struct bench *bench, enum direction direction, int family, int port, __u8 flags)
{
	const struct hosts *hosts = family == 4 ? &hosts4 : &hosts6;
	__u8 *frame = (__u8 *)bench->frame, *ip, *tcp;
	int source = direction <= TO_SERVICE_TAGGED;
	const char *to = direction == NAT_REPLY ? hosts->balancer : hosts->client;

	memset(bench, 0, sizeof(*bench));
	ip = put_link(frame, family, direction == TO_SERVICE_TAGGED);
	tcp = put_ip(ip, family, frame + BENCH_FRAME - ip, source ? hosts->client : hosts->backend,
		     source ? hosts->service : to);
	if (source)
		put_tcp(tcp, 20000, port, flags);
	else
		put_tcp(tcp, port, direction == NAT_REPLY ? NAT_FIRST : 20000, flags);
	flows_set(bench, family, tcp, source);
	bench->ports = direction == NAT_REPLY ? 65536 : 1;
}
