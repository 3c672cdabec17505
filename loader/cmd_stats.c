// SPDX-License-Identifier: GPL-2.0-only
/* stats: what the program has counted, once, again and again, or for Prometheus. */
#include <linux/bpf.h>
#include <stdio.h>

#include "counts.h"
#include "error.h"
#include "names.h"
#include "prometheus.h"
#include "show.h"
#include "watch.h"

/* ---- text ------------------------------------------------------------------------ */

static void print_counts(const char *name, const struct counts *counts)
{
	printf("%-32s %10llu %12llu %10llu %12llu %10llu %8llu\n", name, counts->packets,
	       counts->bytes, counts->reply_packets, counts->reply_bytes, counts->new_flows,
	       counts->active);
}

static void print_service(const struct all_counts *all, const struct service_counts *service)
{
	char text[ADDRESS_TEXT], line[ADDRESS_TEXT + 8];

	print_counts(service_text(&service->at, text), &service->counts);
	for (__u32 i = 0; i < service->backends; i++) {
		const struct backend_counts *backend = &all->backend[service->first + i];

		snprintf(line, sizeof(line), "    %s", counts_backend_text(service, backend, text));
		print_counts(line, &backend->counts);
	}
}

/* Counters by reason, `from` to `to`. */
static void print_reasons(const char *what, const struct all_counts *all, int from, int to)
{
	bool any = false;

	printf("%s:", what);
	for (int i = from; i < to; i++) {
		if (!all->reason[i])
			continue;
		printf("  %s %llu", reason_name(i), all->reason[i]);
		any = true;
	}
	printf("%s\n", any ? "" : "  none");
}

static void print_all(const struct all_counts *all)
{
	printf("%-32s %10s %12s %10s %12s %10s %8s\n", "", "packets", "bytes", "replies", "bytes",
	       "new flows", "active");
	for (__u32 i = 0; i < all->services; i++)
		print_service(all, &all->service[i]);
	printf("\nverdicts:  pass %llu  tx %llu  redirect %llu  drop %llu\n",
	       all->verdict[XDP_PASS], all->verdict[XDP_TX], all->verdict[XDP_REDIRECT],
	       all->verdict[XDP_DROP]);
	print_reasons("drops", all, 0, XDPLB_DROPS);
	print_reasons("passed on", all, XDPLB_DROPS, XDPLB_PASSES);
	print_reasons("answered", all, XDPLB_PASSES, XDPLB_ANSWERS);
	print_reasons("flows", all, XDPLB_ANSWERS, XDPLB_REASONS);
}

/* ---- JSON ------------------------------------------------------------------------ */

static void json_add_counts(struct json_object *object, const struct counts *counts)
{
	json_add_number(object, "packets", counts->packets);
	json_add_number(object, "bytes", counts->bytes);
	json_add_number(object, "reply_packets", counts->reply_packets);
	json_add_number(object, "reply_bytes", counts->reply_bytes);
	json_add_number(object, "new_flows", counts->new_flows);
	json_add_number(object, "active_flows", counts->active);
}

static struct json_object *json_service(const struct all_counts *all,
					const struct service_counts *service)
{
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_counts(object, &service->counts);
	for (__u32 i = 0; i < service->backends; i++) {
		const struct backend_counts *backend = &all->backend[service->first + i];
		struct json_object *entry = json_object_new_object();

		json_add_endpoint(entry, backend->addr, backend->port);
		json_add_counts(entry, &backend->counts);
		json_object_array_add(backends, entry);
	}
	json_object_object_add(object, "backends", backends);
	return object;
}

static void json_add_reasons(struct json_object *all, const char *key, const __u64 *reason,
			     int from, int to)
{
	struct json_object *object = json_object_new_object();

	for (int i = from; i < to; i++)
		json_add_number(object, reason_name(i), reason[i]);
	json_object_object_add(all, key, object);
}

static void json_all(const struct all_counts *all, bool pretty)
{
	struct json_object *object = json_object_new_object();
	struct json_object *services = json_object_new_array();
	struct json_object *verdicts = json_object_new_object();

	for (__u32 i = 0; i < all->services; i++)
		json_object_array_add(services, json_service(all, &all->service[i]));
	json_object_object_add(object, "services", services);
	json_add_number(verdicts, "pass", all->verdict[XDP_PASS]);
	json_add_number(verdicts, "tx", all->verdict[XDP_TX]);
	json_add_number(verdicts, "redirect", all->verdict[XDP_REDIRECT]);
	json_add_number(verdicts, "drop", all->verdict[XDP_DROP]);
	json_object_object_add(object, "verdicts", verdicts);
	json_add_reasons(object, "drops", all->reason, 0, XDPLB_DROPS);
	json_add_reasons(object, "passed", all->reason, XDPLB_DROPS, XDPLB_PASSES);
	json_add_reasons(object, "answers", all->reason, XDPLB_PASSES, XDPLB_ANSWERS);
	json_add_reasons(object, "flows", all->reason, XDPLB_ANSWERS, XDPLB_REASONS);
	json_print(object, pretty);
	json_object_put(object);
}

/* ---- the command ------------------------------------------------------------------- */

static int options_check(const struct options *options)
{
	if (options->prometheus && options->watch)
		return misuse("--prometheus prints what there is once, and --watch goes on: give "
			      "one of them");
	if (options->prometheus && options->json)
		return misuse("--prometheus has a format of its own: give it without -j");
	if (options->watch && options->pretty)
		return misuse("--pretty: with --watch an object is a line: give -j");
	return 0;
}

int command_stats(struct options *options)
{
	struct all_counts all = {};
	struct balancer balancer;
	__u32 only;
	int err = options_check(options);

	if (err)
		return err;
	if (options->watch)
		return watch(options);
	err = show_open(options, &balancer, &only);
	if (err)
		return err;
	err = counts_read(&balancer, only, &all);
	balancer_close(&balancer);
	if (!err && options->prometheus)
		prometheus_print(stdout, &all);
	else if (!err && options->json)
		json_all(&all, options->pretty);
	else if (!err)
		print_all(&all);
	counts_free(&all);
	return err;
}
