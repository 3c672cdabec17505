/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Source ports for nat, handed out per pool in constant time. Ports come in
 * groups of 64. A group that is in use has a block: a word of bits that says
 * which of its ports are taken, and 64 records. Blocks that nobody uses wait in
 * a queue, so that any pool can have any of them.
 *
 * Every bit is taken and given back by one atomic operation: who changed it
 * owns the port. A block goes back when its last port does, by taking all 64
 * at once: whoever comes late finds none free.
 *
 * Some functions here are neither inline nor static, so that the verifier
 * looks at each of them once, with any arguments, and not along every path.
 */
#ifndef XDPLB_NAT_PORT_H
#define XDPLB_NAT_PORT_H

#include <bpf/bpf_endian.h>

#include "service.h"

#define PORT_TRIES 128 /* each port of the machine's own costs one, once */
#define ALL_PORTS (~0ULL)

/* How many bits are set in x, counted without branches, of which the verifier would walk each. */
static __always_inline __u32 count_bits(__u64 x)
{
	x -= x >> 1 & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return x * 0x0101010101010101ULL >> 56;
}

/* The lowest bit that is set in x, which is not 0. */
static __always_inline __u32 lowest_bit(__u64 x)
{
	return count_bits((x & -x) - 1);
}

/*
 * A group as an index that the verifier believes: the compiler, who knows that
 * it is small enough, would leave the mask out, and older verifiers have lost
 * the bounds of a byte-swapped port by then.
 */
static __always_inline __u32 group_index(__u32 group)
{
	asm volatile("" : "+r"(group));
	return group & (XDPLB_GROUPS - 1);
}

static __always_inline __u32 group_word(__u32 group)
{
	return group_index(group) / 64;
}

static __always_inline struct xdplb_block *block_of(const struct xdplb_pool *pool, __u32 group,
						    __u32 *id)
{
	*id = READ_ONCE(pool->block[group_index(group)]);
	return *id ? bpf_map_lookup_elem(&xdplb_blocks, id) : NULL;
}

/* Gives a group of the pool a block. Returns the group, -1: no block is left. */
static __always_inline int group_open(struct xdplb_pool *pool, __u32 pool_id, __u32 group)
{
	__u32 word = group_word(group), id;
	__u64 bit = 1ULL << (group % 64);
	struct xdplb_block *block;

	if (__sync_fetch_and_or(&pool->claimed[word], bit) & bit)
		return group; /* another CPU does it; whoever comes too early tries again */
	if (bpf_map_pop_elem(&xdplb_free, &id) ||
	    !(block = bpf_map_lookup_elem(&xdplb_blocks, &id))) {
		__sync_fetch_and_and(&pool->claimed[word], ~bit);
		return -1;
	}
	block->over = 0;
	block->unproven = 0;
	block->pool = pool_id;
	block->group = group;
	WRITE_ONCE(pool->block[group_index(group)], id);
	__sync_lock_test_and_set(&block->used, 0);
	__sync_fetch_and_or(&pool->owned[word], bit);
	return group;
}

/* Gives the block of a group back if none of its ports is in use. */
static __always_inline void group_close(struct xdplb_pool *pool, __u32 group,
					struct xdplb_block *block, __u32 id)
{
	__u32 word = group_word(group);
	__u64 bit = 1ULL << (group % 64);

	if (__sync_val_compare_and_swap(&block->used, 0, ALL_PORTS))
		return;
	__sync_fetch_and_and(&pool->owned[word], ~bit);
	WRITE_ONCE(pool->block[group_index(group)], 0);
	__sync_fetch_and_and(&pool->claimed[word], ~bit);
	bpf_map_push_elem(&xdplb_free, &id, 0);
}

/* A group of the pool with a free port, opened if need be; -1: there is none. */
__noinline int group_pick(__u32 pool_id)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	__u64 ready;

	if (!pool)
		return -1;
	for (int word = 0; word < XDPLB_GROUPS / 64; word++) {
		ready = READ_ONCE(pool->owned[word]) & ~READ_ONCE(pool->full[word]);
		if (ready)
			return word * 64 + lowest_bit(ready);
	}
	for (int word = 0; word < XDPLB_GROUPS / 64; word++) {
		ready = ~(READ_ONCE(pool->claimed[word]) | READ_ONCE(pool->full[word]));
		if (ready)
			return group_open(pool, pool_id, word * 64 + lowest_bit(ready));
	}
	return -1;
}

