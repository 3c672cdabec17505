/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sends a registration: asked where it leaves, for there it still has its
 * socket. Without a key nothing else tells whether it is the listener who
 * speaks. What may be said is sealed, and nothing else is believed when it comes
 * in. Raw sockets may say anything: who has one is privileged.
 */
#ifndef XDPLB_SENDER_H
#define XDPLB_SENDER_H

#include <bpf/bpf_core_read.h>

#include "clock.h"
#include "events.h"
#include "listeners.h"
#include "service.h"

#define RAW_SOCKET 3 /* SOCK_RAW of socket(2), which no header for BPF has */
#define SOCK_BINDADDR_LOCK 4 /* of include/net/sock.h: bind(2) named the address */

/* The kernel's, as far as it is read; where in it, the kernel's own types tell. */
struct sock {
	struct {
		__u32 val; /* the user's id */
	} sk_uid;
	__u8 sk_userlocks : 4;
} __attribute__((preserve_access_index));

/* The kernel's own of a socket: a number, as the verifier lets nobody look into it. */
static __always_inline const struct sock *sock_of(const struct bpf_sock *sk)
{
	const struct bpf_sock *volatile here = sk;
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), (const void *)&here);
	return (const struct sock *)address;
}

/*
 * The address that a socket is bound to; all 0: any. Each word is read by itself, as
 * the kernel puts another field in the place of each.
 */
static __always_inline struct address bound_to(const struct bpf_sock *sk, bool v6)
{
	struct address addr = {};

	if (!v6) {
		addr.word[0] = READ_ONCE(sk->src_ip4);
		return addr;
	}
	addr.word[0] = READ_ONCE(sk->src_ip6[0]);
	addr.word[1] = READ_ONCE(sk->src_ip6[1]);
	addr.word[2] = READ_ONCE(sk->src_ip6[2]);
	addr.word[3] = READ_ONCE(sk->src_ip6[3]);
	return addr;
}

/*
 * The socket sends from nowhere but the packet's source, and never got anything
 * but what is sent there. A port that it has at another address, or on one interface
 * only, somebody else may have here. To one that is at any address, also before it
 * was connected, anybody talks by groups and broadcasts, which nobody looks at, so
 * that it might echo what he says.
 */
static __always_inline bool is_bound(const struct bpf_sock *sk, const struct headers *h)
{
	const struct address own = bound_to(sk, h->v6);

	return !sk->bound_dev_if && same_address(&own, &h->saddr) &&
	       BPF_CORE_READ_BITFIELD_PROBED(sock_of(sk), sk_userlocks) & SOCK_BINDADDR_LOCK;
}

/*
 * The socket that what goes to the listener reaches, to be released; NULL: there
 * is none. It comes from no address, that no socket is connected to.
 */
