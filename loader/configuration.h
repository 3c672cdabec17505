/* SPDX-License-Identifier: GPL-2.0-only */
/* All that a balancer shall be: its settings and services, as xdplb.yaml(5) writes them. */
#ifndef XDPLB_CONFIGURATION_H
#define XDPLB_CONFIGURATION_H

#include "balancer.h"
#include "settings.h"
#include "wanted.h"

struct configuration {
	struct settings settings;
	bool seed_given; /* else the seed stays */
	struct wanted_service *service; /* complete, malloc()ed */
	int services;
};

/*
 * Reads a file ("-": standard input); what it leaves out is the default. 0, or a
 * negative errno after an error line with its place; then there is nothing to free.
 */
int configuration_read(const char *path, struct configuration *configuration);

/* The same of a balancer as it is, in the order of services' ids. */
int configuration_of(const struct balancer *balancer, struct configuration *configuration);

void configuration_free(struct configuration *configuration);

#endif
