// SPDX-License-Identifier: GPL-2.0-only
#include "web.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "../error.h"
#include "exchange.h"
#include "log.h"

#define HEADER_MOST 65536 /* bytes that are read of an answer */
#define BODY_MOST 262144

struct web {
	CURLM *multi;
	sd_event *event;
	sd_event_source *timer; /* libcurl's */
	sd_event_source *ended; /* transfers have ended */
};

struct web_check {
	struct web_plan plan;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char error[CURL_ERROR_SIZE];
	int err; /* why there is no socket, 0: there is */
	size_t header_bytes, body_bytes;
	bool found; /* what the body must have */
	bool too_long;
	char *tail; /* the end of the body so far, where what is looked for may begin */
	size_t kept;
	char body[WEB_BODY]; /* what of it is kept for who asked */
};

/* ---- libcurl's sockets and timer on the loop ---------------------------------------------------
 */

static void ended_soon(struct web *web)
{
	sd_event_source_set_enabled(web->ended, SD_EVENT_ONESHOT);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct web *web = context;
	int what = 0, running;

	(void)source;
	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(web->multi, fd, what, &running);
	ended_soon(web);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t at, void *context)
{
	struct web *web = context;
	int running;

	(void)source, (void)at;
	curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	ended_soon(web);
	return 0;
}

static int socket_watch(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct web *web = context;
	sd_event_source *source = known;
	uint32_t events =
		(what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		curl_multi_assign(web->multi, fd, NULL);
		return 0;
	}
	if (source)
		return sd_event_source_set_io_events(source, events) < 0 ? -1 : 0;
	if (sd_event_add_io(web->event, &source, fd, events, on_socket, web) < 0)
		return -1;
	curl_multi_assign(web->multi, fd, source);
	return 0;
}

static int timer_set(CURLM *multi, long milliseconds, void *context)
{
	struct web *web = context;
	uint64_t now;

	(void)multi;
	if (milliseconds < 0) {
		sd_event_source_set_enabled(web->timer, SD_EVENT_OFF);
		return 0;
	}
	sd_event_now(web->event, CLOCK_MONOTONIC, &now);
	sd_event_source_set_time(web->timer, now + milliseconds * 1000);
	sd_event_source_set_enabled(web->timer, SD_EVENT_ONESHOT);
	return 0;
}

/* ---- an answer ---------------------------------------------------------------------------------
 */

static size_t on_header(char *data, size_t one, size_t length, void *context)
{
	struct web_check *check = context;

	(void)data, (void)one;
	check->header_bytes += length;
	check->too_long |= check->header_bytes > HEADER_MOST;
	return check->too_long ? 0 : length;
}

/* Looks for the text, also where it lies across two pieces. */
static void body_search(struct web_check *check, const char *data, size_t length)
{
	const char *body = check->plan.options->body;
	size_t wanted = strlen(body), edge = length < wanted - 1 ? length : wanted - 1;

	memcpy(check->tail + check->kept, data, edge);
	check->found = memmem(check->tail, check->kept + edge, body, wanted) ||
		       memmem(data, length, body, wanted);
	/* Keep the last bytes of all, one less than what is looked for. */
	if (length >= wanted - 1) {
		memcpy(check->tail, data + length - (wanted - 1), wanted - 1);
		check->kept = wanted - 1;
		return;
	}
	check->kept += edge;
	if (check->kept > wanted - 1) {
		memmove(check->tail, check->tail + check->kept - (wanted - 1), wanted - 1);
		check->kept = wanted - 1;
	}
}

/* No more is read than needed: 0 ends the transfer. */
static size_t on_body(char *data, size_t one, size_t length, void *context)
{
	struct web_check *check = context;

	(void)one;
	if (check->plan.keep && check->body_bytes < WEB_BODY - 1)
		memcpy(check->body + check->body_bytes, data,
		       length < WEB_BODY - 1 - check->body_bytes ?
			       length :
			       WEB_BODY - 1 - check->body_bytes);
	check->body_bytes += length;
	if (!check->plan.options->body)
		return check->plan.keep && check->body_bytes < WEB_BODY - 1 ? length : 0;
	body_search(check, data, length);
	check->too_long = !check->found && check->body_bytes > BODY_MOST;
	return check->found || check->too_long ? 0 : length;
}

static bool status_is_good(const struct check_options *options, long status)
{
	if (!options->statuses)
		return status >= 200 && status <= 399;
	for (int i = 0; i < options->statuses; i++)
		if (status >= options->status[i].from && status <= options->status[i].to)
			return true;
	return false;
}

