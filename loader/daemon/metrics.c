// SPDX-License-Identifier: GPL-2.0-only
#include "metrics.h"

#include <inttypes.h>

#include "../prometheus.h"

#define SECONDS(microseconds) ((microseconds) / 1e6)

/* ---- services ----------------------------------------------------------------------------------
 */

static int service_floor(const struct watched_service *service)
{
	return service->suspect;
}

static const struct {
	const char *name;
	const char *help;
	int (*value)(const struct watched_service *service);
} service_families[] = {
	{ "service_backends", "Backends that shall be up, or stand by, the fallback not counted.",
	  view_wanted },
	{ "service_healthy_backends", "Those of them that are healthy.", service_healthy },
	{ "service_floor",
	  "1 while so many backends fail that the last good ones are kept, 0 otherwise.",
	  service_floor },
};

static void print_services(FILE *out, const struct view *view)
{
	const struct all_counts *all = &view->sample->counts;

	for (size_t f = 0; f < sizeof(service_families) / sizeof(*service_families); f++) {
		const char *name = service_families[f].name;

		prometheus_head(out, name, "gauge", service_families[f].help);
		for (__u32 i = 0; i < all->services; i++) {
			if (!view->service[i])
				continue;
			prometheus_which(out, name, &all->service[i], NULL);
			fprintf(out, "} %d\n", service_families[f].value(view->service[i]));
		}
	}
}

/* ---- backends ----------------------------------------------------------------------------------
 */

/* A backend's samples: `name` of the family, `which` has its labels. */
struct row {
	FILE *out;
	const char *name;
	const struct service_counts *service;
	const struct backend_counts *counts;
	const struct watched_backend *backend;
};

static void begin(const struct row *row, const char *suffix)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", row->name, suffix);
	prometheus_which(row->out, name, row->service, row->counts);
}

static void print_healthy(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %d\n", row->backend->health.up);
}

static void print_held(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %d\n", row->backend->health.damped);
}

static void print_results(const struct row *row)
{
	const struct check *check = &row->backend->check;
	const struct {
		const char *result;
		uint64_t count;
	} results[] = { { "passed", check->passed },
			{ "failed", check->failed },
			{ "not_run", check->not_run } };

	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
		begin(row, "");
		prometheus_pair(row->out, ",", "result", results[i].result);
		fprintf(row->out, "} %" PRIu64 "\n", results[i].count);
	}
}

static void print_durations(const struct row *row)
{
	const struct check *check = &row->backend->check;

	begin(row, "_sum");
	fprintf(row->out, "} %.6f\n", SECONDS(check->took_all));
	begin(row, "_count");
	fprintf(row->out, "} %" PRIu64 "\n", check->passed + check->failed);
}

static void print_last_duration(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %.6f\n", SECONDS(row->backend->check.took));
}

static void print_agent_ratio(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %.2f\n", row->backend->agent.percent / 100.0);
}

static void print_agent_silent(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %d\n", row->backend->agent.silent);
}

static void print_unanswered(const struct row *row)
{
	begin(row, "");
	fprintf(row->out, "} %d\n", row->backend->unanswered);
}

static bool has_passive(const struct watched_backend *backend)
{
	return backend && backend->service->options->passive.on;
}

static bool has_agent(const struct watched_backend *backend)
{
	return backend && backend->service->options->agent.on;
}

