// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "names.h"
#include "rates_json.h"
#include "sampler.h"
#include "screen.h"
#include "show.h"
#include "terminal.h"

/* ---- lines ------------------------------------------------------------------------- */

static void print_rates(const char *name, const struct rates *rates, __u64 active)
{
	if (rates->known)
		printf("%-32s %10.0f %14.0f %8.0f %8llu %10.0f %14.0f\n", name, rates->packets,
		       rates->bits, rates->new_flows, active, rates->replies, rates->reply_bits);
	else
		printf("%-32s %10s %14s %8s %8llu %10s %14s\n", name, "-", "-", "-", active, "-",
		       "-");
}

static void print_service(const struct sample *sample, __u32 i)
{
	const struct service_counts *service = &sample->counts.service[i];
	char text[ADDRESS_TEXT], line[ADDRESS_TEXT + 8];

	print_rates(service_text(&service->at, text), &sample->service[i], service->counts.active);
	for (__u32 j = service->first; j < service->first + service->backends; j++) {
		const struct backend_counts *backend = &sample->counts.backend[j];

		snprintf(line, sizeof(line), "    %s", counts_backend_text(service, backend, text));
		print_rates(line, &sample->backend[j], backend->counts.active);
	}
}

static void print_sample(const struct sampler *sampler)
{
	const struct sample *sample = &sampler->sample;
	bool any = false;
	char clock[16];
	struct tm local;

	localtime_r(&sampler->time.tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	printf("%-32s %10s %14s %8s %8s %10s %14s\n", clock, "packets/s", "bits/s", "new/s",
	       "active", "replies/s", "bits/s");
	for (__u32 i = 0; i < sample->counts.services; i++)
		print_service(sample, i);
	printf("verdicts/s:  pass %.0f  tx %.0f  redirect %.0f  drop %.0f\n",
	       sample->verdict[XDP_PASS], sample->verdict[XDP_TX], sample->verdict[XDP_REDIRECT],
	       sample->verdict[XDP_DROP]);
	printf("drops/s:");
	for (int i = 0; i < XDPLB_DROPS; i++) {
		if (sample->reason[i] <= 0)
			continue;
		printf("  %s %.0f", reason_name(i), sample->reason[i]);
		any = true;
	}
	printf("%s\n\n", any ? "" : "  none");
}

/* ---- objects ----------------------------------------------------------------------- */

static struct json_object *json_service(const struct sample *sample, __u32 i)
{
	const struct service_counts *service = &sample->counts.service[i];
	struct json_object *object = json_object_new_object();
	struct json_object *backends = json_object_new_array();
	char text[ADDRESS_TEXT];

	json_add_text(object, "service", service_text(&service->at, text));
	json_add_rates(object, &sample->service[i]);
	json_add_number(object, "active_flows", service->counts.active);
	for (__u32 j = service->first; j < service->first + service->backends; j++) {
		const struct backend_counts *backend = &sample->counts.backend[j];
		struct json_object *entry = json_object_new_object();

		json_add_endpoint(entry, backend->addr, backend->port);
		json_add_rates(entry, &sample->backend[j]);
		json_add_number(entry, "active_flows", backend->counts.active);
		json_object_array_add(backends, entry);
	}
	json_object_object_add(object, "backends", backends);
	return object;
}

static void json_sample(const struct sampler *sampler)
{
	const struct sample *sample = &sampler->sample;
	struct json_object *object = json_object_new_object();
	struct json_object *services = json_object_new_array();

	json_add_time(object, &sampler->time);
	for (__u32 i = 0; i < sample->counts.services; i++)
		json_object_array_add(services, json_service(sample, i));
	json_object_object_add(object, "services", services);
	json_add_balancer_rates(object, sample);
	json_print(object, false);
	json_object_put(object);
}

/* ---- again and again --------------------------------------------------------------- */

/* Says on standard error what a look failed for, once for all that fail alike. */
static void failure_say(const struct sampler *sampler, char *before, size_t size)
{
	if (*sampler->message && strcmp(sampler->message, before))
		dprintf(sampler->errors, "xdplb-config: %s\n", sampler->message);
	snprintf(before, size, "%s", sampler->message);
}

/* Until it is killed, or its output cannot be written. */
static int lines_run(struct sampler *sampler, bool json)
{
	char failure[sizeof(sampler->message)] = "";
	struct timespec due;

	clock_gettime(CLOCK_MONOTONIC, &due);
	for (;;) {
		due.tv_sec++;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		/* Of the first look at a balancer there are no rates. */
		if (!sampler_look(sampler) && sampler->sample.seconds > 0) {
			if (json)
				json_sample(sampler);
			else
				print_sample(sampler);
		}
		failure_say(sampler, failure, sizeof(failure));
		if (fflush(stdout) || ferror(stdout))
			return fail(errno, "cannot write the output: %s", strerror(errno));
	}
}

int watch(struct options *options)
{
	struct sampler sampler;
	int err = sampler_open(&sampler, options);
	bool lines = options->json || !terminal_is_there();

	if (!err && lines)
		err = lines_run(&sampler, options->json);
	else if (!err)
		err = screen_run(&sampler);
	sampler_close(&sampler);
	return err;
}
