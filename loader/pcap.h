/* SPDX-License-Identifier: GPL-2.0-only */
/* Captures, as tcpdump -w writes them: the classic format, draft-ietf-opsawg-pcap. */
#ifndef XDPLB_PCAP_H
#define XDPLB_PCAP_H

#include "frame.h"

/* Reads packet `number`, from 1 on. 0, or a negative errno after an error line. */
int pcap_read(const char *path, long number, struct frame *frame);

#endif
