/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of hosts, with and without a port, as they are written. Everything
 * in network byte order; an address is four words, of which IPv4 uses the first
 * (see xdplb.h).
 */
#ifndef XDPLB_ADDRESS_H
#define XDPLB_ADDRESS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "../xdp/xdplb.h"

#define ADDRESS_TEXT 64 /* room for an address, brackets, port and protocol */

static inline bool same_address(const __be32 a[4], const __be32 b[4])
{
	return !memcmp(a, b, 4 * sizeof(*a));
}

static inline bool is_address(const __be32 addr[4])
{
	return addr[0] || xdplb_is_ipv6(addr);
}

static inline bool same_family(const __be32 a[4], const __be32 b[4])
{
	return xdplb_is_ipv6(a) == xdplb_is_ipv6(b);
}

/* Of 127.0.0.0/8, or ::1. */
bool is_loopback(const __be32 addr[4]);
/* AF_INET or AF_INET6. */
int address_family(const __be32 addr[4]);
/* IPv4 or IPv6. */
const char *family_name(const __be32 addr[4]);

/*
 * Each reads a host's address, alone or as ADDR[:PORT] of `length` bytes, with
 * *port 0 when that is left out. 0, or -EINVAL after an error line.
 */
int parse_address(const char *text, __be32 addr[4]);
int parse_endpoint(const char *text, size_t length, __be32 addr[4], __be16 *port);
/* Likewise, of this machine: 127.0.0.0/8 and ::1 too. */
int parse_own_endpoint(const char *text, size_t length, __be32 addr[4], __be16 *port);
/* Likewise, where this machine listens: also 0.0.0.0 and [::], which both become zero. */
int parse_listen_endpoint(const char *text, __be32 addr[4], __be16 *port);

/* The same again (IPv6 by RFC 5952), into a buffer of ADDRESS_TEXT bytes, which is returned. */
const char *address_text(const __be32 addr[4], char *text);
const char *endpoint_text(const __be32 addr[4], __be16 port, char *text);

#endif
