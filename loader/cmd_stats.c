// SPDX-License-Identifier: GPL-2.0-only
/* stats: what the program has counted. */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "flows.h"
#include "names.h"
#include "sets.h"
#include "show.h"
#include "tables.h"

struct counts {
	struct xdplb_backend_cpu sum;
	__u64 active;
};

static void add_counts(struct counts *total, const struct counts *counts)
{
	total->sum.packets += counts->sum.packets;
	total->sum.bytes += counts->sum.bytes;
	total->sum.reply_packets += counts->sum.reply_packets;
	total->sum.reply_bytes += counts->sum.reply_bytes;
	total->sum.new_flows += counts->sum.new_flows;
	total->active += counts->active;
}

/* What the program counted; but flows that have expired are not active, met or not. */
static int backend_counts(const struct balancer *balancer, const struct flow_counts *flows,
			  __u32 id, struct counts *counts)
{
	__u32 active = XDPLB_ACTIVE(__atomic_load_n(&balancer->active[id].flows, __ATOMIC_RELAXED));

	counts->active = active > flows->gone[id] ? active - flows->gone[id] : 0;
	return balancer_backend_counts(balancer, id, &counts->sum);
}

/* The totals of a service: its backends, those on their way out, those gone. */
static int service_counts(const struct balancer *balancer, const struct flow_counts *flows,
			  __u32 id, struct counts *total)
{
	const struct xdplb_service *service = &balancer->services[id];
	struct counts counts;

	*total = (struct counts){
		.sum = {
			.packets = service->retired_packets,
			.bytes = service->retired_bytes,
			.reply_packets = service->retired_reply_packets,
			.reply_bytes = service->retired_reply_bytes,
			.new_flows = service->retired_new_flows,
		},
	};
	for (__u32 i = 1; i < XDPLB_BACKENDS; i++) {
		if (!balancer->backends[i].flags || balancer->backends[i].service != id)
			continue;
		if (backend_counts(balancer, flows, i, &counts))
			return -EIO;
		add_counts(total, &counts);
	}
	return 0;
}

static void json_add_counts(struct json_object *object, const struct counts *counts)
{
	json_add_number(object, "packets", counts->sum.packets);
	json_add_number(object, "bytes", counts->sum.bytes);
	json_add_number(object, "reply_packets", counts->sum.reply_packets);
	json_add_number(object, "reply_bytes", counts->sum.reply_bytes);
	json_add_number(object, "new_flows", counts->sum.new_flows);
	json_add_number(object, "active_flows", counts->active);
}

static void print_counts(const char *name, const struct counts *counts)
{
	printf("%-32s %10llu %12llu %10llu %12llu %10llu %8llu\n", name, counts->sum.packets,
	       counts->sum.bytes, counts->sum.reply_packets, counts->sum.reply_bytes,
	       counts->sum.new_flows, counts->active);
}

static int stats_backend(const struct balancer *balancer, const struct flow_counts *flows, __u32 id,
			 struct json_object *backends, bool json)
{
	const struct xdplb_backend *backend = &balancer->backends[id];
	struct json_object *entry = json_object_new_object();
	char text[ADDRESS_TEXT], line[ADDRESS_TEXT + 8];
	__u32 twin = listener_twin(balancer, id);
	struct counts counts, before;
	int err = backend_counts(balancer, flows, id, &counts);

	if (!err && twin) {
		err = backend_counts(balancer, flows, twin, &before);
		add_counts(&counts, &before);
	}
	snprintf(line, sizeof(line), "    %s",
		 backend_text(set_of(balancer, backend->service)->forward, backend->addr,
			      backend->port, text));
	json_add_endpoint(entry, backend->addr, backend->port);
	json_add_counts(entry, &counts);
	json_object_array_add(backends, entry);
	if (!err && !json)
		print_counts(line, &counts);
	return err;
}

/* Those that registered themselves, be they gone: the packets they got were theirs. */
static int stats_listeners(const struct balancer *balancer, const struct flow_counts *flows,
			   __u32 id, struct json_object *backends, bool json)
{
	const struct xdplb_table *table = table_of(balancer, id);
	int err = 0;

	for (__u32 k = 0; !err && table && k < XDPLB_LISTENERS; k++)
		if (listener_is_shown(balancer, id, k))
			err = stats_backend(balancer, flows, table->first + k, backends, json);
	return err;
}

