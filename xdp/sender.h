/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who sends a registration: asked where it leaves, for there it still has its
 * socket. Without a key nothing else tells whether it is the listener who
 * speaks. What may be said is sealed, and nothing else is believed when it comes
 * in. Raw sockets may say anything: who has one is privileged.
 */
#ifndef XDPLB_SENDER_H
#define XDPLB_SENDER_H

#include "clock.h"
#include "events.h"
#include "listeners.h"
#include "service.h"

#define RAW_SOCKET 3 /* SOCK_RAW of socket(2), which no header for BPF has */

/* The kernel's, as far as it is read; where in it, the kernel's own types tell. */
struct sock {
	struct {
		__u32 val; /* the user's id */
	} sk_uid;
} __attribute__((preserve_access_index));

/*
 * The socket sends from nowhere but the packet's source: a port that it has at
 * another address, or on one interface only, somebody else may have here.
 */
static __always_inline bool is_bound(const struct bpf_sock *sk, const struct headers *h)
{
	__u32 own = sk->src_ip4;

	if (sk->bound_dev_if)
		return false;
	if (!h->v6)
		return !own || own == h->saddr.word[0];
	if (!(sk->src_ip6[0] | sk->src_ip6[1] | sk->src_ip6[2] | sk->src_ip6[3]))
		return true;
	return sk->src_ip6[0] == h->saddr.word[0] && sk->src_ip6[1] == h->saddr.word[1] &&
	       sk->src_ip6[2] == h->saddr.word[2] && sk->src_ip6[3] == h->saddr.word[3];
}

/*
 * The socket that connections to the listener reach, to be released; NULL: there
 * is none. They come from no address, that no socket is connected to.
 */
static __always_inline struct bpf_sock *listening_socket(struct __sk_buff *skb,
							 const struct headers *h, __be16 port)
{
	struct bpf_sock_tuple tuple = {};

	if (!h->v6) {
		tuple.ipv4.daddr = h->daddr.word[0];
		tuple.ipv4.dport = port;
		return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.daddr, &h->daddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.dport = port;
	return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/*
 * A listener's UDP port is its own; who listens by TCP only has left it to
 * everybody. So there it must be the same user's, or root's.
 */
static __always_inline bool is_same_user(struct __sk_buff *skb, const struct headers *h,
					 __be16 port)
{
	__u32 sender = bpf_get_socket_uid(skb);
	struct bpf_sock *found = listening_socket(skb, h, port);
	const struct sock *listener;
	bool same;

	if (!found)
		return true;
	listener = (const struct sock *)bpf_skc_to_tcp_sock(found);
	same = !sender || (listener && listener->sk_uid.val == sender);
	bpf_sk_release(found);
	return same;
}

/* A message that this socket sends speaks for its own port. */
static __always_inline bool is_own_port(struct __sk_buff *skb, const struct bpf_sock *sk,
					const struct headers *h, const struct message *message)
{
	return is_bound(sk, h) &&
	       (message->proto == IPPROTO_UDP || is_same_user(skb, h, message->port));
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

	if (bpf_skb_load_bytes(skb, p->h->l4 + sizeof(struct udphdr), &message, sizeof(message)))
		return true;
	p->service = directory_find(p, XDPLB_KIND_SERVICE, &p->h->daddr, message.service_port,
				    message.proto);
	table = table_of(p->service);
	if (!table || table->mode == XDPLB_REGISTRATION_OFF || table->keyed || message.user)
		return true;
	if (!trusted && !is_own_port(skb, sk, p->h, &message))
		return sender_refuse(p, &message);
	message_seal(skb, p, &message, trusted ? 0 : bpf_get_socket_uid(skb));
	return true;
}

/*
 * What goes round by lo may go. Where registrations go to, only root sends from:
 * a listener that echoes would say to itself what another wants it to say.
 */
static __always_inline bool sender_may(struct __sk_buff *skb, struct packet *p)
{
	struct bpf_sock *sk = skb->sk;

	if (!may_mirror(p) && !may_register(p))
		return true;
	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk)
		return true;
	if (may_mirror(p) && sk->type != RAW_SOCKET && bpf_get_socket_uid(skb) &&
	    directory_find(p, XDPLB_KIND_REGISTER, &p->h->saddr, 0, 0))
		return sender_refuse(p, NULL);
	return !may_register(p) || message_leaves(skb, p, sk);
}

#endif
