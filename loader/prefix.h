/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses, one or a network of them, as they are written: 192.0.2.1, 2001:db8::/48. */
#ifndef XDPLB_PREFIX_H
#define XDPLB_PREFIX_H

#include <linux/types.h>
#include <stdbool.h>

struct prefix {
	__be32 addr[4]; /* as in address.h; bits behind the length are zero */
	__u8 family; /* AF_INET or AF_INET6: of 2001:db8::/32 the address does not say it */
	__u8 length; /* 1 to 32 or 128 */
};

#define PREFIX_TEXT 64

/* ADDR[/LENGTH], without one the address alone. 0, or -EINVAL after an error line. */
int parse_prefix(const char *text, struct prefix *prefix);

/* One address. */
struct prefix prefix_of(const __be32 addr[4]);
bool prefix_is_address(const struct prefix *prefix);

/* The address is in it. */
bool prefix_has(const struct prefix *prefix, const __be32 addr[4]);

/* For qsort() and bsearch(). */
int prefix_order(const void *a, const void *b);

/* As it is written, into PREFIX_TEXT bytes, which are returned. */
const char *prefix_text(const struct prefix *prefix, char *text);

#endif
