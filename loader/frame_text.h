/* SPDX-License-Identifier: GPL-2.0-only */
/* A frame in a line: addresses, ports, time to live, what is inside it. Pure functions. */
#ifndef XDPLB_FRAME_TEXT_H
#define XDPLB_FRAME_TEXT_H

#include "frame.h"

#define FRAME_TEXT 512

/*
 * Writes it into a buffer of FRAME_TEXT bytes, which is returned. UDP to gue_port (host
 * order) may have an IP packet inside.
 */
const char *frame_text(const struct frame *frame, __u16 gue_port, char *text);

#endif
