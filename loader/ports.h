/* SPDX-License-Identifier: GPL-2.0-only */
/* Which source ports nat may use on this machine. */
#ifndef XDPLB_PORTS_H
#define XDPLB_PORTS_H

#include "balancer.h"

#define PORT_WORDS 1024

/*
 * Sets bit p of `allowed` for each port that is neither of the local port
 * range, nor reserved, nor in use by a socket of this network namespace.
 * Returns 0 or a negative errno after an error line.
 */
int ports_of_machine(__u64 allowed[PORT_WORDS]);

/*
 * Takes "A-B,C" lists of ports as /proc/sys/net/ipv4/ip_local_reserved_ports
 * has them out of `allowed`.
 */
void ports_take_list(__u64 allowed[PORT_WORDS], const char *list);

/* Likewise the local ports of a /proc/net/tcp, tcp6, udp or udp6. */
void ports_take_sockets(__u64 allowed[PORT_WORDS], const char *path);

/*
 * Tells the program: what the machine leaves, less the ports of services whose
 * address is a source address of nat; nothing while nat has no backend. The
 * caller holds the lock. 0, or a negative errno after an error line.
 */
int ports_publish(struct balancer *balancer);

#endif
