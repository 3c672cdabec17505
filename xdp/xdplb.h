/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the data plane and user space share: the layout of every map, its
 * limits and the version of all this. A map's values are written by the side
 * that the comment beside it names.
 *
 * Addresses and ports are in network byte order, everything else in the
 * machine's. An address is four words; IPv4 uses the first, the rest is zero.
 * So an IPv6 address with twelve zero bytes behind would be read as IPv4: it is
 * a subnet's anycast address (RFC 4291, section 2.6.1), and user space takes
 * none as a service or backend.
 */
#ifndef XDPLB_H
#define XDPLB_H

#include <linux/bpf.h>
#include <linux/types.h>

/* Any change to this file's layouts or to a meaning in it raises the version. */
#define XDPLB_ABI 6

/* Most entries of each table. The program reads the sizes of the tables that
 * --flows changes from struct xdplb_config.
 */
#define XDPLB_SERVICES 16384 /* service ids, 0 is none */
#define XDPLB_BACKENDS 32768 /* backend ids, 0 is none; fits 15 bits */
#define XDPLB_POOLS 8192 /* port pool ids, 0 is none */
#define XDPLB_SET_LINES 524288 /* 64-byte lines for backend sets, 0 is none */
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
#define XDPLB_INTERFACES 63 /* and one that is none */
#define XDPLB_CLIENTS 65536 /* of dnat, whose next hop is remembered; a power of two */
#define XDPLB_FRAGMENTS 16384 /* packets in fragments at once; a power of two */
#define XDPLB_SHARED 16 /* services that may share one dnat, ipip or gue backend */
#define XDPLB_SET_BACKENDS_MAX 4096 /* backends of one service */
#define XDPLB_SCAN_MAX 256 /* backends of a set that lc and wlc compare one by one */
#define XDPLB_TIMEOUT_MAX 32767 /* seconds */
#define XDPLB_TABLES 128 /* services whose listeners register themselves, 0 is none */
#define XDPLB_LISTENERS 256 /* of one service, a power of two */
#define XDPLB_CHOICES 512 /* listeners, and beside them as many backends of the set */
#define XDPLB_EVENTS_BYTES (1 << 18) /* room for events nobody has read yet */

#define XDPLB_LINE 64

enum xdplb_scheduler {
	XDPLB_RR = 1,
	XDPLB_WRR,
	XDPLB_LC,
	XDPLB_WLC,
	XDPLB_SH,
	XDPLB_MAGLEV,
	XDPLB_P2C,
};

/* How the program finds a new flow's slot; a slot is a word, see XDPLB_SLOT_*. */
enum xdplb_pick {
	XDPLB_PICK_NEXT = 1, /* each in turn: rr, wrr */
	XDPLB_PICK_HASH, /* by a hash of the flow or the client: maglev, sh */
	XDPLB_PICK_LEAST, /* the fewest active flows for its weight, of all: lc, wlc */
	XDPLB_PICK_TWO, /* ... of two that a hash names: p2c, lc and wlc of many */
};

enum xdplb_forward {
	XDPLB_NAT = 1, /* both addresses rewritten, replies come back here */
	XDPLB_DNAT, /* the destination rewritten */
	XDPLB_DSR, /* only MACs change */
	XDPLB_IPIP, /* wrapped in IP: RFC 2003, 2473, 4213 */
	XDPLB_GUE, /* wrapped in UDP: draft-ietf-intarea-gue, variant 1 */
	XDPLB_LOCAL, /* the port rewritten to that of a listener on this machine */
};

