/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaches and detaches the object, by libxdp, beside whatever else is there. */
#ifndef XDPLB_ATTACH_H
#define XDPLB_ATTACH_H

#include <linux/types.h>
#include <stdbool.h>
#include <xdp/libxdp.h>

#include "balancer.h"
#include "chain.h"

struct bpf_object;

struct attach_request {
	const char *pins; /* the directory of the maps' pins */
	enum xdp_attach_mode mode;
	bool any_mode; /* none was asked for: lo, which has no native one, gets skb */
	int priority; /* 0: the object's own */
	bool encap; /* xdplb_encap, not xdplb */
	__u32 flows; /* a power of two; 0: as it is, or the default */
};

/*
 * Opens the object that came with this command, with one of its programs, to be
 * loaded over the maps of the balancer that is there or, where that is NULL, over
 * pins (NULL: none) or new maps of `flows` flows. 0, or a negative errno after an
 * error line.
 */
int object_open(const char *pins, const struct balancer *there, const char *program, __u32 flows,
		struct bpf_object **object);

/* The directory is on a BPF file system: 0, or a negative errno after an error line. */
int pins_check(const char *pins);

/*
 * Attaches to an interface. A balancer that is there is replaced: the new
 * program takes over its maps before the old one goes. 0 or a negative errno
 * after an error line; the interface is as it was then.
 */
int attach(const char *interface, const struct attach_request *request);

/* Takes the balancer off an interface; likewise. */
int detach(const struct chain_program *program);

/* Removes a balancer's pins. */
void pins_remove(const char *pins);

#endif
