// SPDX-License-Identifier: GPL-2.0-only
/* explain: what the live program would do with a packet, step by step, changing nothing. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../xdp/hash.h"
#include "command.h"
#include "directory.h"
#include "error.h"
#include "explain.h"
#include "flow_copies.h"
#include "flows.h"
#include "link.h"
#include "pcap.h"
#include "words.h"

#define SOURCE_PORT 40000
#define SYN 0x02
#define ACK 0x10

/* Of those that documentation uses (RFC 5737, RFC 3849). */
static const char *const sources[2][2] = { { "198.51.100.7", "203.0.113.7" },
					   { "2001:db8::7", "2001:db8::8" } };
static const __u8 client_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

/* ---- where it comes in ------------------------------------------------------------------ */

/* The interface that was named, or the balancer's first; lo, where clients are few, is the last. */
static int interface_choose(const struct balancer *balancer, const char *name,
			    struct chain_program *at)
{
	struct chain_program found[CHAIN_MAX];
	int count = chain_of(balancer_id(balancer), found, CHAIN_MAX), chosen = -1;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		if (name && strcmp(name, found[i].interface))
			continue;
		if (chosen < 0 || found[chosen].ifindex == LOOPBACK)
			chosen = i;
	}
	if (chosen >= 0) {
		*at = found[chosen];
		return 0;
	}
	if (name)
		return fail(ENOENT,
			    "--iface %s: this balancer is not on it; see: xdplb-config status",
			    name);
	return fail(ENOENT, "this balancer is on no interface here; attach it with: xdplb-config "
			    "load IFNAME");
}

/* ---- the packet ------------------------------------------------------------------------- */

/* Who sends it: as asked for, else this machine itself or a client somewhere. */
static int source_set(const char *word, struct frame_wish *wish)
{
	bool v6 = xdplb_is_ipv6(wish->daddr);
	int err;

	wish->sport = htons(SOURCE_PORT);
	if (!word && is_loopback(wish->daddr)) {
		memcpy(wish->saddr, wish->daddr, sizeof(wish->saddr));
		return 0;
	}
	if (!word) {
		err = parse_address(sources[v6][0], wish->saddr);
		if (!err && same_address(wish->saddr, wish->daddr))
			err = parse_address(sources[v6][1], wish->saddr);
		return err;
	}
	err = parse_own_endpoint(word, strlen(word), wish->saddr, &wish->sport);
	if (!err && !wish->sport)
		wish->sport = htons(SOURCE_PORT);
	if (!err && !same_family(wish->saddr, wish->daddr))
		return fail(EINVAL, "--src %s: the service's address is %s", word,
			    family_name(wish->daddr));
	return err;
}

static void macs_set(const struct chain_program *at, struct frame_wish *wish)
{
	struct link *links = NULL;
	int count = links_read(&links);

	if (at->ifindex != LOOPBACK)
		memcpy(wish->smac, client_mac, sizeof(wish->smac));
	for (int i = 0; i < count; i++)
		if (links[i].ifindex == (__u32)at->ifindex)
			memcpy(wish->dmac, links[i].mac, sizeof(wish->dmac));
	free(links);
}

struct connection {
	__u64 key;
	bool open;
};

static void connection_look(const struct flow *flow, void *context)
{
	struct connection *connection = context;

	if (flow->key == connection->key && !flow->expired)
		connection->open = flow->state == XDPLB_FLOW_ESTABLISHED ||
				   flow->state == XDPLB_FLOW_FIN_CLIENT ||
				   flow->state == XDPLB_FLOW_FIN_BACKEND;
}

/* What that end would send: the next packet of a connection that is there, or the first of one. */
static __u8 flags_by_flow(const struct balancer *balancer, const struct frame_wish *wish)
{
	const struct xdplb_directory_entry *service =
		directory_find(balancer, XDPLB_KIND_SERVICE, wish->daddr, wish->dport, wish->proto);
	struct flow_table table = flow_table_of(balancer);
	struct connection connection = {};
	__u64 name;

	if (!service || wish->proto != IPPROTO_TCP)
		return SYN;
	name = flow_copies_name(balancer->config, xdplb_is_ipv6(wish->saddr), wish->saddr,
				wish->sport);
	connection.key = xdplb_flow_key(name, service->index);
	flows_scan(&table, connection_look, &connection);
	return connection.open ? ACK : SYN;
}