/* Takes a free port of the group; -1 when another CPU was quicker or none is. */
__noinline int group_take(__u32 pool_id, __u32 group)
{
	const struct xdplb_config *config = config_get();
	struct xdplb_pool *pool = pool_of(pool_id);
	__u32 word = group_word(group), id, i;
	struct xdplb_block *block = pool ? block_of(pool, group, &id) : NULL;
	__u64 allowed, bit, above;

	if (!config || !pool || !block)
		return -1;
	allowed = READ_ONCE(config->port_allowed[group_index(group)]);
	if (!(allowed & ~READ_ONCE(block->used))) {
		/* The bit first, then one more look: a port may come back between. */
		__sync_fetch_and_or(&pool->full[word], 1ULL << (group % 64));
		if (allowed & ~READ_ONCE(block->used))
			__sync_fetch_and_and(&pool->full[word], ~(1ULL << (group % 64)));
		group_close(pool, group, block, id);
		return -1;
	}
	allowed &= ~READ_ONCE(block->used);
	if (!allowed)
		return -1;
	above = allowed & ALL_PORTS << (bpf_get_smp_processor_id() * 11 % 64);
	i = lowest_bit(above ? above : allowed); /* CPUs start apart */
	bit = 1ULL << i;
	if (__sync_fetch_and_or(&block->used, bit) & bit)
		return -1;
	if (block->pool == pool_id && block->group == group)
		return group * 64 + i;
	__sync_fetch_and_and(&block->used, ~bit); /* the block has moved on */
	return -1;
}

/* Whether a port could be taken back, and how readily. */
enum port_mark {
	PORT_KEPT,
	PORT_UNPROVEN,
	PORT_OVER,
};

/* Sets or clears a port's bit in `ports`, and its group's when any port's is set. */
static __always_inline void mark_change(__u64 *ports, __u64 port_bit, __u64 *groups,
					__u64 group_bit, bool on)
{
	if (on) {
		__sync_fetch_and_or(ports, port_bit);
		__sync_fetch_and_or(groups, group_bit);
		return;
	}
	if (!(READ_ONCE(*ports) & port_bit))
		return;
	__sync_fetch_and_and(ports, ~port_bit);
	if (READ_ONCE(*ports))
		return;
	/* One more look after the group's bit is off: another port's may be on. */
	__sync_fetch_and_and(groups, ~group_bit);
	if (READ_ONCE(*ports))
		__sync_fetch_and_or(groups, group_bit);
}

static __always_inline void block_mark(struct xdplb_pool *pool, struct xdplb_block *block,
				       __u32 port, enum port_mark mark)
{
	__u32 group = port / 64, word = group_word(group);

	mark_change(&block->over, 1ULL << (port % 64), &pool->over[word], 1ULL << (group % 64),
		    mark == PORT_OVER);
	mark_change(&block->unproven, 1ULL << (port % 64), &pool->unproven[word],
		    1ULL << (group % 64), mark == PORT_UNPROVEN);
}

/* Says of a port in use whether its flow would give way. */
__noinline int port_mark(__u32 pool_id, __u32 port, __u32 mark)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	struct xdplb_block *block;
	__u32 id;

	block = pool ? block_of(pool, port / 64, &id) : NULL;
	if (block)
		block_mark(pool, block, port, mark);
	return 0;
}

/* A group with marked ports, the next one round from `group` on; -1: none has any. */
static __always_inline int group_marked(const __u64 *groups, __u32 group)
{
	for (__u32 i = 0; i <= XDPLB_GROUPS / 64; i++) {
		__u32 word = (group / 64 + i) % (XDPLB_GROUPS / 64);
		__u64 marked = READ_ONCE(groups[word]);

		if (!i)
			marked &= ALL_PORTS << (group % 64);
		if (marked)
			return word * 64 + lowest_bit(marked);
	}
	return -1;
}

