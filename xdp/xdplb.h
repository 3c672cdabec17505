/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the data plane and user space share: the layout of every map, its
 * limits and the version of all this. A map's values are written by the side
 * that the comment beside it names.
 *
 * Addresses and ports are in network byte order, everything else in the
 * machine's. An address is four words; IPv4 uses the first, the rest is zero.
 */
#ifndef XDPLB_H
#define XDPLB_H

#include <linux/types.h>

/* Any change to this file's layouts or to a meaning in it raises the version. */
#define XDPLB_ABI 1

/* Most entries of each table. The program reads the sizes of the tables that
 * --flows changes from struct xdplb_config.
 */
#define XDPLB_SERVICES 16384 /* service ids, 0 is none */
#define XDPLB_BACKENDS 32768 /* backend ids, 0 is none; fits 20 bits */
#define XDPLB_POOLS 8192 /* port pool ids, 0 is none */
#define XDPLB_SET_LINES 131072 /* 64-byte lines for backend sets, 0 is none */
#define XDPLB_DIRECTORY_BUCKETS 16384
#define XDPLB_FLOWS (1 << 20)
#define XDPLB_FLOWS_MIN 64
#define XDPLB_FLOWS_MAX (1 << 26)
#define XDPLB_NAT_BLOCKS_MAX 65536 /* block ids are 16 bits, 0 is none */
/* Blocks beyond what the flows fill, because each pool's last one is part full. */
#define XDPLB_NAT_BLOCKS_SPARE 4096
#define XDPLB_NAT_BLOCKS (XDPLB_FLOWS / 64 + XDPLB_NAT_BLOCKS_SPARE)
#define XDPLB_SNATS 16 /* source addresses of one service */
#define XDPLB_WEIGHT_MAX 65535
#define XDPLB_INTERFACES 31 /* and one that is none */
#define XDPLB_SET_BACKENDS_MAX 4096 /* backends of one service */

#define XDPLB_LINE 64

enum xdplb_scheduler {
	XDPLB_RR = 1,
	XDPLB_WRR,
};

enum xdplb_forward {
	XDPLB_NAT = 1,
};

enum xdplb_backend_state {
	XDPLB_UP = 1,
	XDPLB_DRAIN, /* no new flows, the old ones stay */
	XDPLB_DOWN, /* no flows at all */
	XDPLB_BACKUP, /* new flows only while no other is up */
};

/*
 * Why a packet was dropped, or passed on although it looked like ours. Each
 * has a counter of its own in struct xdplb_cpu; loader/names.c has the words.
 */
enum xdplb_reason {
	XDPLB_DROP_NO_BACKEND, /* the service has no backend that takes flows */
	XDPLB_DROP_NO_NEIGHBOUR, /* the next hop's MAC is not known (yet) */
	XDPLB_DROP_NO_ROUTE, /* the kernel has no route to the next hop */
	XDPLB_DROP_NO_PORT, /* nat: every source port towards it is in use */
	XDPLB_DROP_TABLE_FULL, /* the flow table has no room where it must lie */
	XDPLB_DROP_RACE, /* another CPU is just remembering the same flow */
	XDPLB_DROP_BAD_HEADER, /* lengths or fields that contradict each other */
	XDPLB_DROP_BAD_SOURCE, /* a source address that nobody can answer to */
	XDPLB_DROP_FRAGMENT, /* the first fragment of a packet for a service */
	XDPLB_DROP_TTL, /* its time to live ends here */
	XDPLB_DROPS,
	XDPLB_PASS_UNREADABLE = XDPLB_DROPS, /* IPv4, TCP or UDP cut short */
	XDPLB_PASS_FRAGMENT, /* any other fragment */
	XDPLB_PASS_NO_FLOW, /* TCP for a service, no SYN and no flow known */
	XDPLB_REASONS,
};