static int frame_order(const struct balancer *balancer, const struct options *options,
		       const struct chain_program *at, struct frame *frame)
{
	struct frame_wish wish = {};
	struct service_address service;
	long length = 0;
	int err = parse_service(options->arguments[0], &service);

	if (err)
		return err;
	memcpy(wish.daddr, service.addr, sizeof(wish.daddr));
	wish.dport = service.port;
	wish.proto = service.proto;
	if (options->tcp_flags && service.proto != IPPROTO_TCP)
		return misuse("--flags: UDP has none");
	err = source_set(options->source, &wish);
	if (!err && options->tcp_flags)
		err = parse_tcp_flags(options->tcp_flags, &wish.flags);
	else if (!err)
		wish.flags = flags_by_flow(balancer, &wish);
	if (!err && options->length)
		err = parse_number(options->length, "--length", 1, FRAME_MAX, &length);
	if (err)
		return err;
	wish.length = length;
	macs_set(at, &wish);
	return frame_make(&wish, frame);
}

static int frame_get(const struct balancer *balancer, const struct options *options,
		     const struct chain_program *at, struct frame *frame)
{
	long number = 1;
	int err;

	if (options->hex)
		return frame_from_hex(options->hex, frame);
	if (!options->pcap)
		return frame_order(balancer, options, at, frame);
	err = options->packet ? parse_number(options->packet, "--packet", 1, 0x7fffffff, &number) :
				0;
	return err ? err : pcap_read(options->pcap, number, frame);
}

/* One packet, and one way to say which. */
static int usage_check(const struct options *options)
{
	int ways = (options->count > 0) + (options->pcap != NULL) + (options->hex != NULL);

	if (!ways)
		return misuse("explain: which packet? SERVICE, --pcap FILE or --hex TEXT");
	if (ways > 1)
		return misuse("explain: SERVICE, --pcap and --hex each say which packet: give one");
	if (options->packet && !options->pcap)
		return misuse("--packet: of which --pcap FILE?");
	if (!options->count && (options->source || options->tcp_flags || options->length))
		return misuse("--src, --flags and --length are of a packet to a SERVICE");
	return 0;
}

/* ---- the command ------------------------------------------------------------------------ */

/* Runs it aside, and tells. The lock is let go when all is copied. */
static int explain_run(struct balancer *balancer, struct copies *copies, struct explanation *e,
		       struct outcome *out)
{
	struct work parsed;
	int err = copies_parse(copies, e->before, &parsed);

	if (!err)
		err = copies_fill(copies, &parsed);
	close(balancer->lock);
	balancer->lock = -1;
	if (err)
		return err;
	e->balancer = &copies->copy;
	e->copies = copies;
	explain_before(e, &parsed);
	err = copies_run(copies, e->before, out);
	if (err)
		return err;
	e->out = out;
	explain_after(e);
	explain_tell(e);
	return 0;
}

static int explain_frame(struct balancer *balancer, const struct options *options,
			 const struct chain_program *at, const struct frame *frame)
{
	struct explanation e = { .at = at, .before = frame, .told = json_object_new_object() };
	struct outcome *out = calloc(1, sizeof(*out));
	struct copies copies = {};
	int err = out ? copies_open(&copies, balancer, at) : fail(ENOMEM, "no memory");

	if (!err)
		err = explain_run(balancer, &copies, &e, out);
	if (!err && options->json)
		json_print(e.told, options->pretty);
	else if (!err)
		explain_print(e.told);
	copies_close(&copies);
	json_object_put(e.told);
	free(out);
	return err;
}

int command_explain(struct options *options)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	struct chain_program at;
	struct balancer balancer;
	int err = frame ? usage_check(options) : fail(ENOMEM, "no memory for a packet");

	if (!err)
		err = balancer_open(&balancer, &options->choice, false);
	if (err) {
		free(frame);
		return err;
	}
	err = interface_choose(&balancer,
			       options->interface ? options->interface : options->choice.interface,
			       &at);
	if (!err)
		err = frame_get(&balancer, options, &at, frame);
	if (!err)
		err = balancer_map_nat(&balancer);
	if (!err)
		err = explain_frame(&balancer, options, &at, frame);
	balancer_close(&balancer);
	free(frame);
	return err;
}