/* A port that nat uses is at least this; below lie the services' own (RFC 6335). */
#define XDPLB_PORT_FIRST 1024
#define XDPLB_GUE_PORT 6080 /* the default; IANA's */
#define XDPLB_REGISTRATION_PORT 7475 /* the default */

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
	XDPLB_DROP_NO_PORT, /* nat: no source port towards it is free; dnat: the client's is not */
	XDPLB_DROP_TABLE_FULL, /* the flow table has no room where it must lie */
	XDPLB_DROP_RACE, /* another CPU is just remembering the same flow */
	XDPLB_DROP_BAD_HEADER, /* lengths or fields that contradict each other */
	XDPLB_DROP_BAD_SOURCE, /* a source address that nobody can answer to */
	XDPLB_DROP_FRAGMENT, /* a fragment that came before the first of its packet */
	XDPLB_DROP_TTL, /* its time to live, or hop limit, ends here */
	XDPLB_DROP_TOO_BIG, /* it does not fit the way out, and nobody was told */
	XDPLB_DROP_NO_ENCAP, /* ipip or gue, in the program that cannot wrap */
	XDPLB_DROP_VLAN, /* it has no tag to change into the one it needs, or one too many */
	/* registrations, which changed nothing */
	XDPLB_DROP_REG_MALFORMED,
	XDPLB_DROP_REG_DENIED, /* for no service that takes any, from elsewhere, or another's port
				*/
	XDPLB_DROP_REG_KEY, /* its tag is not of the service's key */
	XDPLB_DROP_REG_REPLAY, /* its counter is not above all before */
	XDPLB_DROP_REG_FULL, /* the service has as many listeners as can be */
	XDPLB_DROPS,
	XDPLB_PASS_UNREADABLE = XDPLB_DROPS, /* IP, TCP or UDP cut short */
	XDPLB_PASS_FRAGMENT, /* a later fragment of a packet that is not for a service */
	XDPLB_PASS_NO_FLOW, /* TCP for a service, no SYN and no flow known */
	XDPLB_PASSES,
	/* answered, and sent back where it came from */
	XDPLB_ANSWER_TOO_BIG = XDPLB_PASSES, /* fragmentation needed, packet too big */
	XDPLB_ANSWER_ECHO, /* an echo request to a service's address */
	XDPLB_ANSWER_REGISTERED, /* a registration, taken; answered where it asked for that */
	XDPLB_ANSWERS,
	/* what became of flows; these packets were sent on */
	XDPLB_FLOW_NO_ROOM = XDPLB_ANSWERS, /* the table had none: sent by its hash */
	XDPLB_FLOW_STRAY, /* TCP, no SYN and no flow known: sent by its hash */
	XDPLB_FLOW_TAKEN_OVER, /* adopted: remembered in an adoption window, with who had it */
	XDPLB_FLOW_EVICTED, /* never got past its first packet, and gave its entry to a newer flow
			     */
	XDPLB_FLOW_EXPIRED, /* or was over */
	XDPLB_REASONS,
};

/* What can be set of how long flows are remembered. */
enum xdplb_timeout {
	XDPLB_TIMEOUT_ESTABLISHED,
	XDPLB_TIMEOUT_CLOSING,
	XDPLB_TIMEOUT_UDP,
	XDPLB_TIMEOUT_AFFINITY,
	XDPLB_TIMEOUTS,
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
	/* not a flow, but where a client's next ones go; the port in the key is 0 */
	XDPLB_FLOW_CLIENT_NEW, /* its flows never got past their first packet */
	XDPLB_FLOW_CLIENT,
	XDPLB_FLOW_ADOPTED, /* TCP: one packet from the client so far, of a flow older than its
			       entry */
	XDPLB_FLOW_STATES,
};

/*
 * A way out is an interface's index, and this when a packet that came in by the
 * same one must be redirected to it: a veth whose peer has no XDP program keeps
 * what XDP_TX gives it until something else wakes the peer.
 */
#define XDPLB_OUT_REDIRECT 0x80000000U
#define XDPLB_OUT_IFINDEX 0x7fffffffU

/* A next hop: all that a frame needs to get there. */
struct xdplb_way {
	__u32 out;
	__u16 mtu; /* bytes from the IP header on */
	__be16 vlan; /* id, 0: tags stay as they are */
	__u8 dmac[6];
	__u8 smac[6];
};

/* An interface that has XDP, or a VLAN on one. */
struct xdplb_interface {
	__u32 ifindex; /* 0: no interface */
	__u32 out; /* its way out, of a VLAN that of the interface below */
	__u16 mtu;
	__be16 vlan; /* id of a VLAN, else 0 */
	__u8 mac[6];
	__u8 reserved[2];
};

