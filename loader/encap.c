// SPDX-License-Identifier: GPL-2.0-only
#include "encap.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <xdp/libxdp.h>

#include "error.h"
#include "libxdp_age.h"
#include "names.h"
#include "sets.h"
#include "wanted.h"

static bool has_encap(const struct chain_program *program)
{
	return !strcmp(program->program, PROGRAM_ENCAP);
}

int encap_check(const struct balancer *balancer, __u8 forward)
{
	struct chain_program found[CHAIN_MAX];
	char without[CHAIN_MAX * (IF_NAMESIZE + 1)] = "";
	int count, all = 0, able = 0, length = 0;

	if (!forward_wraps(forward))
		return 0;
	count = chain_of(balancer_id(balancer), found, CHAIN_MAX);
	for (int i = 0; i < count; i++) {
		all++;
		able += has_encap(&found[i]);
		if (!has_encap(&found[i]))
			length += snprintf(without + length, IF_NAMESIZE + 1, "%s%s",
					   length ? " " : "", found[i].interface);
	}
	if (count < 0)
		return count;
	if (all && !able)
		return fail(
			ENOTSUP,
			"--forward %s: the program that is attached, xdplb, cannot wrap packets; "
			"replace it: xdplb-config load --encap %s",
			forward_name(forward), without);
	if (able < all)
		warn("what comes in by %s is dropped (no_encap): xdplb-config load --encap %s",
		     without, without);
	return 0;
}

/* The first service that wraps packets, 0: none. */
static __u32 service_wrapping(const struct balancer *balancer)
{
	for (__u32 id = 1; id < XDPLB_SERVICES; id++) {
		const struct xdplb_set *set = set_of(balancer, id);

		if (balancer->services[id].proto && set && forward_wraps(set->forward))
			return id;
	}
	return 0;
}

int encap_leave_check(const struct balancer *there, const char *interface,
		      const struct chain_program *old)
{
	__u32 id = service_wrapping(there);
	struct wanted_service service;
	char text[ADDRESS_TEXT];
	int err;

	if (!id)
		return 0;
	err = set_read(there, id, &service);
	if (err)
		return err;
	service_text(&service.at, text);
	if (has_encap(old))
		err = fail(EBUSY,
			   "%s: it has xdplb_encap, which service %s needs for %s: load it again "
			   "with --encap",
			   interface, text, forward_name(service.forward));
	else
		warn("%s: gets xdplb, which cannot wrap: packets to %s that come in there are "
		     "dropped (no_encap) without load --encap",
		     interface, text);
	wanted_free(&service);
	return err;
}

const char *libxdp_name(char path[PATH_MAX])
{
	const char *name;
	Dl_info info;

	if (!dladdr((void *)xdp_program__create, &info) || !realpath(info.dli_fname, path))
		return "an unknown libxdp";
	name = strstr(path, "libxdp.so.");
	return name ? name : "a libxdp built in";
}

int encap_refused(const char *interface)
{
	char path[PATH_MAX];
	struct utsname host;

	uname(&host);
	return fail(EINVAL,
		    "%s: the chain does not take xdplb_encap (Linux %s, %s): a chained "
		    "program that changes a packet's length needs libxdp 1.5.5 or newer; with "
		    "nothing else on %s (xdp-loader status) it needs no chain: "
		    "LIBXDP_SKIP_DISPATCHER=1 xdplb-config load --encap %s",
		    interface, host.release, libxdp_name(path), interface, interface);
}
