/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of xdplb-config: a function each, named in main.c's table. */
#ifndef XDPLB_COMMAND_H
#define XDPLB_COMMAND_H

#include <linux/types.h>
#include <stdbool.h>

#include "balancer.h"
#include "wanted.h"

/* What the options said; arguments are what is left. */
struct options {
	struct balancer_choice choice;
	bool json;
	bool pretty;
	bool keep_maps;
	bool encap;
	bool dry_run;
	const char *mode;
	const char *priority;
	const char *flows;
	bool wait;
	bool watch, prometheus; /* of stats */
	bool any; /* an option of a service was given */
	const char *affinity; /* read when the service is known */
	const char *port, *weight, *ttl, *registration_port, *registration_key; /* of register */
	bool renew, goodbye; /* likewise */
	const char *source, *interface, *tcp_flags, *length, *pcap, *packet, *hex; /* of explain */
	struct wanted_service wanted; /* what the other options of a service said */
	char **arguments;
	int count;
};

typedef int command_function(struct options *options);

/* Each returns 0 or a negative errno after an error line. */
command_function command_load, command_unload, command_status, command_attach_replies;
command_function command_set_backends, command_add_backend, command_del_backend;
command_function command_set_service, command_set_weight, command_set_state;
command_function command_del_service, command_flush, command_drain, command_flows;
command_function command_apply, command_save, command_undrain;
command_function command_list, command_stats, command_set, command_backend_setup;
command_function command_register, command_registrar, command_doctor, command_monitor;
command_function command_explain;

#endif
