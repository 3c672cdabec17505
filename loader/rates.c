// SPDX-License-Identifier: GPL-2.0-only
#include "rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static bool fell(const struct counts *before, const struct counts *now)
{
	return now->packets < before->packets || now->bytes < before->bytes ||
	       now->reply_packets < before->reply_packets ||
	       now->reply_bytes < before->reply_bytes || now->new_flows < before->new_flows;
}

struct rates rates_between(const struct counts *before, const struct counts *now, double seconds)
{
	if (seconds <= 0 || fell(before, now))
		return (struct rates){};
	return (struct rates){
		.known = true,
		.packets = (now->packets - before->packets) / seconds,
		.bits = (now->bytes - before->bytes) * 8 / seconds,
		.new_flows = (now->new_flows - before->new_flows) / seconds,
		.replies = (now->reply_packets - before->reply_packets) / seconds,
		.reply_bits = (now->reply_bytes - before->reply_bytes) * 8 / seconds,
	};
}

static void rates_add(struct rates *total, const struct rates *rates)
{
	total->known |= rates->known;
	total->packets += rates->packets;
	total->bits += rates->bits;
	total->new_flows += rates->new_flows;
	total->replies += rates->replies;
	total->reply_bits += rates->reply_bits;
}

/* ---- who was who --------------------------------------------------------------------- */

/* The place of the same service before, by ids, which ascend; -1: it was not there. */
static long service_before(const struct all_counts *before, const struct service_counts *service)
{
	__u32 low = 0, high = before->services;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (before->service[middle].id < service->id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == before->services || before->service[low].id != service->id ||
	    before->service[low].at.port != service->at.port ||
	    before->service[low].at.proto != service->at.proto ||
	    !same_address(before->service[low].at.addr, service->at.addr))
		return -1;
	return low;
}

/* The same backend of the service before, NULL: it was not there. Most have kept their place. */
static const struct backend_counts *backend_before(const struct all_counts *before,
						   const struct service_counts *service,
						   const struct backend_counts *backend,
						   __u32 place)
{
	for (__u32 i = 0; i < service->backends; i++) {
		__u32 at = (place + i) % service->backends;
		const struct backend_counts *old = &before->backend[service->first + at];

		if (old->port == backend->port && same_address(old->addr, backend->addr))
			return old;
	}
	return NULL;
}

/* ---- a sample ------------------------------------------------------------------------ */

/* Moves on by the seconds that have passed, which all had the same rate. */
static void history_add(struct history *history, const struct rates *rates, double seconds)
{
	long steps = lround(seconds);
	float *packets = history->packets;

	steps = steps < 1 ? 1 : steps > HISTORY ? HISTORY : steps;
	memmove(packets, packets + steps, (HISTORY - steps) * sizeof(*packets));
	for (long i = HISTORY - steps; i < HISTORY; i++)
		packets[i] = rates->known ? (float)rates->packets : NAN;
}

static void history_empty(struct history *history)
{
	for (int i = 0; i < HISTORY; i++)
		history->packets[i] = NAN;
}

static void service_compare(struct sample *now, __u32 i, const struct sample *before)
{
	const struct service_counts *service = &now->counts.service[i], *old_service;
	const struct backend_counts *old;
	long place = before ? service_before(&before->counts, service) : -1;

	history_empty(&now->history[i]);
	if (place < 0)
		return;
	old_service = &before->counts.service[place];
	now->service[i] = rates_between(&old_service->counts, &service->counts, now->seconds);
	now->history[i] = before->history[place];
	history_add(&now->history[i], &now->service[i], now->seconds);
	for (__u32 j = 0; j < service->backends; j++) {
		__u32 at = service->first + j;
		const struct backend_counts *backend = &now->counts.backend[at];

		old = backend_before(&before->counts, old_service, backend, j);
		if (old)
			now->backend[at] =
				rates_between(&old->counts, &backend->counts, now->seconds);
	}
}

static double rate(__u64 before, __u64 now, double seconds)
{
	return now > before && seconds > 0 ? (now - before) / seconds : 0;
}

/* Verdicts and reasons, whose counters are the whole balancer's. */
static void balancer_compare(struct sample *now, const struct sample *before)
{
	const struct all_counts *counts = &now->counts, *old = &before->counts;

	for (int i = 0; i < 8; i++)
		now->verdict[i] = rate(old->verdict[i], counts->verdict[i], now->seconds);
	for (int i = 0; i < XDPLB_REASONS; i++)
		now->reason[i] = rate(old->reason[i], counts->reason[i], now->seconds);
}

int sample_compare(struct sample *now, const struct sample *before)
{
	const struct all_counts *counts = &now->counts;

	if (before && before->counts.balancer != counts->balancer)
		before = NULL;
	now->seconds = before ? counts->time - before->counts.time : 0;
	now->service = calloc(counts->services + 1, sizeof(*now->service));
	now->history = calloc(counts->services + 1, sizeof(*now->history));
	now->backend = calloc(counts->backends + 1, sizeof(*now->backend));
	if (!now->service || !now->history || !now->backend)
		return fail(ENOMEM, "no memory for rates");
	for (__u32 i = 0; i < counts->services; i++) {
		service_compare(now, i, before);
		rates_add(&now->total, &now->service[i]);
		now->active += counts->service[i].counts.active;
	}
	if (before)
		balancer_compare(now, before);
	return 0;
}

void sample_free(struct sample *sample)
{
	counts_free(&sample->counts);
	free(sample->service);
	free(sample->history);
	free(sample->backend);
	memset(sample, 0, sizeof(*sample));
}
