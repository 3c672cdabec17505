// SPDX-License-Identifier: GPL-2.0-only
#include "prometheus.h"

#include <linux/bpf.h>
#include <stddef.h>

#include "names.h"

/* What is there of each service and each backend. */
struct family {
	const char *name;
	const char *type;
	const char *help;
	size_t offset; /* of the __u64 in struct counts */
};

static const struct family families[] = {
	{ "packets_total", "counter", "Packets from clients.", offsetof(struct counts, packets) },
	{ "bytes_total", "counter", "Bytes from clients, Ethernet header and IP packet.",
	  offsetof(struct counts, bytes) },
	{ "reply_packets_total", "counter", "Packets of replies that passed the balancer.",
	  offsetof(struct counts, reply_packets) },
	{ "reply_bytes_total", "counter", "Bytes of these replies.",
	  offsetof(struct counts, reply_bytes) },
	{ "new_flows_total", "counter", "Flows that began.", offsetof(struct counts, new_flows) },
	{ "active_flows", "gauge", "Flows that are new or established.",
	  offsetof(struct counts, active) },
};

#define FAMILIES (sizeof(families) / sizeof(*families))

static __u64 value_of(const struct counts *counts, const struct family *family)
{
	return *(const __u64 *)((const char *)counts + family->offset);
}

void prometheus_label(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		fputc(*value, out);
	}
}

void prometheus_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP xdplb_%s %s\n# TYPE xdplb_%s %s\n", name, help, name, type);
}

void prometheus_pair(FILE *out, const char *before, const char *name, const char *value)
{
	fprintf(out, "%s%s=\"", before, name);
	prometheus_label(out, value);
	fputc('"', out);
}

void prometheus_which(FILE *out, const char *name, const struct service_counts *service,
		      const struct backend_counts *backend)
{
	char text[ADDRESS_TEXT];

	fprintf(out, "xdplb_%s", name);
	prometheus_pair(out, "{", "service", service_text(&service->at, text));
	if (backend)
		prometheus_pair(out, ",", "backend", counts_backend_text(service, backend, text));
}

static void print_services(FILE *out, const struct all_counts *all)
{
	char name[40];

	for (size_t f = 0; f < FAMILIES; f++) {
		snprintf(name, sizeof(name), "service_%s", families[f].name);
		prometheus_head(out, name, families[f].type, families[f].help);
		for (__u32 i = 0; i < all->services; i++) {
			prometheus_which(out, name, &all->service[i], NULL);
			fprintf(out, "} %llu\n", value_of(&all->service[i].counts, &families[f]));
		}
	}
}

/* ---- backends -------------------------------------------------------------------- */

typedef void sample_function(FILE *out, const char *name, const struct service_counts *service,
			     const struct backend_counts *backend, const void *context);

static void each_backend(FILE *out, const struct all_counts *all, const char *name,
			 sample_function *print, const void *context)
{
	for (__u32 i = 0; i < all->services; i++)
		for (__u32 j = 0; j < all->service[i].backends; j++)
			print(out, name, &all->service[i], &all->backend[all->service[i].first + j],
			      context);
}

static void print_count(FILE *out, const char *name, const struct service_counts *service,
			const struct backend_counts *backend, const void *context)
{
	prometheus_which(out, name, service, backend);
	fprintf(out, "} %llu\n", value_of(&backend->counts, context));
}

static void print_weight(FILE *out, const char *name, const struct service_counts *service,
			 const struct backend_counts *backend, const void *context)
{
	(void)context;
	prometheus_which(out, name, service, backend);
	fprintf(out, "} %u\n", backend->weight);
}

/* A sample for each state that there is, so that none disappears when it changes. */
static void print_states(FILE *out, const char *name, const struct service_counts *service,
			 const struct backend_counts *backend, const void *context)
{
	(void)context;
	for (int state = XDPLB_UP; state <= XDPLB_BACKUP; state++) {
		prometheus_which(out, name, service, backend);
		prometheus_pair(out, ",", "state", state_name(state));
		fprintf(out, "} %d\n", state == backend->state);
	}
}