static int stats_service(const struct balancer *balancer, const struct flow_counts *flows, __u32 id,
			 struct json_object *services, bool json)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	struct service_address at;
	char text[ADDRESS_TEXT];
	struct counts counts;
	int err = service_counts(balancer, flows, id, &counts);

	service_address_of(&balancer->services[id], &at);
	json_add_text(object, "service", service_text(&at, text));
	json_add_counts(object, &counts);
	if (!err && !json)
		print_counts(text, &counts);
	for (__u32 i = 0; !err && i < set_of(balancer, id)->backends; i++)
		err = stats_backend(balancer, flows, set_backend(balancer, id, i)->backend,
				    backends, json);
	if (!err)
		err = stats_listeners(balancer, flows, id, backends, json);
	json_object_object_add(object, "backends", backends);
	json_object_array_add(services, object);
	return err;
}

/* Counters by reason, `from` to `to`. */
static struct json_object *json_reasons(const struct xdplb_cpu *counts, int from, int to)
{
	struct json_object *object = json_object_new_object();

	for (int i = from; i < to; i++)
		json_add_number(object, reason_name(i), counts->reason[i]);
	return object;
}

static struct json_object *json_verdicts(const struct xdplb_cpu *counts)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "pass", counts->verdict[XDP_PASS]);
	json_add_number(object, "tx", counts->verdict[XDP_TX]);
	json_add_number(object, "redirect", counts->verdict[XDP_REDIRECT]);
	json_add_number(object, "drop", counts->verdict[XDP_DROP]);
	return object;
}

static void print_reasons(const char *what, const struct xdplb_cpu *counts, int from, int to)
{
	bool any = false;

	printf("%s:", what);
	for (int i = from; i < to; i++) {
		if (!counts->reason[i])
			continue;
		printf("  %s %llu", reason_name(i), counts->reason[i]);
		any = true;
	}
	printf("%s\n", any ? "" : "  none");
}

static void print_verdicts(const struct xdplb_cpu *counts)
{
	printf("\nverdicts:  pass %llu  tx %llu  redirect %llu  drop %llu\n",
	       counts->verdict[XDP_PASS], counts->verdict[XDP_TX], counts->verdict[XDP_REDIRECT],
	       counts->verdict[XDP_DROP]);
	print_reasons("drops", counts, 0, XDPLB_DROPS);
	print_reasons("passed on", counts, XDPLB_DROPS, XDPLB_PASSES);
	print_reasons("answered", counts, XDPLB_PASSES, XDPLB_ANSWERS);
	print_reasons("flows", counts, XDPLB_ANSWERS, XDPLB_REASONS);
}

static int stats_services(const struct balancer *balancer, __u32 only, struct json_object *services,
			  bool json)
{
	struct flow_counts *flows = malloc(sizeof(*flows));
	struct flow_table table = flow_table_of(balancer);
	int err = flows ? 0 : fail(ENOMEM, "no memory to count flows");

	if (!err)
		flows_count(&table, flows);
	if (!err && !json)
		printf("%-32s %10s %12s %10s %12s %10s %8s\n", "", "packets", "bytes", "replies",
		       "bytes", "new flows", "active");
	for (__u32 id = 1; !err && id < XDPLB_SERVICES; id++)
		if (show_service(balancer, id, only))
			err = stats_service(balancer, flows, id, services, json);
	free(flows);
	return err;
}

static void json_add_reasons(struct json_object *all, const struct xdplb_cpu *counts)
{
	json_object_object_add(all, "verdicts", json_verdicts(counts));
	json_object_object_add(all, "drops", json_reasons(counts, 0, XDPLB_DROPS));
	json_object_object_add(all, "passed", json_reasons(counts, XDPLB_DROPS, XDPLB_PASSES));
	json_object_object_add(all, "answers", json_reasons(counts, XDPLB_PASSES, XDPLB_ANSWERS));
	json_object_object_add(all, "flows", json_reasons(counts, XDPLB_ANSWERS, XDPLB_REASONS));
}

int command_stats(struct options *options)
{
	struct json_object *all = json_object_new_object();
	struct json_object *services = json_object_new_array();
	struct balancer balancer;
	struct xdplb_cpu counts;
	__u32 only;
	int err = show_open(options, &balancer, &only), close = !err;

	if (!err)
		err = stats_services(&balancer, only, services, options->json);
	if (!err)
		err = balancer_counts(&balancer, &counts);
	json_object_object_add(all, "services", services);
	if (!err && options->json) {
		json_add_reasons(all, &counts);
		json_print(all, options->pretty);
	} else if (!err) {
		print_verdicts(&counts);
	}
	json_object_put(all);
	if (close)
		balancer_close(&balancer);
	return err;
}
