/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of a driver's XDP. */
#ifndef XDPLB_NETDEV_H
#define XDPLB_NETDEV_H

#include <linux/types.h>

enum redirect {
	REDIRECT_UNKNOWN, /* kernels before 6.3 do not tell */
	REDIRECT_NO,
	REDIRECT_YES,
};

/* The driver runs programs itself: native mode. */
#define XDP_BASIC 1

/* What it says it can do, bits of enum netdev_xdp_act; 0 where it does not tell. */
__u64 netdev_features(__u32 ifindex);

/* Can this interface send frames that XDP redirects to it? */
enum redirect netdev_redirect(__u32 ifindex);

const char *redirect_name(enum redirect redirect);

#endif
