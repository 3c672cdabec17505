/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of either family. */
#ifndef XDPLB_ADDRESS_H
#define XDPLB_ADDRESS_H

#include <linux/types.h>
#include <stdbool.h>

#include "work.h"

static __always_inline bool same_address(const struct address *a, const struct address *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* The address in an entry of a table, where it is four words. */
static __always_inline struct address *address_of(__be32 words[4])
{
	return (struct address *)words;
}

#endif
