/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of a packet that was run aside, told step by step. Each step is an
 * object of the JSON that is printed, by its name; people get its "text".
 */
#ifndef XDPLB_EXPLAIN_H
#define XDPLB_EXPLAIN_H

#include "copies.h"
#include "output.h"

/* What the packet was taken for. */
enum explain_kind {
	EXPLAIN_UNCONFIGURED, /* the program passes everything on */
	EXPLAIN_UNREADABLE,
	EXPLAIN_GROUP, /* a broadcast, or multicast, frame */
	EXPLAIN_NOT_IP,
	EXPLAIN_OTHER, /* neither TCP nor UDP nor ICMP */
	EXPLAIN_FRAGMENT, /* a later one, without ports */
	EXPLAIN_ICMP,
	EXPLAIN_REGISTRATION,
	EXPLAIN_SERVICE, /* from a client */
	EXPLAIN_REPLY, /* from a backend */
	EXPLAIN_NOT_OURS,
};

struct explanation {
	const struct copies *copies;
	const struct balancer *balancer; /* the copies, of the moment */
	const struct chain_program *at;
	const struct frame *before;
	const struct outcome *out;
	enum explain_kind kind;
	__u32 service; /* id, 0: none */
	__u64 flow_before, flow_after; /* values of its flow's entry, 0: none */
	__u32 client_before; /* the backend that affinity remembered, 0: none */
	__u32 backend; /* id, of what it goes to or comes from, 0: none */
	bool sent; /* to the backend */
	bool replied; /* to the client */
	struct json_object *told;
};

/* Before the packet is run, and after: finds out what the steps tell. */
void explain_before(struct explanation *e, const struct work *parsed);
void explain_after(struct explanation *e);

/* Tells all steps, into e->told. */
void explain_tell(struct explanation *e);

/* Why it was not forwarded, and what to do about it: the last steps. */
void explain_why(struct explanation *e);

/* Likewise, of a packet that was passed on because it is not for the balancer. */
void explain_passed(struct explanation *e);

/* Adds these two steps; `remedy` is NULL where there is nothing to be done. */
#define SENTENCE 512
void explain_say(struct explanation *e, const char *why, const char *remedy);

/* Adds a step with a text. */
struct json_object *explain_step(struct explanation *e, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The headers, those of the packet itself. */
static inline const struct headers *explain_headers(const struct explanation *e)
{
	return &e->out->work.headers[PACKET];
}

/* It was dropped, or passed on, for a reason that is counted; XDPLB_REASONS: for none. */
enum xdplb_reason explain_reason(const struct explanation *e);

/* The method by which it goes, or came (enum xdplb_forward); 0: none. */
__u8 explain_method(const struct explanation *e);

/* The program left every byte as it was. */
bool explain_unchanged(const struct explanation *e);

/* The way out that the program found, NULL: none. It lies in `hop`, or in e->out. */
const struct xdplb_way *explain_way(const struct explanation *e, struct xdplb_backend_cpu *hop);

/* Prints the steps for people. */
void explain_print(struct json_object *told);

#endif