/*
 * xdplb_config, one entry; user space writes it, but for port_allowed, from
 * which the program takes ports that it finds in use by a socket.
 */
struct xdplb_config {
	__u32 abi; /* XDPLB_ABI, 0 until user space came first */
	__u32 flow_mask; /* buckets of the flow table, less one, of programs that know one table */
	__u64 seed[2]; /* keys of xdplb_hash() and xdplb_siphash() */
	__u32 name_key[2][6]; /* see xdplb_name_keys() */
	__u32 kinds; /* bit enum xdplb_kind: the directory may have such entries */
	__u32 icmp_rate; /* answers "too big" a second and CPU, at most */
	__be16 gue_port;
	__u8 echo; /* echo requests to services' addresses are answered */
	__u8 reserved;
	__be16 registration_port;
	__u16 cpus; /* possible ones */
	__u32 watched_until; /* second of struct xdplb_cpu's clock up to which somebody reads events
			      */
	__u32 phase; /* changes so far; its lowest bit says which sets are in force, all of them */
	struct xdplb_interface
		interface[XDPLB_INTERFACES + 1]; /* those with XDP first; the last none */
	__u64 heard[XDPLB_REASONS]; /* what became of registrations that a process took */
	__u64 seal[2]; /* key under which xdplb_replies says who sends a registration */
	__u64 port_allowed[1024]; /* bit p: nat may use source port p (host order) */
};

/*
 * xdplb_dir: which addresses are ours. A key lies in one of two buckets, see
 * xdplb_directory_buckets(); the second is looked at only when `spilled` of
 * the first's entry 0 says that some key went there. User space writes it: the
 * index first, then the key.
 */
enum xdplb_kind {
	XDPLB_KIND_SERVICE = 1, /* a service's; index is its id */
	XDPLB_KIND_BACKEND, /* of a backend with nat; index is its first port pool */
	XDPLB_KIND_DNAT, /* ... with dnat; index is a backend id, others follow by `next` */
	XDPLB_KIND_TUNNEL, /* ... with ipip or gue, port and protocol 0; others by `next_tunnel` */
	XDPLB_KIND_ADDRESS, /* with port and protocol 0: index is a service with this address */
	XDPLB_KIND_REGISTER, /* the same of those whose listeners register themselves */
	XDPLB_KIND_LOCAL, /* no entries, but xdplb_ports has some */
};

struct xdplb_directory_entry {
	__u64 key; /* xdplb_directory_key4() or _key6(), 0 is empty */
	__u32 index;
	__u32 spilled; /* entry 0: keys that lie in their second bucket */
};

#define XDPLB_WAYS 4
struct xdplb_directory_bucket {
	struct xdplb_directory_entry way[XDPLB_WAYS];
};

/* xdplb_services, by service id. User space writes it. */
struct xdplb_service {
	__u32 set[2]; /* backend sets, by phase: the first line; 0 none, as if it were no service */
	__be32 addr[4];
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP; 0: free entry */
	__u8 reserved[3];
	__u16 table; /* of its listeners that register themselves, 0: none do */
	/* counts of backends that are gone, for the totals; both sides add, atomically */
	__u64 retired_packets;
	__u64 retired_bytes;
	__u64 retired_reply_packets;
	__u64 retired_reply_bytes;
	__u64 retired_new_flows;
};

/*
 * xdplb_sets: backend sets. A set is a run of 64-byte lines: this header, the
 * source addresses, the backends, the slots, the old slots. It never changes
 * once it is in force (struct xdplb_service.set), but for the counter in it.
 *
 * Old slots say where flows went that nothing remembers, before a change that
 * made slots of another number or hash, or of another pick. They are plain
 * owners, without marks, and count until `window_end`.
 */
