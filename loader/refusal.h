/* SPDX-License-Identifier: GPL-2.0-only */
/* Why the kernel refused a program: kept from what libbpf would print. */
#ifndef XDPLB_REFUSAL_H
#define XDPLB_REFUSAL_H

#include <bpf/libbpf.h>

/* What libbpf and libxdp print is not shown; the verifier's last word is kept. */
void refusal_listen(void);

/* That word, of the last program that was refused; "" where there is none. */
const char *refusal_text(void);

/* The last line of a verifier's log that says something, into `text` of `size` bytes. */
void refusal_last_line(const char *log, char *text, size_t size);

#endif