/* States of a flow; the first two are the entry's own. */
enum xdplb_flow_state {
	XDPLB_FLOW_FREE,
	XDPLB_FLOW_BUSY, /* being written by one CPU */
	XDPLB_FLOW_NEW, /* TCP: the client sent nothing but SYN */
	XDPLB_FLOW_ESTABLISHED,
	XDPLB_FLOW_FIN_CLIENT, /* the client sent FIN */
	XDPLB_FLOW_FIN_BACKEND, /* the backend sent FIN */
	XDPLB_FLOW_CLOSED, /* both did */
	XDPLB_FLOW_RESET, /* either sent RST */
	XDPLB_FLOW_UDP_NEW, /* one datagram from the client so far */
	XDPLB_FLOW_UDP,
	XDPLB_FLOW_STATES,
};

/*
 * A way out is an interface's index, and this when a packet that came in by the
 * same one must be redirected to it: a veth whose peer has no XDP program keeps
 * what XDP_TX gives it until something else wakes the peer.
 */
#define XDPLB_OUT_REDIRECT 0x80000000U
#define XDPLB_OUT_IFINDEX 0x7fffffffU

struct xdplb_interface {
	__u32 out; /* its way out; 0: no interface */
	__u8 mac[6];
	__u8 reserved[2];
};

/*
 * xdplb_config, one entry; user space writes it, but for port_allowed, from
 * which the program takes ports that it finds in use by a socket.
 */
struct xdplb_config {
	__u32 abi; /* XDPLB_ABI, 0 until user space came first */
	__u32 flow_mask; /* buckets of the flow table, less one */
	__u64 seed[2]; /* keys of xdplb_hash() */
	__u32 timeout[XDPLB_FLOW_STATES]; /* seconds, 1 .. 32767 */
	struct xdplb_interface interface[XDPLB_INTERFACES + 1]; /* those with XDP; the last none */
	__u64 port_allowed[1024]; /* bit p: nat may use source port p (host order) */
};

/*
 * xdplb_dir: which addresses are ours. A key lies in one of two buckets, see
 * xdplb_directory_buckets(); the second is looked at only when `spilled` of
 * the first's entry 0 says that some key went there. User space writes it: the
 * index first, then the key.
 */
enum xdplb_kind {
	XDPLB_KIND_SERVICE = 1, /* index is a service id */
	XDPLB_KIND_BACKEND, /* index is the first port pool of the backend */
};

struct xdplb_directory_entry {
	__u64 key; /* xdplb_directory_key(), 0 is empty */
	__u32 index;
	__u32 spilled; /* entry 0: keys that lie in their second bucket */
};

#define XDPLB_WAYS 4
struct xdplb_directory_bucket {
	struct xdplb_directory_entry way[XDPLB_WAYS];
};

/* xdplb_services, by service id. User space writes it. */
struct xdplb_service {
	__u64 set; /* the backend set in force: its first line; 0 none */
	__be32 addr[4];
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP; 0: free entry */
	__u8 reserved[5];
	/* counts of backends that are gone, for the totals */
	__u64 retired_packets;
	__u64 retired_bytes;
	__u64 retired_reply_packets;
	__u64 retired_reply_bytes;
	__u64 retired_new_flows;
};

/*
 * xdplb_sets: backend sets. A set is a run of 64-byte lines: this header, the
 * source addresses, the backends, the slots. It never changes once it is
 * published (struct xdplb_service.set), but for the counter in it.
 */
struct xdplb_set {
	__u64 next; /* flows handed out; the program counts here */
	__u32 slots; /* number of slots, 0: nobody takes flows */
	__u32 slot_line; /* line of slot 0 */
	__u32 lines; /* length, this line included */
	__u32 service;
	__u32 backends; /* struct xdplb_set_backend, from line 1 + snat lines */
	__u8 scheduler; /* enum xdplb_scheduler */
	__u8 forward; /* enum xdplb_forward */
	__u8 snats; /* --snat addresses, four a line, from line 1 */
	__u8 reserved[33];
};

struct xdplb_set_backend {
	__u32 backend; /* id */
	__u16 weight; /* 1 .. 65535 */
	__u8 state; /* enum xdplb_backend_state */
	__u8 reserved;
};

union xdplb_set_line {
	struct xdplb_set head;
	__be32 snat[4][4];
	struct xdplb_set_backend backend[8];
	__u32 slot[16]; /* backend ids */
};