#define XDPLB_SET_TRACK 1 /* every flow is remembered; else those of marked slots */
#define XDPLB_SET_STATELESS 2 /* no flow is: UDP that follows its slot's owner */
#define XDPLB_SET_AFFINITY 4 /* so are clients: new flows go where their last went */
#define XDPLB_SET_LISTEN 8 /* no slots: the program chooses of struct xdplb_table */
#define XDPLB_SET_EACH 16 /* local: each datagram is handed out by itself, whose flow it may be */
#define XDPLB_SET_ASKED 32 /* what user space alone reads: that UDP is tracked was asked for */
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
	__u8 flags; /* XDPLB_SET_* */
	__u32 window_end; /* second of struct xdplb_cpu's clock before which adoption counts */
	__u32 old_slots; /* 0: none */
	__u32 old_line;
	__u8 pick; /* enum xdplb_pick */
	__u8 hash_bits; /* of the client's address that are hashed; 0: all, and the port */
	__u8 old_hash_bits;
	__u8 old_forward; /* method of the flows that are adopted */
	/* what user space alone reads, but that there is a slow start */
	__u32 table; /* slots of maglev or sh as asked for, 0: as many as fit the backends */
	__u16 window; /* seconds */
	__u16 slow_start; /* seconds, 0: none */
	__u16 timeout[XDPLB_TIMEOUTS]; /* seconds, as asked for */
};

struct xdplb_set_backend {
	__u32 backend; /* id */
	__u16 weight; /* 1 .. 65535 */
	__u8 state; /* enum xdplb_backend_state */
	__u8 own; /* XDPLB_OWN_*: what the operator wants where health checks made it another */
};

/* The operator's state (enum xdplb_backend_state), 0: `state` is his. */
#define XDPLB_OWN_STATE(own) ((own)&7)
/* The weight is an agent's; the operator's is struct xdplb_backend.own_weight. */
#define XDPLB_OWN_WEIGHT 8

#define XDPLB_SNATS_A_LINE 4
#define XDPLB_BACKENDS_A_LINE 8
#define XDPLB_SLOTS_A_LINE 16
union xdplb_set_line {
	struct xdplb_set head;
	__be32 snat[XDPLB_SNATS_A_LINE][4];
	struct xdplb_set_backend backend[XDPLB_BACKENDS_A_LINE];
	__u32 slot[XDPLB_SLOTS_A_LINE]; /* XDPLB_SLOT_* */
};

/*
 * A slot's word: the backend id that owns it and, by pick, its weight (LEAST,
 * TWO), or who owned it before and two marks (HASH). LOOKUP: flows may be
 * remembered here that belong to another than the owner. ADOPT: the owner has
 * changed in this window, and flows that are not remembered belong to the
 * previous one, or to the old slots where there are any.
 */
#define XDPLB_SLOT_OWNER(word) ((word)&0x7fff)
#define XDPLB_SLOT_PREVIOUS(word) ((word) >> 15 & 0x7fff)
#define XDPLB_SLOT_WEIGHT(word) ((word) >> 15 & 0xffff)
#define XDPLB_SLOT_SECOND(x) ((__u32)(x) << 15) /* a previous owner, or a weight */
#define XDPLB_SLOT_LOOKUP (1U << 30)
#define XDPLB_SLOT_ADOPT (1U << 31)

/*
 * xdplb_backends, by backend id: one backend of one service. User space writes
 * it, but for path_mtu and path_mtu_seen, which are the program's. An entry
 * outlives its place in the set until its last flow is gone.
 */
#define XDPLB_BACKEND_USED 1
#define XDPLB_BACKEND_DOWN 2 /* its flows shall move at once */
#define XDPLB_BACKEND_SPREAD 4 /* ipip: the outer source is one of many, by the flow */
#define XDPLB_BACKEND_OPEN 8 /* it takes new flows: it owns slots of the set in force */
struct xdplb_backend {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 flags;
	__u32 service;
	__u16 timeout[XDPLB_FLOW_STATES]; /* seconds, 1 .. 32767, of flows in these states */
	__u16 ramp_seconds; /* slow start: how long it takes its share slowly; 0: it does not */
	__u32 ramp_start; /* second of struct xdplb_cpu's clock in which it came up */
	__u32 pools; /* bit i: new flows may use pool[i] */
	__u32 path_mtu_seen; /* second in which path_mtu was learned */
	__u32 pool[XDPLB_SNATS]; /* ids; an index never changes its address while flows use it */
	__be32 source[4]; /* tunnels: the outer source address, where it is not one of many */
	__u32 next; /* dnat: another backend that the directory's entry leads to, 0 none */
	__u32 next_tunnel; /* likewise; a backend whose method changed may have flows of both */
	__u16 path_mtu; /* tunnels: bytes with the outer header, as a router said; 0 nothing */
	__u8 mac[6]; /* mac=, zero when it was left out */
	__u16 own_weight; /* see XDPLB_OWN_WEIGHT; user space alone reads it */
	__u8 reserved[6];
	__be32 here[4]; /* this machine's address towards it, zero when not known */
	__u8 reserved2[8];
};