static enum check_verdict http_judge(const struct web_check *check, char *reason)
{
	const struct check_options *options = check->plan.options;
	long status = 0;

	curl_easy_getinfo(check->easy, CURLINFO_RESPONSE_CODE, &status);
	snprintf(reason, CHECK_REASON, "status %ld", status);
	if (!status_is_good(options, status))
		return CHECK_FAILED;
	if (!options->body || check->found)
		return CHECK_PASSED;
	snprintf(reason, CHECK_REASON, "the body has not \"%.80s\"%s", options->body,
		 check->too_long ? " in its first 256 KiB" : "");
	return CHECK_FAILED;
}

/* We ended it ourselves, having read enough. */
static bool is_enough(const struct web_check *check, CURLcode code)
{
	return code == CURLE_OK ||
	       (code == CURLE_WRITE_ERROR && check->header_bytes <= HEADER_MOST);
}

/* Why there is no answer, as short as with other checks. */
static void failure_text(const struct web_check *check, CURLcode code, char *reason)
{
	long err = 0;

	curl_easy_getinfo(check->easy, CURLINFO_OS_ERRNO, &err);
	if (check->err)
		snprintf(reason, CHECK_REASON, "socket: %s", strerror(-check->err));
	else if (code == CURLE_WRITE_ERROR)
		snprintf(reason, CHECK_REASON, "the header is too long");
	else if (code == CURLE_COULDNT_CONNECT && err)
		snprintf(reason, CHECK_REASON, "connect: %s", strerror(err));
	else
		snprintf(reason, CHECK_REASON, "%.150s",
			 *check->error ? check->error : curl_easy_strerror(code));
}

static enum check_verdict web_judge(const struct web_check *check, CURLcode code, char *reason)
{
	if (is_enough(check, code)) {
		if (check->plan.options->type != CHECK_TLS)
			return http_judge(check, reason);
		snprintf(reason, CHECK_REASON, "handshake done");
		return CHECK_PASSED;
	}
	failure_text(check, code, reason);
	if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT)
		return CHECK_NOT_RUN;
	return check->err ? check_errno(-check->err) : CHECK_FAILED;
}

static void check_free(struct web_check *check)
{
	curl_easy_cleanup(check->easy);
	curl_slist_free_all(check->headers);
	curl_slist_free_all(check->connect_to);
	free(check->tail);
	free(check);
}

void web_end(struct daemon *daemon, struct web_check *check)
{
	if (!check)
		return;
	curl_multi_remove_handle(daemon->web->multi, check->easy);
	check_free(check);
}

/* Tells who asked; the transfer is gone then. */
static void ended_tell(struct daemon *daemon, struct web_check *check, CURLcode code)
{
	const struct web_plan plan = check->plan;
	char reason[CHECK_REASON], body[WEB_BODY];
	enum check_verdict verdict = web_judge(check, code, reason);

	memcpy(body, check->body, sizeof(body));
	web_end(daemon, check);
	plan.done(plan.context, verdict, reason, body);
}

static int on_ended(sd_event_source *source, void *context)
{
	struct daemon *daemon = context;
	struct web_check *check;
	CURLMsg *message;
	int left;

	(void)source;
	while ((message = curl_multi_info_read(daemon->web->multi, &left))) {
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &check);
		ended_tell(daemon, check, code);
	}
	return 0;
}

/* ---- a request ---------------------------------------------------------------------------------
 */

/* HOST in a URL: what SNI and the certificate are about; the backend's address where none is said.
 */
static void url_host(const struct web_plan *plan, char *text, size_t size)
{
	const struct check_options *options = plan->options;
	char address[ADDRESS_TEXT];

	if (options->type != CHECK_HTTP && options->sni)
		snprintf(text, size, "%s", options->sni);
	else if (options->host && *options->host == '[') /* an IPv6 address */
		snprintf(text, size, "%.*s]", (int)strcspn(options->host, "]"), options->host);
	else if (options->host)
		snprintf(text, size, "%.*s", (int)strcspn(options->host, ":/"), options->host);
	else
		snprintf(text, size, xdplb_is_ipv6(plan->addr) ? "[%s]" : "%s",
			 address_text(plan->addr, address));
}

