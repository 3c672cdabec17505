/* SPDX-License-Identifier: GPL-2.0-only */
/* A question of DNS, and whether something answers it (RFC 1035). Pure functions. */
#ifndef XDPLBD_DNS_H
#define XDPLBD_DNS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define DNS_QUERY 280 /* room for the longest, and its length in front */

/*
 * Writes the question for a name and a type; `framed` as TCP has it, its length first. How
 * long it is, 0: the name is none.
 */
size_t dns_query(unsigned char query[DNS_QUERY], const char *name, __u16 type, __u16 id,
		 bool framed);

enum dns_answer {
	DNS_INCOMPLETE, /* of TCP: more is to come */
	DNS_OTHER, /* it answers something else, or is no answer */
	DNS_GOOD,
	DNS_REFUSED, /* *code says why */
	DNS_BROKEN,
};

/* Judges what came for that question, whose first bytes are its id. */
enum dns_answer dns_judge(const unsigned char *query, const unsigned char *answer, size_t length,
			  bool framed, int *code);

/* NXDOMAIN and its like. */
const char *dns_code_name(int code);

#endif
