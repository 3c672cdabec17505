/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is served: the page, the metrics, JSON. Each is written once a look at most, and then handed
 * to all that ask.
 */
#ifndef XDPLBD_DOCUMENTS_H
#define XDPLBD_DOCUMENTS_H

#include <microhttpd.h>

struct daemon;
struct documents;

/* NULL after an error line. */
struct documents *documents_begin(struct daemon *daemon);
void documents_end(struct documents *documents);

/* The answer to GET or HEAD of a path, and its status; it stays ours. NULL: no memory. */
struct MHD_Response *documents_find(struct documents *documents, const char *path,
				    unsigned int *status);
/* The answer to any other method. */
struct MHD_Response *documents_wrong_method(struct documents *documents);

#endif
