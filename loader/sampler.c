// SPDX-License-Identifier: GPL-2.0-only
#include "sampler.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "show.h"

/* ---- errors ---------------------------------------------------------------------- */

/* What is said while somebody watches would be in the middle of what he sees. */
static int errors_keep(struct sampler *sampler)
{
	sampler->said = memfd_create("xdplb-errors", MFD_CLOEXEC);
	sampler->errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (sampler->said >= 0 && sampler->errors >= 0 && dup2(sampler->said, STDERR_FILENO) >= 0)
		return 0;
	return fail(errno, "cannot put errors aside: %s", strerror(errno));
}

/* The last line, without the command's name. */
static void errors_take(struct sampler *sampler)
{
	static const char name[] = "xdplb-config: ";
	char text[sizeof(sampler->message)], *line;
	ssize_t length = pread(sampler->said, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strncmp(line, name, strlen(name)))
		line += strlen(name);
	snprintf(sampler->message, sizeof(sampler->message), "%s", line);
	if (!ftruncate(sampler->said, 0))
		lseek(sampler->said, 0, SEEK_SET);
}

/* ---- looks ----------------------------------------------------------------------- */

/* Opens the balancer for as long as one look takes, so that others may change it. */
static int look(struct sampler *sampler)
{
	const struct sample *before = sampler->sample.service ? &sampler->sample : NULL;
	struct sample now = {};
	struct balancer balancer;
	__u32 only;
	int err;

	clock_gettime(CLOCK_REALTIME, &sampler->time);
	err = show_open(sampler->options, &balancer, &only);
	if (err)
		return err;
	err = counts_read(&balancer, only, &now.counts);
	balancer_close(&balancer);
	if (!err)
		err = sample_compare(&now, before);
	if (err) {
		sample_free(&now);
		return err;
	}
	sample_free(&sampler->sample);
	sampler->sample = now;
	return 0;
}

int sampler_open(struct sampler *sampler, struct options *options)
{
	int err;

	*sampler = (struct sampler){ .options = options, .said = -1, .errors = -1 };
	err = look(sampler);
	return err ? err : errors_keep(sampler);
}

int sampler_look(struct sampler *sampler)
{
	int err = look(sampler);

	errors_take(sampler);
	if (!err)
		sampler->message[0] = '\0';
	/* While somebody makes a change nothing is known to be over. */
	sampler->stale = err && (err != -EBUSY || sampler->stale);
	return err;
}

void sampler_close(struct sampler *sampler)
{
	if (sampler->errors >= 0 && sampler->said >= 0) {
		errors_take(sampler);
		dup2(sampler->errors, STDERR_FILENO);
		if (*sampler->message)
			fprintf(stderr, "xdplb-config: %s\n", sampler->message);
	}
	if (sampler->errors >= 0)
		close(sampler->errors);
	if (sampler->said >= 0)
		close(sampler->said);
	sample_free(&sampler->sample);
}
