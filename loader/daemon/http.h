/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Serves documents over HTTP, by libmicrohttpd on the loop. Whoever asks cannot stop the checks:
 * a request a connection, a few connections, each with little memory and some seconds, and they
 * have their turn with the checks' timers and never before a check's answer.
 */
#ifndef XDPLBD_HTTP_H
#define XDPLBD_HTTP_H

struct daemon;

/* 0, or a negative errno after an error line. */
int http_begin(struct daemon *daemon);
void http_end(struct daemon *daemon);

/*
 * Listens where the file in force says. An address that cannot be had stops nothing: it is said,
 * and tried again.
 */
void http_apply(struct daemon *daemon);

#endif
