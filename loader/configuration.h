/* SPDX-License-Identifier: GPL-2.0-only */
/* All that a balancer shall be: its settings and services, as xdplb.yaml(5) writes them. */
#ifndef XDPLB_CONFIGURATION_H
#define XDPLB_CONFIGURATION_H

#include "balancer.h"
#include "checks.h"
#include "kept.h"
#include "place.h"
#include "settings.h"
#include "wanted.h"

struct configuration {
	struct settings settings;
	bool seed_given; /* else the seed stays */
	struct place seed_place; /* where it is given */
	struct wanted_service *service; /* complete, malloc()ed */
	int services;
	struct daemon_options daemon;
	struct kept *kept; /* what services' health and backends' checks point to */
};

/*
 * Reads a file ("-": standard input); what it leaves out is the default. 0, or a
 * negative errno after an error line with its place; then there is nothing to free.
 */
int configuration_read(const char *path, struct configuration *configuration);

/* The same of a balancer as it is, in the order of services' ids. */
int configuration_of(const struct balancer *balancer, struct configuration *configuration);

/* The service at this address, port and protocol, NULL: there is none. */
const struct wanted_service *configuration_service(const struct configuration *configuration,
						   const struct service_address *at);

void configuration_free(struct configuration *configuration);

#endif
