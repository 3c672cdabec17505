/* SPDX-License-Identifier: GPL-2.0-only */
/* A reply of a backend goes to its client, as one of the service. */
#ifndef XDPLB_TO_CLIENT_H
#define XDPLB_TO_CLIENT_H

#include "dnat.h"
#include "nat.h"
#include "parse.h"

/* It is one; is it fit to be forwarded? */
static __always_inline int reply_fits(struct packet *p)
{
	if (!headers_agree(p) || !p->h->sport)
		return drop(p, XDPLB_DROP_BAD_HEADER);
	return is_last_hop(p) ? drop(p, XDPLB_DROP_TTL) : GO_ON;
}

/* GO_ON when the packet is no reply. */
static __always_inline int reply(struct packet *p)
{
	struct xdplb_nat_record *record;
	__u32 id;
	int verdict;

	id = directory_find(p, XDPLB_KIND_BACKEND, &p->h->saddr, p->h->sport, p->h->proto);
	switch (record_find(p, id, &p->h->daddr, p->h->dport, &record)) {
	case RECORD_BUSY:
		return drop(p, XDPLB_DROP_RACE);
	case RECORD_FOUND:
		verdict = reply_fits(p);
		return verdict == GO_ON ? nat_reply(p, record) : verdict;
	case RECORD_NONE:
		break;
	}
	id = directory_find(p, XDPLB_KIND_DNAT, &p->h->saddr, p->h->sport, p->h->proto);
	if (id)
		id = dnat_find(p->ctx, id, &p->h->daddr, p->h->dport);
	if (!id)
		return GO_ON;
	verdict = reply_fits(p);
	return verdict == GO_ON ? dnat_reply(p->ctx, id) : verdict;
}

#endif
