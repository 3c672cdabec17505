/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking registrations in the program's stead (xdp/registration.h, whose rules
 * and order these are), for services that have --registration user.
 */
#ifndef XDPLB_REGISTRAR_H
#define XDPLB_REGISTRAR_H

#include <netinet/in.h> /* before the kernel's own, which message.h takes */

#include "balancer.h"
#include "wanted.h"
#include "../xdp/message.h"

/* What came to a service's address and the registration port. */
struct datagram {
	__be32 from[4];
	__be16 from_port;
	__be32 to[4];
	bool by_lo; /* it came by the loopback interface */
	size_t length; /* of all of it, which the message need not be */
	struct message message;
};

/* What became of it. */
struct hearing {
	enum xdplb_reason reason; /* XDPLB_ANSWER_REGISTERED: taken; else XDPLB_DROP_REG_* */
	bool answered; /* it asked for that, */
	struct message answer; /* and this is the answer */
};

/* Its message has the length and the fields of one. */
bool datagram_is_sound(const struct datagram *datagram);

/* The service that a sound one speaks of. */
void datagram_service(const struct datagram *datagram, struct service_address *at);

/*
 * What there is to say against a sound one, to the service with this table (NULL:
 * none). `seal` is struct xdplb_config's.
 */
enum xdplb_reason datagram_judge(const struct datagram *datagram, const struct xdplb_table *table,
				 const __u64 seal[2]);

/*
 * Hears a datagram at nanosecond `now` of the program's clock, and does what it
 * says if that is right in every respect. `only`, unless NULL, is the one service
 * that is taken care of. Counts what became of it. The caller holds the lock for a
 * change.
 */
void registrar_hear(struct balancer *balancer, const struct datagram *datagram,
		    const struct service_address *only, __u64 now, struct hearing *hearing);

#endif