/*
 * xdplb_active, by backend id: its flow table entries in the high half, of
 * which those are in the low half that are active, see flow_is_active(). One
 * word for all CPUs, changed by atomic additions, alone in its line.
 */
struct xdplb_active {
	__u64 flows;
	__u64 reserved[7];
};

#define XDPLB_ACTIVE(word) ((__u32)(word))
#define XDPLB_ENTRIES(word) ((__u32)((word) >> 32))

/*
 * xdplb_tables: the listeners of a service that registers them, and what packets
 * choose from, which the program makes of them and of the set's own backends.
 * Registrations write the listeners, by the program or in its stead by user
 * space; user space also clears them. Selections are the program's.
 */
enum xdplb_registration {
	XDPLB_REGISTRATION_OFF,
	XDPLB_REGISTRATION_KERNEL, /* the program takes registrations */
	XDPLB_REGISTRATION_USER, /* it passes them on to a process that does */
};

struct xdplb_listener {
	__u32 word; /* XDPLB_LISTENER_*; 0: free, or given up */
	__u32 leaving; /* it said goodbye: flows that it has may go on until it expires */
	__u64 expires; /* nanosecond of CLOCK_MONOTONIC_COARSE, 0: UDP said goodbye */
	__u64 counter; /* of the last registration, where there is a key */
	__u32 user; /* who registered it, and alone may change that; XDPLB_USER_ANY: he had a key */
	__u32 reserved;
};

#define XDPLB_USER_ANY 0xffffffffU
#define XDPLB_LISTENER_PORT(word) ((word)&0xffff) /* host order */
#define XDPLB_LISTENER_WEIGHT(word) ((word) >> 16) /* 0: it does not count */
#define XDPLB_LISTENER_OF(port, weight) ((__u32)(weight) << 16 | (port))

/* It takes flows in this nanosecond. */
static inline int xdplb_listener_is_live(const struct xdplb_listener *listener, __u64 now)
{
	return XDPLB_LISTENER_WEIGHT(listener->word) && !listener->leaving &&
	       listener->expires > now;
}

/*
 * After a goodbye for a service of this protocol, flows go on: a connection is the
 * listener's, while any other can answer a datagram.
 */
static inline int xdplb_goodbye_leaves_flows(__u8 proto)
{
	return proto == 6; /* IPPROTO_TCP */
}

struct xdplb_selection {
	__u32 seq; /* odd while it is being written */
	__u32 count; /* of those that take flows */
	__u32 total; /* of their weights */
	__u32 stride; /* from one turn to the next, without a common divisor with total */
	__u32 word[XDPLB_CHOICES]; /* as a slot's: backend id and weight */
	__u32 sum[XDPLB_CHOICES]; /* of the weights up to this one; beyond the last all ones */
};

struct xdplb_table {
	/* read for every packet; the last word says it all in one */
	__u64 due; /* nanosecond in which the next of them expires */
	__u32 changes; /* of listeners, so far */
	__u32 built; /* changes that the selection knows */
	__u64 current; /* XDPLB_CURRENT_*, of the selection in force */
	/* read for every registration; user space writes it */
	__u32 service; /* 0: free */
	__u32 first; /* backend id of the first listener; the others' follow it */
	__u8 mode; /* enum xdplb_registration */
	__u8 keyed;
	__u8 anywhere; /* registrations may come from other machines */
	__u8 reserved[5];
	__u64 key[2]; /* of SipHash, as the paper reads its 16 bytes */
	__u64 floor; /* counters of new listeners are above it */