static __always_inline struct bpf_sock *
listening_socket(struct __sk_buff *skb, const struct headers *h, const struct message *message)
{
	__u32 size = h->v6 ? sizeof(((struct bpf_sock_tuple *)0)->ipv6) :
			     sizeof(((struct bpf_sock_tuple *)0)->ipv4);
	struct bpf_sock_tuple tuple = {};

	if (h->v6) {
		__builtin_memcpy(tuple.ipv6.daddr, &h->daddr, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.dport = message->port;
	} else {
		tuple.ipv4.daddr = h->daddr.word[0];
		tuple.ipv4.dport = message->port;
	}
	if (message->proto == IPPROTO_TCP)
		return bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	return bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
}

/*
 * Whose port it is, or root: who listens by TCP only has left the UDP port to
 * everybody, and to a port that one has at another address another can come.
 */
static __always_inline bool is_same_user(struct __sk_buff *skb, const struct bpf_sock *found)
{
	__u32 sender = bpf_get_socket_uid(skb), user = 0;

	if (!sender)
		return true;
	return !bpf_core_read(&user, sizeof(user), &sock_of(found)->sk_uid.val) && user == sender;
}

/* Another socket has come to the port, and is nearer to what arrives there. */
static __always_inline bool is_behind(const struct bpf_sock *sk, const struct bpf_sock *found,
				      bool v6)
{
	const struct address own = bound_to(sk, v6), other = bound_to(found, v6);

	return !same_address(&own, &other);
}

/* A message that this socket sends speaks for its own port. */
static __always_inline bool is_own_port(struct __sk_buff *skb, const struct bpf_sock *sk,
					const struct headers *h, const struct message *message)
{
	struct bpf_sock *found;
	bool own;

	if (!is_bound(sk, h) || message->port != h->sport)
		return false;
	found = listening_socket(skb, h, message);
	if (!found)
		return true;
	own = is_same_user(skb, found) &&
	      (message->proto == IPPROTO_TCP || !is_behind(sk, found, h->v6));
	bpf_sk_release(found);
	return own;
}

/* Nobody sends what this is; he is told nothing, who watches is. */
static __always_inline bool sender_refuse(struct packet *p, const struct message *message)
{
	tick(p);
	drop(p, XDPLB_DROP_REG_DENIED);
	if (is_watched(p))
		event_registration(p, XDPLB_EVENT_REFUSED, message);
	return false;
}

#define SEALED offsetof(struct message, user) /* from there on it changes */

/* Writes into the packet who sends this message, and a tag that nobody else can make. */
static __always_inline void message_seal(struct __sk_buff *skb, const struct packet *p,
					 struct message *message, __u32 user)
{
	__u32 udp = p->h->l4, size = sizeof(*message) - SEALED;
	struct message before = *message;
	__s64 change;

	message->user = bpf_htonl(user);
	message->tag = message_tag(p->config->seal, message);
	change = bpf_csum_diff((__be32 *)((char *)&before + SEALED), size,
			       (__be32 *)((char *)message + SEALED), size, 0);
	bpf_l4_csum_replace(skb, udp + offsetof(struct udphdr, check), 0, change,
			    BPF_F_MARK_MANGLED_0);
	bpf_skb_store_bytes(skb, udp + sizeof(struct udphdr) + SEALED, (char *)message + SEALED,
			    size, 0);
}

/* A message to a service without a key is the sender's to send, or ends here. */
static __always_inline bool message_leaves(struct __sk_buff *skb, struct packet *p,
					   const struct bpf_sock *sk)
{
	bool trusted = sk->protocol != IPPROTO_UDP || sk->type == RAW_SOCKET;
	const struct xdplb_table *table;
	struct message message;

	/* Several datagrams in one: what the others say is not seen here. */
	if (skb->gso_size && !trusted)
		return sender_refuse(p, NULL);
	if (bpf_skb_load_bytes(skb, p->h->l4 + sizeof(struct udphdr), &message, sizeof(message)))
		return true;
	p->service = directory_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, message.service_port,
				    message.proto);
	table = table_of(p->service);
	if (!table || table->mode == XDPLB_REGISTRATION_OFF || table->keyed)
		return true;
	/* A seal that was seen is not to be used again. */
	if (message.user || (!trusted && !is_own_port(skb, sk, p->h, &message)))
		return sender_refuse(p, &message);
	message_seal(skb, p, &message, trusted ? 0 : bpf_get_socket_uid(skb));
	return true;
}

/* A packet to where registrations go to: no listener's reply, whoever sends it. */
static __always_inline bool is_registration(const struct packet *p)
{
	return may_register(p) && directory_find(p, XDPLB_KIND_REGISTER, &p->h->daddr, 0, 0);
}

/*
 * What goes round by lo may go. Where registrations go to, only root sends from:
 * a listener that echoes would say to itself what another wants it to say.
 */
static __always_inline bool sender_may(struct __sk_buff *skb, struct packet *p, bool registers)
{
	struct bpf_sock *sk = skb->sk;

	if (!may_mirror(p) && !registers)
		return true;
	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk)
		return true;
	if (may_mirror(p) && sk->type != RAW_SOCKET && bpf_get_socket_uid(skb) &&
	    directory_find(p, XDPLB_KIND_REGISTER, &p->h->saddr, 0, 0))
		return sender_refuse(p, NULL);
	return !registers || message_leaves(skb, p, sk);
}

#endif