/*
 * xdplb_backends, by backend id: one backend of one service. User space writes
 * it. An entry outlives its place in the set until its last flow is gone.
 */
#define XDPLB_BACKEND_USED 1
#define XDPLB_BACKEND_DOWN 2 /* its flows shall move at once */
struct xdplb_backend {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 flags;
	__u32 service;
	__u32 pool[XDPLB_SNATS]; /* ids; an index never changes its address while flows use it */
	__u32 pools; /* bit i: new flows may use pool[i] */
	__u8 mac[6]; /* mac=, zero when it was left out */
	__u8 reserved[30];
};

/* xdplb_back_cpu, per CPU and backend: the program writes it. */
struct xdplb_backend_cpu {
	__u64 packets; /* from clients */
	__u64 bytes; /* Ethernet header to the end of the IP packet */
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 new_flows;
	__s64 active; /* summed over CPUs: flows that are new or established */
	__s64 entries; /* summed over CPUs: flow table entries */
	/* the next hop, as bpf_fib_lookup() gave it in second `looked_up` */
	__u32 looked_up;
	__u32 out;
	__u8 dmac[6];
	__u8 smac[6];
	__u8 reserved[4];
};

/*
 * xdplb_flows: buckets of four flows. A flow lies in one of two buckets, see
 * xdplb_flow_buckets(). The program writes it.
 */
struct xdplb_flow {
	__u64 key; /* xdplb_flow_key() */
	__u64 value; /* XDPLB_FLOW_* fields */
};

struct xdplb_flow_bucket {
	struct xdplb_flow way[XDPLB_WAYS];
};

/* Fields of a flow's value: lowest bit and width. */
#define XDPLB_SEEN_BIT 0 /* second it was last seen, modulo 65536 */
#define XDPLB_SEEN_BITS 16
#define XDPLB_STATE_BIT 16 /* enum xdplb_flow_state */
#define XDPLB_STATE_BITS 4
#define XDPLB_GENERATION_BIT 20 /* counts the flows this entry has held */
#define XDPLB_GENERATION_BITS 4
#define XDPLB_SNAT_BIT 24 /* index into the backend's pools */
#define XDPLB_SNAT_BITS 4
#define XDPLB_PORT_BIT 28 /* nat: source port, host order */
#define XDPLB_PORT_BITS 16
#define XDPLB_BACKEND_BIT 44 /* id */
#define XDPLB_BACKEND_BITS 20

