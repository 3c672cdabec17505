// SPDX-License-Identifier: GPL-2.0-only
/* stats: what the program has counted, once, again and again, or for Prometheus. */
#include <linux/bpf.h>
#include <stdio.h>

#include "counts.h"
#include "counts_json.h"
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

static void json_all(const struct all_counts *all, bool pretty)
{
	struct json_object *object = json_of_counts(all);

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