static void print_backends(FILE *out, const struct all_counts *all)
{
	char name[40];

	for (size_t f = 0; f < FAMILIES; f++) {
		snprintf(name, sizeof(name), "backend_%s", families[f].name);
		prometheus_head(out, name, families[f].type, families[f].help);
		each_backend(out, all, name, print_count, &families[f]);
	}
	prometheus_head(out, "backend_weight", "gauge", "Its share of new flows.");
	each_backend(out, all, "backend_weight", print_weight, NULL);
	prometheus_head(out, "backend_state", "gauge",
			"1 for the state that it is in, 0 for the others.");
	each_backend(out, all, "backend_state", print_states, NULL);
}

/* ---- the whole balancer ------------------------------------------------------------ */

static void print_verdicts(FILE *out, const struct all_counts *all)
{
	static const struct {
		const char *name;
		int verdict;
	} verdicts[] = { { "pass", XDP_PASS },
			 { "tx", XDP_TX },
			 { "redirect", XDP_REDIRECT },
			 { "drop", XDP_DROP } };

	prometheus_head(out, "verdicts_total", "counter", "Packets by what became of them.");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
		fprintf(out, "xdplb_verdicts_total{verdict=\"%s\"} %llu\n", verdicts[i].name,
			all->verdict[verdicts[i].verdict]);
}

static void print_cpus(FILE *out, const struct all_counts *all)
{
	prometheus_head(out, "cpu_packets_total", "counter", "Packets that each CPU has seen.");
	for (__u32 i = 0; i < all->cpus; i++)
		fprintf(out, "xdplb_cpu_packets_total{cpu=\"%u\"} %llu\n", i, all->cpu[i]);
}

/* Counters by reason, `from` to `to`. */
static void print_reasons(FILE *out, const struct all_counts *all, const char *name,
			  const char *help, int from, int to)
{
	prometheus_head(out, name, "counter", help);
	for (int i = from; i < to; i++) {
		fprintf(out, "xdplb_%s", name);
		prometheus_pair(out, "{", "reason", reason_name(i));
		fprintf(out, "} %llu\n", all->reason[i]);
	}
}

void prometheus_gauge(FILE *out, const char *name, const char *help, __u64 value)
{
	prometheus_head(out, name, "gauge", help);
	fprintf(out, "xdplb_%s %llu\n", name, value);
}

static void print_fill(FILE *out, const struct fill *fill)
{
	prometheus_gauge(out, "services", "Services there are.", fill->services);
	prometheus_gauge(out, "services_max", "Services there is room for.", XDPLB_SERVICES - 1);
	prometheus_gauge(out, "backends",
			 "Backends there are, deleted ones that have flows included.",
			 fill->backends);
	prometheus_gauge(out, "backends_max", "Backends there is room for.", XDPLB_BACKENDS - 1);
	prometheus_gauge(out, "flows", "Entries of the flow table in use.", fill->flows);
	prometheus_gauge(out, "flows_max", "Entries that the flow table has.", fill->room);
}

void prometheus_print(FILE *out, const struct all_counts *all)
{
	print_services(out, all);
	print_backends(out, all);
	print_verdicts(out, all);
	print_cpus(out, all);
	print_reasons(out, all, "drops_total", "Packets dropped, by reason.", 0, XDPLB_DROPS);
	print_reasons(out, all, "passed_total",
		      "Packets passed on that could not be read or had no flow, by reason.",
		      XDPLB_DROPS, XDPLB_PASSES);
	print_reasons(out, all, "answers_total", "Packets answered, by reason.", XDPLB_PASSES,
		      XDPLB_ANSWERS);
	print_reasons(out, all, "flow_events_total", "What became of flows, by reason.",
		      XDPLB_ANSWERS, XDPLB_REASONS);
	print_fill(out, &all->fill);
}