/* The connection goes to the backend whatever the URL says. */
static int address_set(struct web_check *check, const char *host, __u16 port)
{
	const struct web_plan *plan = &check->plan;
	const struct check_options *options = plan->options;
	char text[1024], address[ADDRESS_TEXT];

	snprintf(text, sizeof(text), "%s://%s:%u%s", options->type == CHECK_HTTP ? "http" : "https",
		 host, port, options->path ? options->path : "/");
	if (curl_easy_setopt(check->easy, CURLOPT_URL, text))
		return -ENOMEM;
	snprintf(text, sizeof(text), xdplb_is_ipv6(plan->addr) ? "::[%s]:" : "::%s:",
		 address_text(plan->addr, address));
	check->connect_to = curl_slist_append(NULL, text);
	if (!check->connect_to)
		return -ENOMEM;
	curl_easy_setopt(check->easy, CURLOPT_CONNECT_TO, check->connect_to);
	return 0;
}

static int headers_set(struct web_check *check)
{
	const char *host = check->plan.options->host;
	struct curl_slist *more;
	char text[1024];

	check->headers = curl_slist_append(NULL, "User-Agent: xdplbd/" XDPLB_VERSION);
	if (!check->headers)
		return -ENOMEM;
	snprintf(text, sizeof(text), "Host: %s", host ? host : "");
	if (host) {
		more = curl_slist_append(check->headers, text);
		if (!more)
			return -ENOMEM;
		check->headers = more;
	}
	curl_easy_setopt(check->easy, CURLOPT_HTTPHEADER, check->headers);
	return 0;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct web_check *check = context;
	int fd = check_socket(address->family, IPPROTO_TCP, check->plan.mark);

	(void)purpose;
	check->err = fd < 0 ? fd : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* No time is set: it is up to who asked, who knows whether we were late ourselves. */
static void options_set(struct web_check *check)
{
	const struct check_options *options = check->plan.options;
	CURL *easy = check->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, check);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, check->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, (long)options->verify);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->verify ? 2L : 0L);
	if (options->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, options->type == CHECK_TLS ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, check);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, check);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, check);
}

static int check_prepare(struct web_check *check)
{
	const struct check_options *options = check->plan.options;
	char host[512];
	int err;

	check->easy = curl_easy_init();
	if (options->body)
		check->tail = malloc(2 * strlen(options->body));
	if (!check->easy || (options->body && !check->tail))
		return -ENOMEM;
	url_host(&check->plan, host, sizeof(host));
	options_set(check);
	err = address_set(check, host, ntohs(check->plan.port));
	return err ? err : headers_set(check);
}

struct web_check *web_ask(struct daemon *daemon, const struct web_plan *plan)
{
	struct web_check *check = calloc(1, sizeof(*check));
	int err = -ENOMEM;

	if (check) {
		check->plan = *plan;
		err = check_prepare(check);
	}
	if (!err && !curl_multi_add_handle(daemon->web->multi, check->easy))
		return check;
	if (check)
		check_free(check);
	plan->done(plan->context, CHECK_NOT_RUN, strerror(ENOMEM), "");
	return NULL;
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

int web_begin(struct daemon *daemon)
{
	struct web *web = calloc(1, sizeof(*web));
	int err;

	if (!web || curl_global_init(CURL_GLOBAL_DEFAULT) || !(web->multi = curl_multi_init())) {
		free(web);
		return fail(ENOMEM, "no memory for libcurl");
	}
	daemon->web = web;
	web->event = daemon->event;
	err = sd_event_add_time(web->event, &web->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, web);
	if (err >= 0)
		err = sd_event_source_set_enabled(web->timer, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_defer(web->event, &web->ended, on_ended, daemon);
	if (err >= 0)
		err = sd_event_source_set_enabled(web->ended, SD_EVENT_OFF);
	if (err < 0)
		return fail(err, "cannot watch libcurl: %s", strerror(-err));
	curl_multi_setopt(web->multi, CURLMOPT_SOCKETFUNCTION, socket_watch);
	curl_multi_setopt(web->multi, CURLMOPT_SOCKETDATA, web);
	curl_multi_setopt(web->multi, CURLMOPT_TIMERFUNCTION, timer_set);
	curl_multi_setopt(web->multi, CURLMOPT_TIMERDATA, web);
	return 0;
}

void web_free(struct daemon *daemon)
{
	struct web *web = daemon->web;

	if (!web)
		return;
	curl_multi_cleanup(web->multi);
	sd_event_source_disable_unref(web->timer);
	sd_event_source_disable_unref(web->ended);
	free(web);
	daemon->web = NULL;
}
