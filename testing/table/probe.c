// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "../../xdp/hash.h"

#define FRAME_MOST 128
#define ETHERNET 14
#define IP4 20
#define IP6 40
#define TCP 20

void probe_open(struct probe *probe, __u32 program, __u32 ifindex)
{
	maps_open(&probe->maps, program);
	probe->program = bpf_prog_get_fd_by_id(program);
	if (probe->program < 0)
		die("program %u: %s", program, strerror(errno));
	probe->ifindex = ifindex;
}

/* ---- packets --------------------------------------------------------------------------- */

static __u16 header_sum(const __u8 *at, int bytes)
{
	__u32 sum = 0;

	for (int i = 0; i < bytes; i += 2)
		sum += at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __u8 *put_ip(__u8 *at, const struct endpoint *from, const struct endpoint *to, __u8 proto)
{
	__u16 sum;

	if (xdplb_is_ipv6(to->addr)) {
		at[0] = 0x60;
		at[5] = TCP;
		at[6] = proto;
		at[7] = 64;
		memcpy(at + 8, from->addr, 16);
		memcpy(at + 24, to->addr, 16);
		return at + IP6;
	}
	at[0] = 0x45;
	at[3] = IP4 + TCP;
	at[8] = 64;
	at[9] = proto;
	memcpy(at + 12, from->addr, 4);
	memcpy(at + 16, to->addr, 4);
	sum = htons(header_sum(at, IP4));
	memcpy(at + 10, &sum, sizeof(sum));
	return at + IP4;
}

/* TCP, or UDP with as many bytes. Returns the frame's length. */
static __u32 frame_make(__u8 *frame, const struct endpoint *from, const struct endpoint *to,
			__u8 proto, __u8 flags)
{
	bool v6 = xdplb_is_ipv6(to->addr);
	__u8 *at;

	memset(frame, 0, FRAME_MOST);
	frame[5] = 1;
	frame[11] = 2;
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	at = put_ip(frame + ETHERNET, from, to, proto);
	memcpy(at, &from->port, 2);
	memcpy(at + 2, &to->port, 2);
	if (proto == IPPROTO_TCP) {
		at[12] = 0x50;
		at[13] = flags;
	} else {
		at[5] = TCP;
		at[7] = 1; /* a checksum, so that there is one to keep right */
	}
	return at + TCP - frame;
}

static void frame_read(const __u8 *frame, struct seen *seen)
{
	bool v6 = frame[12] == 0x86;
	const __u8 *ip = frame + ETHERNET, *at = ip + (v6 ? IP6 : IP4);

	memcpy(seen->dmac, frame, 6);
	memcpy(seen->from.addr, ip + (v6 ? 8 : 12), v6 ? 16 : 4);
	memcpy(seen->to.addr, ip + (v6 ? 24 : 16), v6 ? 16 : 4);
	memcpy(&seen->from.port, at, 2);
	memcpy(&seen->to.port, at + 2, 2);
}

void probe_send(const struct probe *probe, const struct endpoint *from, const struct endpoint *to,
		__u8 proto, __u8 flags, struct seen *seen)
{
	__u8 frame[FRAME_MOST], out[2 * FRAME_MOST];
	__u32 size = frame_make(frame, from, to, proto, flags);
	struct xdp_md context = { .data_end = size, .ingress_ifindex = probe->ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);

	if (bpf_prog_test_run_opts(probe->program, &opts))
		die("BPF_PROG_TEST_RUN: %s", strerror(errno));
	memset(seen, 0, sizeof(*seen));
	seen->verdict = opts.retval;
	frame_read(out, seen);
}

/* ---- the flow table ---------------------------------------------------------------------- */

struct endpoint service_endpoint(const struct maps *maps, __u32 service)
{
	struct endpoint endpoint = { .port = maps->services[service].port };

	memcpy(endpoint.addr, maps->services[service].addr, sizeof(endpoint.addr));
	return endpoint;
}

struct endpoint client_endpoint(int family, __u32 n)
{
	struct endpoint endpoint = { .port = htons(20000 + n % 4) };

	/* beside those of bench/frame.c: 10.96.0.0 and up, fd80:: and up */
	if (family == 6)
		endpoint.addr[0] = htonl(0xfd800000);
	endpoint.addr[family == 6 ? 3 : 0] = htonl(0x0a600000 + n / 4);
	return endpoint;
}

__u64 flow_key(const struct maps *maps, __u32 service, const struct endpoint *client)
{
	__u64 name = xdplb_is_ipv6(client->addr) ?
			     xdplb_flow_name6(maps->config, client->addr, client->port) :
			     xdplb_flow_name4(client->addr[0], client->port);

	return xdplb_flow_key(name, service);
}

static bool is_flow(__u64 value)
{
	return XDPLB_FIELD(value, STATE) > XDPLB_FLOW_BUSY;
}

/* What does not change as long as a flow lives in its entry. */
static __u64 identity(__u64 value)
{
	return value & (XDPLB_FIELD_MASK(BACKEND) | XDPLB_FIELD_MASK(PORT) |
			XDPLB_FIELD_MASK(SNAT) | XDPLB_FIELD_MASK(GENERATION));
}

/* Reads an entry; false when it holds another flow, none, or is being written. */
static bool entry_read(const struct maps *maps, __u32 index, __u64 key, struct found *found)
{
	const struct xdplb_flow *flow = &maps->flows[index / XDPLB_WAYS].way[index % XDPLB_WAYS];

	found->index = index;
	found->value = __atomic_load_n(&flow->value, __ATOMIC_ACQUIRE);
	found->key = __atomic_load_n(&flow->key, __ATOMIC_ACQUIRE);
	return found->key == key && is_flow(found->value) &&
	       identity(__atomic_load_n(&flow->value, __ATOMIC_ACQUIRE)) == identity(found->value);
}

bool flow_find(const struct maps *maps, __u64 key, struct found *found)
{
	__u32 at[2];

	xdplb_flow_buckets(xdplb_hash(maps->config->seed, key), maps->config->flow_mask, at);
	for (int i = 0; i < 2 * XDPLB_WAYS; i++)
		if (entry_read(maps, at[i / XDPLB_WAYS] * XDPLB_WAYS + i % XDPLB_WAYS, key, found))
			return true;
	return false;
}

bool flow_same(const struct found *a, const struct found *b)
{
	return a->index == b->index && a->key == b->key && identity(a->value) == identity(b->value);
}

__u32 flow_backend(const struct found *found)
{
	return XDPLB_FIELD(found->value, BACKEND);
}

__u32 flow_method(__u64 value)
{
	__u32 port = XDPLB_FIELD(value, PORT);

	return port >= XDPLB_PORT_FIRST ? XDPLB_NAT : port;
}

/* The neighbour's MAC, as lib.sh makes it of the last 16 bits of its address. */
static bool is_mac_of(const __u8 mac[6], const __be32 addr[4])
{
	__u32 last = ntohl(addr[xdplb_is_ipv6(addr) ? 3 : 0]);
	const __u8 right[6] = { 2, 0, 0, 0, last >> 8, last };

	return !memcmp(mac, right, 6);
}

bool went_to(const struct maps *maps, const struct seen *seen, __u32 backend, __u32 method)
{
	const struct xdplb_backend *at = &maps->backends[backend];

	if (seen->verdict != XDP_TX && seen->verdict != XDP_REDIRECT)
		return false;
	if (!is_mac_of(seen->dmac, at->addr))
		return false;
	if (method == XDPLB_DSR)
		return true;
	return !memcmp(seen->to.addr, at->addr, sizeof(at->addr)) && seen->to.port == at->port;
}
