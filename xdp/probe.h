/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What xdplbd and the programs that send its checks by a service's method share. Addresses and
 * ports as in xdplb.h.
 */
#ifndef XDPLB_PROBE_H
#define XDPLB_PROBE_H

#include "xdplb.h"

#define XDPLB_PROBES 32768 /* 0 is none */
#define XDPLB_PROBE_ANSWERS 65536 /* connections that are remembered */
#define XDPLB_PROBE_MARK 0x78640000 /* of packets; the low bits are the probe's index */
#define XDPLB_PROBE_INDEX (XDPLB_PROBES - 1)

/* xdplb_probes, by index: where packets to the backend go that have its mark. User space writes it.
 */
struct xdplb_probe {
	__be32 service[4];
	__be32 backend[4]; /* of the same family */
	__be32 source[4]; /* of the wrapping */
	__u8 method; /* XDPLB_DSR, XDPLB_IPIP or XDPLB_GUE; 0: the index is not used */
	__u8 reserved;
	__be16 gue_port;
};

/* xdplb_answers: what comes back from a service's address is a backend's. The programs write it. */
struct xdplb_answer_key {
	__be32 service[4];
	__be32 here[4];
	__be16 service_port;
	__be16 port;
	__u32 proto;
};

struct xdplb_answer {
	__be32 backend[4];
};

#endif
