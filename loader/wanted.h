/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wanted configuration, wherever it came from, and the words it is written
 * in. Addresses and ports in network byte order; an address is four words, of
 * which IPv4 uses the first.
 */
#ifndef XDPLB_WANTED_H
#define XDPLB_WANTED_H

#include <linux/types.h>
#include <stdbool.h>

#include "../xdp/xdplb.h"

struct service_address {
	__be32 addr[4];
	__be16 port;
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
};

struct wanted_backend {
	__be32 addr[4];
	__be16 port;
	__u16 weight; /* 1 .. 65535 */
	__u8 state; /* enum xdplb_backend_state */
	__u8 mac[6]; /* zero: resolve it */
};

struct wanted_service {
	struct service_address at;
	__u8 scheduler; /* enum xdplb_scheduler, 0: as it is, or the default */
	__u8 forward; /* enum xdplb_forward, likewise */
	bool snat_given; /* the source addresses below are meant, even none */
	int snats;
	__be32 snat[XDPLB_SNATS][4];
	int backends;
	struct wanted_backend *backend; /* malloc()ed */
};

#define SERVICE_TEXT 64
#define BACKEND_TEXT 64

/*
 * Each reads one word of the command line: 0, or a negative errno after an
 * error line that names the word and what would be right.
 */
int parse_address(const char *text, __be32 addr[4]);
int parse_service(const char *text, struct service_address *service);
int parse_backend(const char *text, const struct service_address *service,
		  struct wanted_backend *backend);
/* A whole number from min to max; `what` says what it is in an error. */
int parse_number(const char *text, const char *what, long min, long max, long *number);

/* The same words again, into a buffer of SERVICE_TEXT or BACKEND_TEXT bytes. */
const char *service_text(const struct service_address *service, char *text);
const char *address_text(const __be32 addr[4], char *text);
bool mac_given(const __u8 mac[6]);
const char *mac_text(const __u8 mac[6], char *text);
const char *backend_text(const __be32 addr[4], __be16 port, char *text);

/* No backend twice, none that is the service itself, not more than fit. */
int wanted_check(const struct wanted_service *wanted);
void wanted_free(struct wanted_service *wanted);

#endif