	__u32 building; /* by a CPU, and only one */
	__u32 builds_left; /* in this tick */
	__u64 built_at;
	__u64 is_static[XDPLB_LISTENERS /
			64]; /* bit k: a backend of the set has listener k's port */
	__u64 reserved2[2];
	struct xdplb_listener listener[XDPLB_LISTENERS];
	struct xdplb_selection selection[2];
};

/* Which selection, and the set it was made for. */
#define XDPLB_CURRENT_SELECTION(word) ((__u32)((word)&1))
#define XDPLB_CURRENT_SET(word) ((__u32)((word) >> 32))
#define XDPLB_CURRENT_OF(set, selection) ((__u64)(set) << 32 | (selection))

/*
 * xdplb_ports, by a port in host order: up to four ids of backends with local
 * forwarding that have it, 16 bits each, the first ones lowest. Both sides write
 * it, with compare and swap. An id may be out of date: the backend tells its port.
 */
#define XDPLB_PORTS 65536
#define XDPLB_PORT_USERS 4

/*
 * xdplb_events, a ring buffer: what somebody who watches is told. The program
 * writes it while struct xdplb_config.watched_until says so.
 */
enum xdplb_event_kind {
	XDPLB_EVENT_FLOW = 1, /* a new flow, or one adopted */
	XDPLB_EVENT_DROP,
	XDPLB_EVENT_REGISTERED, /* and its weight and lifetime; goodbye: weight 0 */
	XDPLB_EVENT_REFUSED, /* a registration */
	XDPLB_EVENT_HANDED, /* a registration, for a process to take or refuse */
};

struct xdplb_event {
	__u8 kind; /* enum xdplb_event_kind */
	__u8 proto; /* IPPROTO_* of the packet */
	__u8 reason; /* DROP, REFUSED: enum xdplb_reason */
	__u8 v6;
	__u32 service; /* id, 0: none */
	__be32 saddr[4];
	__be32 daddr[4];
	__be16 sport;
	__be16 dport;
	/* FLOW: the backend; registrations: the listener, its port alone */
	__be32 backend_addr[4];
	__be16 backend_port;
	__u16 weight;
	__u16 lifetime; /* seconds */
};

