/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wanted configuration, wherever it came from, and the words it is written
 * in. Addresses and ports as in address.h.
 */
#ifndef XDPLB_WANTED_H
#define XDPLB_WANTED_H

#include <linux/types.h>
#include <stdbool.h>

#include "address.h"
#include "place.h"

struct check_options;
struct health_options;

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
	/* what the operator wants, where health checks or an agent made it another; 0: it is not */
	__u8 own_state;
	__u16 own_weight;
	bool forced; /* the state is the operator's word, whatever checks have found */
	const struct check_options *check; /* of its own; NULL: the service's. Not ours to free */
	bool registered; /* local: its listener registered it, the operator did not name it */
	struct place place; /* in the file that it was read from */
	bool renew; /* local: named by the operator, whatever its listener registered and let expire
		     */
};

/* What UDP flows to a service with maglev or sh do while slots change owners. */
enum wanted_udp {
	WANTED_UDP_AS_IT_IS, /* or the default, tracked */
	WANTED_UDP_TRACKED,
	WANTED_UDP_STATELESS,
	WANTED_UDP_EACH, /* each datagram by itself: local, with rr or wrr */
};

/* Which registrations of its listeners a service takes. */
struct wanted_registration {
	bool given, key_given, from_given; /* the values below are meant */
	__u8 mode; /* enum xdplb_registration */
	bool keyed;
	bool anywhere; /* from other machines too */
	__u64 key[2]; /* of SipHash */
};

/* A key that the service was given by in a file. */
struct wanted_key {
	const char *name; /* static, NULL: none */
	struct place place; /* of its value */
};
#define WANTED_KEYS 24

struct wanted_service {
	struct service_address at;
	__u8 scheduler; /* enum xdplb_scheduler, 0: as it is, or the default */
	__u8 forward; /* enum xdplb_forward, likewise */
	bool affinity_given, slow_given, table_given; /* the values below are meant, even 0 */
	__u8 affinity; /* bits of the client's address that flows follow, 0: no affinity */
	__u8 udp; /* enum wanted_udp */
	struct wanted_registration registration;
	__u16 slow_start; /* seconds, 0: none */
	__u16 window; /* of adoption, seconds; 0: as it is, or the default */
	__u16 timeout[XDPLB_TIMEOUTS]; /* seconds, 0: as it is, or the default */
	__u32 table; /* slots of maglev or sh, a prime; 0: as many as fit the backends */
	bool snat_given; /* the source addresses below are meant, even none */
	int snats;
	__be32 snat[XDPLB_SNATS][4];
	const struct health_options *health; /* NULL: it is not from a file. Not ours to free */
	int backends;
	struct wanted_backend *backend; /* malloc()ed */
	struct wanted_key key[WANTED_KEYS];
};

/*
 * Each reads one word of the command line: 0, or a negative errno after an
 * error line that names the word and what would be right.
 */
int parse_service(const char *text, struct service_address *service);
int parse_backend(const char *text, const struct service_address *service,
		  struct wanted_backend *backend);
/* weight=N, state=STATE or mac=MAC. */
int parse_backend_option(const char *option, struct wanted_backend *backend);
/* ADDR[:PORT] alone, of a backend that is there. */
int parse_backend_place(const char *text, const struct service_address *service,
			struct wanted_backend *backend);

/* The same words again, into a buffer of ADDRESS_TEXT bytes, which is returned. */
const char *backend_text(__u8 forward, const __be32 addr[4], __be16 port, char *text);
const char *service_text(const struct service_address *service, char *text);
const char *mac_text(const __u8 mac[6], char *text);
bool mac_given(const __u8 mac[6]);

/* An order of services, as qsort() has it; 0: the same one. */
int service_order(const struct service_address *a, const struct service_address *b);

/* The same address and port. */
bool same_place(const struct wanted_backend *a, const struct wanted_backend *b);

/* The place of a backend with this address and port, -1: there is none. */
int wanted_index(const struct wanted_service *wanted, const struct wanted_backend *backend);
/* The state and the weight that the operator wants. */
static inline __u8 own_state(const struct wanted_backend *backend)
{
	return backend->own_state ? backend->own_state : backend->state;
}

static inline __u16 own_weight(const struct wanted_backend *backend)
{
	return backend->own_weight ? backend->own_weight : backend->weight;
}

/* The place of the one that `word` (ADDR[:PORT]) means, or a negative errno after an error line. */
int wanted_need(const struct wanted_service *wanted, const char *word);

/* The methods that wrap packets (enum xdplb_forward). */
bool forward_wraps(__u8 forward);
/* Each datagram is handed out by itself. */
bool wanted_each(const struct wanted_service *wanted);
/* Its listeners register themselves, so that the program chooses without slots. */
bool wanted_listens(const struct wanted_service *wanted);
/* Those that rewrite no port: dsr, ipip, gue. */
bool forward_keeps_port(__u8 forward);
/* The schedulers that choose by a hash alone: maglev, sh (enum xdplb_scheduler). */
bool scheduler_hashes(__u8 scheduler);

/*
 * No backend twice, none that is the service itself, not more than fit; and what
 * the forward method and the scheduler ask for, if they are known. 0, or a
 * negative errno after an error line.
 */
int wanted_check(const struct wanted_service *wanted);

/* The source address with the family of `to`, NULL: none was given. */
const __be32 *wanted_source(const struct wanted_service *wanted, const __be32 to[4]);

/*
 * Error lines speak of this key of the service from now on: of its place in the
 * file, or of the service's where the key was left out. A service that is from no
 * file has no place.
 */
void wanted_here(const struct wanted_service *wanted, const char *key);
void backend_here(const struct wanted_backend *backend);

void wanted_free(struct wanted_service *wanted);

#endif
