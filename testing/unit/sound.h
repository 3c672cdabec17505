/* SPDX-License-Identifier: GPL-2.0-only */
/* What must be so in the tables of stand_in.h, for the packets that meet them. */
#ifndef XDPLB_UNIT_SOUND_H
#define XDPLB_UNIT_SOUND_H

#include <stdbool.h>

#include "../../loader/balancer.h"

/* The directory's entry, which packets look for; NULL: there is none. */
struct xdplb_directory_entry *found(enum xdplb_kind kind, const __be32 addr[4], __be16 port,
				    __u8 proto);
/* The service is in force. */
bool is_live(__u32 id);

/* A backend has what this method needs to find it. */
void assert_method(__u32 id, __u8 forward);
/* While a command waits: what is in force is whole. */
void assert_in_force(void);
/* After a command that ran to its end. */
void assert_sound(void);
/* Nothing is kept that neither a service in force nor a flow needs. */
void assert_no_litter(void);
/* Nothing is left when nothing is wanted and no flow goes on, which this brings about. */
void assert_empty(void);

#endif