static const struct {
	const char *name, *type, *help;
	bool (*has)(const struct watched_backend *backend);
	void (*print)(const struct row *row);
} backend_families[] = {
	{ "check_healthy", "gauge", "1 for a backend that its checks have found well, 0 otherwise.",
	  view_is_checked, print_healthy },
	{ "check_held", "gauge",
	  "1 for a backend that passes, and has failed too often to be let in, 0 otherwise.",
	  view_is_checked, print_held },
	{ "check_results_total", "counter",
	  "Checks by result; not_run: this machine could not run it.", view_is_checked,
	  print_results },
	{ "check_duration_seconds", "summary", "How long checks took that passed or failed.",
	  view_is_checked, print_durations },
	{ "check_last_duration_seconds", "gauge", "How long the last check took.", view_is_checked,
	  print_last_duration },
	{ "backend_unanswered", "gauge", "1 for a backend whose flows get no answer, 0 otherwise.",
	  has_passive, print_unanswered },
	{ "agent_ratio", "gauge", "Share of its weight that a backend can take as its agent says.",
	  has_agent, print_agent_ratio },
	{ "agent_silent", "gauge", "1 for a backend whose agent does not answer, 0 otherwise.",
	  has_agent, print_agent_silent },
};

static void print_backends(FILE *out, const struct view *view, size_t f)
{
	const struct all_counts *all = &view->sample->counts;

	for (__u32 i = 0; i < all->services; i++) {
		const struct service_counts *service = &all->service[i];

		for (__u32 j = service->first; j < service->first + service->backends; j++) {
			const struct row row = {
				.out = out,
				.name = backend_families[f].name,
				.service = service,
				.counts = &all->backend[j],
				.backend = view->backend[j],
			};

			if (backend_families[f].has(row.backend))
				backend_families[f].print(&row);
		}
	}
}

/* ---- the daemon --------------------------------------------------------------------------------
 */

static void print_seconds(FILE *out, const char *name, const char *help, double seconds)
{
	prometheus_head(out, name, "gauge", help);
	fprintf(out, "xdplb_%s %.3f\n", name, seconds);
}

static void print_daemon(FILE *out, const struct view *view)
{
	prometheus_head(out, "build_info", "gauge", "1, with the version of xdplbd.");
	fprintf(out, "xdplb_build_info{version=\"%s\"} 1\n", XDPLB_VERSION);
	prometheus_gauge(out, "balancer_found", "1 while there is a balancer, 0 otherwise.",
			 view->found);
	prometheus_gauge(out, "configuration_last_load_successful",
			 "1 when the file, as it was last read, is in force, 0 otherwise.",
			 !view->daemon->rejected);
	print_seconds(out, "configuration_load_timestamp_seconds",
		      "When the file in force was read, since 1970.", view->daemon->loaded);
	if (view->time.tv_sec)
		print_seconds(out, "counters_timestamp_seconds",
			      "When the balancer's counters were read, since 1970.",
			      view->time.tv_sec + view->time.tv_nsec / 1e9);
}

/* Names that all clients of Prometheus have. */
static void print_process(FILE *out, const struct process *process)
{
	const struct {
		const char *name, *type, *help;
		double value;
		int places;
	} samples[] = {
		{ "cpu_seconds_total", "counter", "User and system time of xdplbd.", process->cpu,
		  6 },
		{ "start_time_seconds", "gauge", "When xdplbd began, since 1970.", process->began,
		  3 },
		{ "resident_memory_bytes", "gauge", "Memory of xdplbd.", (double)process->memory,
		  0 },
		{ "open_fds", "gauge", "Descriptors that xdplbd has.", process->descriptors, 0 },
		{ "max_fds", "gauge", "Descriptors that it may have.", process->descriptors_max,
		  0 },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		fprintf(out, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.*f\n",
			samples[i].name, samples[i].help, samples[i].name, samples[i].type,
			samples[i].name, samples[i].places, samples[i].value);
}

void metrics_print(FILE *out, const struct view *view, const struct process *process)
{
	print_daemon(out, view);
	print_process(out, process);
	if (!view->found)
		return;
	prometheus_print(out, &view->sample->counts);
	print_services(out, view);
	for (size_t f = 0; f < sizeof(backend_families) / sizeof(*backend_families); f++) {
		prometheus_head(out, backend_families[f].name, backend_families[f].type,
				backend_families[f].help);
		print_backends(out, view, f);
	}
}