/* The next port with this mark, round from where the last one was taken; -1: none. */
__noinline int marked_next(__u32 pool_id, __u32 mark)
{
	struct xdplb_pool *pool = pool_of(pool_id);
	const struct xdplb_block *block;
	__u64 *groups, ports, above;
	__u32 from, id;
	int group;

	if (!pool)
		return -1;
	groups = mark == PORT_OVER ? pool->over : pool->unproven;
	from = READ_ONCE(pool->reclaim) & 0xffff;
	group = group_marked(groups, from / 64);
	if (group < 0)
		return -1;
	block = block_of(pool, group, &id);
	ports = !block ? 0 : READ_ONCE(*(mark == PORT_OVER ? &block->over : &block->unproven));
	if (!ports) {
		/* A mark came late, after its port had gone: it shall hide no others. */
		__sync_fetch_and_and(&groups[group_word(group)], ~(1ULL << (group % 64)));
		return -1;
	}
	above = (__u32)group == from / 64 ? ports & ALL_PORTS << (from % 64) : ports;
	return (group * 64 + lowest_bit(above ? above : ports)) & 0xffff;
}

/* Gives a port back. */
__noinline int port_free(__u32 pool_id, __u32 port)
{
	__u32 group = port / 64, id;
	const struct xdplb_config *config = config_get();
	struct xdplb_pool *pool = pool_of(pool_id);
	struct xdplb_block *block;

	if (!pool || !config)
		return 0;
	block = block_of(pool, group, &id);
	if (!block)
		return 0;
	block_mark(pool, block, port, PORT_KEPT);
	__sync_fetch_and_and(&block->used, ~(1ULL << (port % 64)));
	if (READ_ONCE(config->port_allowed[group_index(group)]))
		__sync_fetch_and_and(&pool->full[group_word(group)], ~(1ULL << (group % 64)));
	group_close(pool, group, block, id);
	return 0;
}

/* The socket that this would be the other end of: its kind differs by family only. */
static __always_inline struct bpf_sock *socket_find(struct xdp_md *ctx, __u32 proto,
						    struct bpf_sock_tuple *tuple, __u32 size)
{
	if (proto == IPPROTO_TCP)
		return bpf_skc_lookup_tcp(ctx, tuple, size, BPF_F_CURRENT_NETNS, 0);
	return bpf_sk_lookup_udp(ctx, tuple, size, BPF_F_CURRENT_NETNS, 0);
}

/*
 * The machine itself uses this port: a listener, or a connection of its own to
 * this backend from outside the local port range.
 */
static __always_inline bool port_has_socket4(struct xdp_md *ctx, const struct xdplb_pool *pool,
					     __u32 port)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	tuple.ipv4.saddr = pool->backend_addr[0];
	tuple.ipv4.daddr = pool->addr[0];
	tuple.ipv4.sport = pool->backend_port;
	tuple.ipv4.dport = bpf_htons(port);
	sk = socket_find(ctx, pool->proto, &tuple, sizeof(tuple.ipv4));
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

static __always_inline bool port_has_socket6(struct xdp_md *ctx, const struct xdplb_pool *pool,
					     __u32 port)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;

	__builtin_memcpy(tuple.ipv6.saddr, pool->backend_addr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, pool->addr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = pool->backend_port;
	tuple.ipv6.dport = bpf_htons(port);
	sk = socket_find(ctx, pool->proto, &tuple, sizeof(tuple.ipv6));
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

__noinline int port_has_socket(struct xdp_md *ctx, __u32 pool_id, __u32 port)
{
	const struct xdplb_pool *pool = pool_of(pool_id);

	if (!pool)
		return 0;
	return xdplb_is_ipv6(pool->addr) ? port_has_socket6(ctx, pool, port) :
					   port_has_socket4(ctx, pool, port);
}

/* Takes a source port (host order) of the pool; -1 when none is free. */
__noinline int port_take(struct xdp_md *ctx, __u32 pool_id)
{
	struct xdplb_config *config = config_get();
	struct xdplb_pool *pool = pool_of(pool_id);

	if (!pool || !config)
		return -1;
	for (int i = 0; i < PORT_TRIES; i++) {
		int group = group_pick(pool_id), port;

		if (group < 0)
			return -1;
		port = group_take(pool_id, group);
		if (port < 0)
			continue;
		if (!port_has_socket(ctx, pool_id, port))
			return port;
		/* Not asked about again until user space looks which ports are in use. */
		__sync_fetch_and_and(&config->port_allowed[group_index(port / 64)],
				     ~(1ULL << (port % 64)));
		port_free(pool_id, port);
	}
	return -1;
}

#endif
