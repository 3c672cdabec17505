// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdplb: the way of a packet, told top down.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

#include "clock.h"
#include "icmp.h"
#include "nat.h"
#include "parse.h"
#include "service.h"
#include "slot_table.h"

/* The packet is ours to forward; is it fit to be? */
static __always_inline int fitness(struct packet *p)
{
	if (is_fragment(p->ip))
		return drop(p, XDPLB_DROP_FRAGMENT);
	if (!headers_agree(p) || !p->sport)
		return drop(p, XDPLB_DROP_BAD_HEADER);
	if (p->ip->ttl <= 1)
		return drop(p, XDPLB_DROP_TTL);
	return GO_ON;
}

/* A flow of this client to p->service is remembered and goes on. */
static __always_inline bool flow_goes_on(struct packet *p)
{
	const struct xdplb_backend *backend;

	if (!flow_find(p, p->ip->saddr, p->sport))
		return false;
	backend = backend_of(XDPLB_FIELD(p->value, BACKEND));
	if (backend && !(backend->flags & XDPLB_BACKEND_DOWN) &&
	    !(flow_is_over(state_of(p->value)) && p->tcp_flags & TCP_SYN))
		return true;
	flow_remove(p->flow_index, p->value);
	p->flow_moves = true;
	return false;
}

/* Nobody can answer to this address (RFC 1122, section 3.2.1.3). */
static __always_inline bool is_nobody(__be32 addr)
{
	__u8 first = bpf_ntohl(addr) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/* Chooses a backend for a new flow and remembers it. */
static __always_inline int flow_begins(struct packet *p)
{
	struct xdplb_set *set = set_of(p->service);
	int verdict;

	/* A backend that is down loses its flows in their middle. */
	if (p->proto == IPPROTO_TCP && !p->flow_moves &&
	    (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return pass(p, XDPLB_PASS_NO_FLOW);
	if (is_nobody(p->ip->saddr) || p->ip->saddr == p->ip->daddr)
		return drop(p, XDPLB_DROP_BAD_SOURCE);
	if (!set)
		return drop(p, XDPLB_DROP_NO_BACKEND);
	verdict = flow_reserve(p, p->ip->saddr, p->sport);
	if (verdict != GO_ON)
		return verdict;
	verdict = nat_open(p, slot_next(set));
	if (verdict != GO_ON)
		flow_cancel(p);
	return verdict;
}

/* Not a packet of a known flow from a client: a reply, a new flow, or neither. */
static __always_inline int reply_or_new(struct packet *p)
{
	struct xdplb_nat_record *record, copy;
	int verdict;

	switch (record_find(p->ip->saddr, p->sport, p->ip->daddr, p->dport, p->proto, &record,
			    &copy)) {
	case RECORD_BUSY:
		return drop(p, XDPLB_DROP_RACE);
	case RECORD_FOUND:
		verdict = fitness(p);
		return verdict == GO_ON ? to_client(p, record, &copy) : verdict;
	case RECORD_NONE:
		break;
	}
	if (!p->service)
		return XDP_PASS;
	return flow_begins(p);
}

static __always_inline int balance(struct packet *p)
{
	int verdict = parse(p);

	if (verdict != GO_ON)
		return verdict;
	if (p->proto == IPPROTO_ICMP)
		return icmp(p);
	p->service = directory_find(XDPLB_KIND_SERVICE, p->ip->daddr, p->dport, p->proto);
	if (p->service) {
		verdict = fitness(p);
		if (verdict != GO_ON)
			return verdict;
	}
	/* The packet that opens a flow does not prove it. */
	if (p->service && flow_goes_on(p))
		verdict = flow_touch(p, true) ? GO_ON : drop(p, XDPLB_DROP_RACE);
	else
		verdict = reply_or_new(p);
	return verdict == GO_ON ? to_backend(p) : verdict;
}

SEC("xdp.frags")
int xdplb(struct xdp_md *ctx)
{
	struct packet p = { .ctx = ctx, .config = config_get(), .cpu = cpu_get() };
	int verdict;

	if (!p.config || !p.cpu || !p.config->abi)
		return XDP_PASS;
	tick(&p);
	verdict = balance(&p);
	p.cpu->verdict[(p.turned ? XDP_TX : verdict) & 7]++;
	return verdict;
}

/* After filters (xdp-filter is 10); what passes goes to the next in the chain. */
struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(xdplb);

char _license[] SEC("license") = "GPL";