/* xdplb_back_cpu, per CPU and backend: the program writes it. */
struct xdplb_backend_cpu {
	__u32 looked_up; /* second in which bpf_fib_lookup() gave the way */
	struct xdplb_way way;
	__u64 packets; /* from clients */
	__u64 bytes; /* Ethernet header to the end of the IP packet */
	__u64 reply_packets;
	__u64 reply_bytes;
	__u64 new_flows;
	__u32 probed; /* second of the last packet that would learn of a path's MTU */
	__u32 asked; /* second of the last one that became a question for the neighbour */
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

/*
 * xdplb_resize: how far a table is that changes its size, see xdp/resize.h. Of such
 * programs alone, with xdplb_old, the table that shall go; the others have one
 * entry of each, which they do not use. User space writes the stage, by one byte.
 */
enum xdplb_resize_stage {
	XDPLB_RESIZE_OLD, /* flows are in the old table; other programs may know no other */
	XDPLB_RESIZE_BOTH, /* still, but each program looks in both */
	XDPLB_RESIZE_NEW, /* new flows go to the new one, and the others are carried there */
};

struct xdplb_resize {
	struct bpf_spin_lock lock; /* of who carries flows */
	__u32 stage; /* enum xdplb_resize_stage */
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
#define XDPLB_PORT_BIT 28 /* nat: source port, host order; else enum xdplb_forward */
#define XDPLB_PORT_BITS 16
#define XDPLB_BACKEND_BIT 44 /* id */
#define XDPLB_BACKEND_BITS 20

#define XDPLB_FIELD(value, name) \
	(((value) >> XDPLB_##name##_BIT) & ((1ULL << XDPLB_##name##_BITS) - 1))
#define XDPLB_FIELD_MASK(name) (((1ULL << XDPLB_##name##_BITS) - 1) << XDPLB_##name##_BIT)
#define XDPLB_FIELD_OF(name, x) (((__u64)(x) << XDPLB_##name##_BIT) & XDPLB_FIELD_MASK(name))

/*
 * xdplb_frags: how later fragments follow the first, by a hash of the packet's
 * addresses, identification and protocol. The program writes it. `check` is
 * that hash and the value in one (exclusive or), so that a key and a value that
 * two CPUs wrote do not fit each other.
 */
enum xdplb_fragment_way {
	XDPLB_FRAGMENT_NONE,
	XDPLB_FRAGMENT_TO_BACKEND,
	XDPLB_FRAGMENT_NAT_REPLY, /* the backend field is the port pool */
	XDPLB_FRAGMENT_DNAT_REPLY,
	XDPLB_FRAGMENT_PASS,
};

struct xdplb_fragment {
	__u64 check;
	__u64 value; /* XDPLB_FLOW_* fields, the state an enum xdplb_fragment_way */
};

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
 * of this client to the backend's service and lives exactly as long.
 */
struct xdplb_nat_record {
	__u32 seq;
	__u32 backend; /* id, 0: no flow */
	struct xdplb_way way; /* back to the client */
	__be32 client[4];
	__be16 client_port;
	__u16 seen; /* second of the last look at flow and route, modulo 65536 */
};

/*
 * xdplb_clients: records of the same form, for replies of dnat, by
 * xdplb_client_index() of the client's address: `seq`, `way`, `client` and
 * `seen`, and instead of a port the second, modulo 65536, in which the client's
 * own packet last showed the way. Of clients that fall together the last one's
 * stays.
 */

/* xdplb_cpu, one entry a CPU: the program writes it. */
struct xdplb_cpu {
	__u64 jiffies; /* when `now` was read */
	__u64 now_ns; /* nanosecond of CLOCK_MONOTONIC_COARSE then */
	__u64 swept; /* nanosecond of CLOCK_MONOTONIC up to which the flow table was swept */
	__u32 now; /* seconds of CLOCK_MONOTONIC */
	__u32 sweep; /* bucket of the flow table to look at next */
	__u64 verdict[8]; /* by enum xdp_action */
	__u64 reason[XDPLB_REASONS];
	__u32 answers_left; /* "too big" in this second */
	__u32 moves_left; /* of flows to their other bucket, in this tick */
	__u32 ident; /* of the next wrapped packet */
	__u32 turn; /* where the next search for a flow that gives way begins */
	__u64 work[44]; /* the packet that is on its way, see xdp/packet.h */
};

_Static_assert(sizeof(struct xdplb_directory_bucket) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_set) == XDPLB_LINE, "a line");
_Static_assert(sizeof(union xdplb_set_line) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_flow_bucket) == XDPLB_LINE, "a line");
_Static_assert(sizeof(struct xdplb_way) == 20, "ABI");
_Static_assert(sizeof(struct xdplb_interface) == 20, "ABI");
_Static_assert(sizeof(struct xdplb_service) == 72, "ABI");
_Static_assert(sizeof(struct xdplb_backend) == 192, "ABI");
_Static_assert(sizeof(struct xdplb_backend_cpu) == 72, "ABI");
_Static_assert(sizeof(struct xdplb_listener) == 32, "ABI");
_Static_assert(sizeof(struct xdplb_selection) == 16 + 8UL * XDPLB_CHOICES, "ABI");
_Static_assert(__builtin_offsetof(struct xdplb_table, listener) == 2UL * XDPLB_LINE, "ABI");
_Static_assert(sizeof(struct xdplb_event) == 68, "ABI");
_Static_assert(sizeof(struct xdplb_nat_record) == 48, "a flow with nat takes 16 + 48 bytes");
_Static_assert(XDPLB_BACKENDS <= 1 << XDPLB_BACKEND_BITS, "ids fit a flow's value");
_Static_assert(XDPLB_BACKENDS <= 1 << 15, "ids fit a slot");
_Static_assert(XDPLB_FLOW_STATES <= 1 << XDPLB_STATE_BITS, "states fit a flow's value");
_Static_assert(XDPLB_SNATS <= 1 << XDPLB_SNAT_BITS, "indices fit a flow's value");

/* Is it an IPv6 address? */
static inline int xdplb_is_ipv6(const __be32 addr[4])
{
	return (addr[1] | addr[2] | addr[3]) != 0;
}

#endif
