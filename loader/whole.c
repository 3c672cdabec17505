// SPDX-License-Identifier: GPL-2.0-only
#include "whole.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chain.h"
#include "counts.h"
#include "drained.h"
#include "error.h"
#include "progress.h"

/* Traffic goes on until every router has heard of it. */
static void hold(int withdrawn, const struct announcer_note *note)
{
	if (!withdrawn)
		return;
	printf("%d address%s withdrawn; %d s for routers to follow\n", withdrawn,
	       withdrawn == 1 ? "" : "es", note->hold);
	fflush(stdout);
	sleep(note->hold);
}

/* Packets to services so far, and flows that they began. */
static int packets_read(const struct options *options, __u64 *packets)
{
	struct all_counts all = {};
	struct balancer balancer;
	int err = balancer_open(&balancer, &options->choice, false);

	if (err)
		return err;
	err = counts_read(&balancer, 0, &all);
	*packets = 0;
	for (__u32 i = 0; !err && i < all.services; i++)
		*packets += all.service[i].counts.packets;
	counts_free(&all);
	balancer_close(&balancer);
	return err;
}

static void packets_show(__u64 packets)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu packet%s in a second", packets, packets == 1 ? "" : "s");
	if (progress_changes(stdout))
		progress_show(stdout, 0, 0, text);
	else
		printf("%s\n", text);
	fflush(stdout);
}

/* Until a second passes without a packet. */
static int quiet_wait(const struct options *options, __u32 seconds)
{
	__u64 before = 0, now = 0, packets = 1;
	int err = packets_read(options, &before);

	for (__u32 i = 0; !err && packets; i++) {
		if (seconds && i >= seconds) {
			err = -ETIMEDOUT;
			break;
		}
		sleep(1);
		err = packets_read(options, &now);
		packets = now - before;
		before = now;
		if (!err)
			packets_show(packets);
	}
	progress_clear(stdout);
	return err == -ETIMEDOUT ?
		       fail(ETIMEDOUT, "packets still come after %u s; the balancer stays drained",
			    seconds) :
		       err;
}

int whole_drain(const struct options *options, __u32 seconds)
{
	struct announcer_note note;
	int withdrawn;

	if (announcer_read(&note))
		return fail(ENOENT,
			    "xdplbd announces nothing here, so that a whole balancer cannot "
			    "be drained; drain SERVICE BACKEND drains one backend");
	withdrawn = drained_begin(&note);
	if (withdrawn < 0)
		return withdrawn;
	hold(withdrawn, &note);
	return options->wait ? quiet_wait(options, seconds) : 0;
}

static bool is_one_of(const char *name, char **interfaces, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, interfaces[i]))
			return true;
	return false;
}

int whole_leave(char **interfaces, int count, int *fd)
{
	struct chain_program found[CHAIN_MAX];
	struct announcer_note note;
	int there, withdrawn;

	*fd = -1;
	if (announcer_read(&note))
		return 0;
	there = chain_interfaces(found, CHAIN_MAX);
	for (int i = 0; i < there; i++)
		if (!is_one_of(found[i].interface, interfaces, count))
			return 0;
	withdrawn = drained_hold(&note, fd);
	if (withdrawn < 0)
		return withdrawn;
	hold(withdrawn, &note);
	return 0;
}
