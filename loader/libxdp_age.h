/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which libxdp can chain a program that changes a packet's length. Kernels check
 * since 6.13, and later ones of 6.12, that what such a program replaces in the
 * dispatcher does so too; libxdp's does since 1.5.5.
 */
#ifndef XDPLB_LIBXDP_AGE_H
#define XDPLB_LIBXDP_AGE_H

#include <limits.h>
#include <stdbool.h>

/* The libxdp in use, by the name of its file: libxdp.so.1.5.4. */
const char *libxdp_name(char path[PATH_MAX]);

/* This kernel (as uname -r has it) needs a newer one than this, as far as their names tell. */
bool libxdp_is_too_old(const char *libxdp, const char *kernel);

#endif