#define XDPLB_FIELD(value, name) \
	(((value) >> XDPLB_##name##_BIT) & ((1ULL << XDPLB_##name##_BITS) - 1))
#define XDPLB_FIELD_MASK(name) (((1ULL << XDPLB_##name##_BITS) - 1) << XDPLB_##name##_BIT)
#define XDPLB_FIELD_OF(name, x) (((__u64)(x) << XDPLB_##name##_BIT) & XDPLB_FIELD_MASK(name))

/*
 * xdplb_pools: the source ports of one snat address towards one backend
 * (address, port, protocol), whichever services use it. Ports are handed out
 * in groups of 64; a group that is in use has a block. The maps of bits have
 * one bit a group. Both sides write `full`, with atomic operations; the rest is
 * the program's, but for the fields marked user.
 */
#define XDPLB_GROUPS 1024
struct xdplb_pool {
	__be32 addr[4]; /* user: the source address */
	__be32 backend_addr[4]; /* user */
	__be16 backend_port; /* user */
	__u8 proto; /* user; 0: free entry */
	__u8 reserved;
	__u32 next; /* user: another pool of the same backend, 0 none */
	__u32 reclaim; /* where to look for a port to take back */
	__u32 reserved2;
	__u64 claimed[XDPLB_GROUPS / 64]; /* has a block or is getting one */
	__u64 owned[XDPLB_GROUPS / 64]; /* has a block */
	__u64 full[XDPLB_GROUPS / 64]; /* has no port to give */
	__u64 over[XDPLB_GROUPS / 64]; /* has ports of flows that are over */
	__u64 unproven[XDPLB_GROUPS / 64]; /* ... that never got past their first packet */
	__u16 block[XDPLB_GROUPS];
};

/* xdplb_blocks, by block id: 64 ports and the 64 nat records of the same index. */
struct xdplb_block {
	__u64 used; /* bit i: port 64 * group + i is taken */
	__u64 over; /* ... by a flow that is over */
	__u64 unproven; /* ... by one that never got past its first packet */
	__u32 pool;
	__u32 group;
};

/*
 * xdplb_nat, by 64 * block + bit: the record by which a reply finds its flow.
 * The program writes it, `seq` odd meanwhile. The record belongs to the flow
 * table entry it names and lives exactly as long.
 */
struct xdplb_nat_record {
	__u32 seq;
	__u32 backend; /* id, 0: no flow */
	__u32 flow; /* 4 * bucket + way */
	__u32 out; /* the way back to the client */
	__be32 client[4];
	__be16 client_port;
	__u16 seen; /* second of the last look at flow and route, modulo 65536 */
	__u8 dmac[6];
	__u8 smac[6];
};

/* xdplb_cpu, one entry a CPU: the program writes it. */
struct xdplb_cpu {
	__u64 jiffies; /* when `now` was read */
	__u32 now; /* seconds of CLOCK_MONOTONIC */
	__u32 sweep; /* bucket of the flow table to look at next */
	__u64 verdict[8]; /* by enum xdp_action */
	__u64 reason[XDPLB_REASONS];
};

_Static_assert(sizeof(struct xdplb_directory_bucket) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_set) == XDPLB_LINE, "a line");
_Static_assert(sizeof(union xdplb_set_line) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_flow_bucket) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_service) == 72, "ABI");
_Static_assert(sizeof(struct xdplb_backend) == 128, "ABI");
_Static_assert(sizeof(struct xdplb_backend_cpu) == 80, "ABI");
_Static_assert(sizeof(struct xdplb_nat_record) == 48, "a flow with nat takes 16 + 48 bytes");
_Static_assert(XDPLB_BACKENDS <= 1 << XDPLB_BACKEND_BITS, "ids fit a flow's value");
_Static_assert(XDPLB_SNATS <= 1 << XDPLB_SNAT_BITS, "indices fit a flow's value");

/*
 * A keyed hash of a 64-bit key: two rounds of multiply and fold (the finalizer
 * of MurmurHash3 with secret constants added), good enough that buckets fill
 * evenly and cannot be aimed at without the seed.
 */
static inline __u64 xdplb_hash(const __u64 *seed, __u64 key)
{
	key ^= seed[0];
	key = (key ^ (key >> 33)) * 0xff51afd7ed558ccdULL;
	key = (key ^ (key >> 33) ^ seed[1]) * 0xc4ceb9fe1a85ec53ULL;
	return key ^ (key >> 33);
}

/* The key of an IPv4 address, port and protocol in the directory. */
static inline __u64 xdplb_directory_key(__u8 kind, __be32 addr, __be16 port, __u8 proto)
{
	return (__u64)kind << 56 | (__u64)proto << 48 | (__u64)port << 32 | addr;
}

/*
 * The two buckets of a directory key. Nobody outside puts keys there, so one
 * multiplication (by 2^64 over the golden ratio) spreads them well enough.
 */
static inline void xdplb_directory_buckets(__u64 key, __u32 bucket[2])
{
	__u64 hash = (key ^ key >> 32) * 0x9e3779b97f4a7c15ULL;

	bucket[0] = hash >> 32 & (XDPLB_DIRECTORY_BUCKETS - 1);
	bucket[1] = hash >> 50 & (XDPLB_DIRECTORY_BUCKETS - 1);
}

/* The key of an IPv4 client's flow to a service, never 0. */
static inline __u64 xdplb_flow_key(__be32 client, __be16 port, __u32 service)
{
	return (__u64)service << 48 | (__u64)port << 32 | client;
}

/*
 * The two buckets a flow may lie in, of mask + 1 (a power of two, at least two);
 * they differ.
 */
static inline void xdplb_flow_buckets(__u64 hash, __u32 mask, __u32 bucket[2])
{
	bucket[0] = hash & mask;
	bucket[1] = (hash >> 32) & mask;
	if (bucket[1] == bucket[0])
		bucket[1] ^= 1;
}

#endif
