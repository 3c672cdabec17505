// SPDX-License-Identifier: GPL-2.0-only
#include "documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../error.h"
#include "look.h"
#include "metrics.h"
#include "page.h"
#include "status.h"

#define NONCE 33 /* with its end */
#define HOST 65

/* What an answer is written with. */
struct writing {
	FILE *out;
	struct view view;
	char nonce[NONCE];
};

typedef void write_function(const struct writing *writing);

static void write_page(const struct writing *writing)
{
	page_print(writing->out, &writing->view, writing->nonce);
}

static void write_metrics(const struct writing *writing)
{
	struct process process;

	process_read(&process);
	metrics_print(writing->out, &writing->view, &process);
}

static void write_status(const struct writing *writing)
{
	struct json_object *object = status_json(&writing->view);

	fprintf(writing->out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void write_health(const struct writing *writing)
{
	fputs(writing->view.found ? "ok\n" : "there is no balancer\n", writing->out);
}

static const struct {
	const char *path;
	const char *type;
	write_function *write;
	bool needs_balancer; /* 503 while there is none */
} known[] = {
	{ "/", "text/html; charset=utf-8", write_page, false },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics, false },
	{ "/status.json", "application/json", write_status, false },
	{ "/healthz", "text/plain; charset=utf-8", write_health, true },
};

#define KNOWN (sizeof(known) / sizeof(*known))

struct documents {
	struct daemon *daemon;
	struct {
		struct MHD_Response *response; /* NULL: none is written yet */
		uint32_t number; /* of the look it is of */
	} kept[KNOWN];
	struct MHD_Response *none, *wrong_method;
	char host[HOST];
};

/* ---- answers -----------------------------------------------------------------------------------
 */

static void header(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

/* What holds for all of them: one request a connection, nothing kept, and nothing of theirs may be
 * used by pages from elsewhere. */
static void headers_add(struct MHD_Response *response, const char *type)
{
	header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	header(response, "X-Content-Type-Options", "nosniff");
	header(response, "Cross-Origin-Resource-Policy", "same-origin");
	header(response, "Referrer-Policy", "no-referrer");
}

static void policy_add(struct MHD_Response *response, const char *nonce)
{
	char policy[256];

	snprintf(policy, sizeof(policy),
		 "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-%s'; "
		 "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'",
		 nonce);
	header(response, "Content-Security-Policy", policy);
}

static struct MHD_Response *response_of(const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (response)
		headers_add(response, "text/plain; charset=utf-8");
	return response;
}

static void nonce_make(char nonce[NONCE])
{
	unsigned char bytes[(NONCE - 1) / 2] = {};

	if (getrandom(bytes, sizeof(bytes), 0) < 0)
		explicit_bzero(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
}

static int view_of(const struct documents *documents, struct view *view)
{
	const struct look *look = documents->daemon->look;
	int err = view_make(view, documents->daemon, &look->sample);

	view->host = documents->host;
	view->found = look->found && look->time.tv_sec;
	view->time = look->time;
	return err;
}

/* Writes one; NULL: no memory. */
static struct MHD_Response *response_write(const struct documents *documents, size_t which)
{
	struct writing writing = {};
	struct MHD_Response *response = NULL;
	char *text = NULL;
	size_t size = 0;
	bool whole;

	if (view_of(documents, &writing.view))
		return NULL;
	nonce_make(writing.nonce);
	writing.out = open_memstream(&text, &size);
	if (writing.out) {
		known[which].write(&writing);
		whole = !ferror(writing.out);
		whole = !fclose(writing.out) && whole;
		if (whole)
			response =
				MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	}
	view_free(&writing.view);
	if (!response) {
		free(text);
		return NULL;
	}
	headers_add(response, known[which].type);
	policy_add(response, writing.nonce);
	return response;
}

/* ---- what is asked for -------------------------------------------------------------------------
 */

static struct MHD_Response *document_get(struct documents *documents, size_t which)
{
	const struct look *look = documents->daemon->look;
	struct MHD_Response *response;

	look_fresh(documents->daemon);
	if (documents->kept[which].response && documents->kept[which].number == look->number)
		return documents->kept[which].response;
	response = response_write(documents, which);
	if (!response)
		return NULL;
	if (documents->kept[which].response)
		MHD_destroy_response(documents->kept[which].response);
	documents->kept[which].response = response;
	documents->kept[which].number = look->number;
	return response;
}

struct MHD_Response *documents_find(struct documents *documents, const char *path,
				    unsigned int *status)
{
	*status = MHD_HTTP_OK;
	for (size_t i = 0; i < KNOWN; i++) {
		struct MHD_Response *response;

		if (strcmp(known[i].path, path) != 0)
			continue;
		response = document_get(documents, i);
		if (known[i].needs_balancer && !documents->daemon->look->found)
			*status = MHD_HTTP_SERVICE_UNAVAILABLE;
		return response;
	}
	*status = MHD_HTTP_NOT_FOUND;
	return documents->none;
}

struct MHD_Response *documents_wrong_method(struct documents *documents)
{
	return documents->wrong_method;
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

struct documents *documents_begin(struct daemon *daemon)
{
	struct documents *documents = calloc(1, sizeof(*documents));

	if (documents) {
		documents->daemon = daemon;
		gethostname(documents->host, sizeof(documents->host) - 1);
		documents->none = response_of("There is /, /metrics, /status.json and /healthz.\n");
		documents->wrong_method = response_of("GET and HEAD alone are understood.\n");
	}
	if (!documents || !documents->none || !documents->wrong_method) {
		documents_end(documents);
		fail(ENOMEM, "no memory to serve pages");
		return NULL;
	}
	header(documents->wrong_method, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return documents;
}

void documents_end(struct documents *documents)
{
	if (!documents)
		return;
	for (size_t i = 0; i < KNOWN; i++)
		if (documents->kept[i].response)
			MHD_destroy_response(documents->kept[i].response);
	if (documents->none)
		MHD_destroy_response(documents->none);
	if (documents->wrong_method)
		MHD_destroy_response(documents->wrong_method);
	free(documents);
}
