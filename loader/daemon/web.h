/* SPDX-License-Identifier: GPL-2.0-only */
/* Transfers: checks of http, https and tls, and agents that speak HTTP: libcurl on the daemon's
 * loop. */
#ifndef XDPLBD_WEB_H
#define XDPLBD_WEB_H

#include "daemon.h"

struct web_check;

/* 0, or a negative errno after an error line. */
int web_begin(struct daemon *daemon);
void web_free(struct daemon *daemon);

#define WEB_BODY 512

/* What is asked, of whom; all stays where it is until the end. */
struct web_plan {
	const __be32 *addr;
	__be16 port;
	__u32 mark; /* of its packets, 0: none */
	const struct check_options *options; /* type, path, host, status, body, ... */
	bool keep; /* the first WEB_BODY - 1 bytes of the body, for done() */
	/* Is told the end of it, once; the transfer is over then and must be forgotten. */
	void (*done)(void *context, enum check_verdict verdict, const char *reason,
		     const char *body);
	void *context;
};

/* Begins one. It may be over when this returns: done() has been called then, and it is NULL. */
struct web_check *web_ask(struct daemon *daemon, const struct web_plan *plan);
/* Gives one up, unless NULL; done() is not called. */
void web_end(struct daemon *daemon, struct web_check *check);

#endif
