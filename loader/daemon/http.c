// SPDX-License-Identifier: GPL-2.0-only
#include "http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../error.h"
#include "daemon.h"
#include "documents.h"
#include "exchange.h"
#include "log.h"

#define CONNECTIONS 64U
#define CONNECTIONS_OF_ONE 16U /* client's address */
#define CONNECTION_MEMORY 16384UL /* bytes; the longest request, too */
#define SILENT_SECONDS 5U
#define LASTS_US 20000000ULL /* a connection, whatever it does */
#define SWEEP_US 1000000ULL
#define RETRY_US 5000000ULL
#define PRIORITY SD_EVENT_PRIORITY_IDLE /* the checks' timers have the same */

/* A connection. */
struct visitor {
	struct MHD_Connection *connection;
	uint64_t began; /* microsecond of CLOCK_MONOTONIC */
	struct visitor *next, **before;
};

struct http {
	struct documents *documents;
	struct MHD_Daemon *server; /* NULL: it does not listen */
	struct listen_place place; /* where it does, or shall */
	sd_event_source *ready, *timer, *retry;
	struct visitor *visitors;
	bool refused; /* the place could not be had, which was said */
};

/* ---- connections -------------------------------------------------------------------------------
 */

static uint64_t now_of(const struct daemon *daemon)
{
	uint64_t now = 0;

	sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void visitor_begin(struct daemon *daemon, struct MHD_Connection *connection, void **mine)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor)), **list = &daemon->http->visitors;

	/* Without memory it is one that only its own silence ends. */
	*mine = visitor;
	if (!visitor)
		return;
	*visitor = (struct visitor){
		.connection = connection, .began = now_of(daemon), .next = *list, .before = list
	};
	if (*list)
		(*list)->before = &visitor->next;
	*list = visitor;
}

static void visitor_end(struct visitor *visitor)
{
	if (!visitor)
		return;
	*visitor->before = visitor->next;
	if (visitor->next)
		visitor->next->before = visitor->before;
	free(visitor);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **mine,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		visitor_begin(context, connection, mine);
	else
		visitor_end(*mine);
}

/* Ends those that have been here for too long, by their sockets: the library sees that. */
static void visitors_sweep(struct daemon *daemon)
{
	uint64_t now = now_of(daemon);

	for (struct visitor *visitor = daemon->http->visitors; visitor; visitor = visitor->next) {
		const union MHD_ConnectionInfo *info;

		if (now - visitor->began < LASTS_US)
			continue;
		info = MHD_get_connection_info(visitor->connection,
					       MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
	}
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *upload, size_t *upload_length, void **mine)
{
	struct documents *documents = ((struct daemon *)context)->http->documents;
	struct MHD_Response *response;
	unsigned int status = MHD_HTTP_METHOD_NOT_ALLOWED;

	(void)version, (void)upload, (void)upload_length, (void)mine;
	if (!strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD))
		response = documents_find(documents, path, &status);
	else
		response = documents_wrong_method(documents);
	return response ? MHD_queue_response(connection, status, response) : MHD_NO;
}

/* ---- on the loop -------------------------------------------------------------------------------
 */

/* When the library, or the sweep, is to have a turn though nothing comes. */
static void timer_set(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	uint64_t wait = http->visitors ? SWEEP_US : UINT64_MAX;

	if (MHD_get_timeout(http->server, &ms) == MHD_YES && ms * 1000 < wait)
		wait = ms * 1000;
	if (wait == UINT64_MAX) {
		sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(http->timer, wait);
	sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static void server_run(struct daemon *daemon)
{
	visitors_sweep(daemon);
	MHD_run(daemon->http->server);
	timer_set(daemon->http);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source, (void)fd, (void)events;
	server_run(context);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t at, void *context)
{
	(void)source, (void)at;
	server_run(context);
	return 0;
}

/* ---- listening ---------------------------------------------------------------------------------
 */

static const char *place_text(const struct listen_place *place, char *text)
{
	if (!place->both)
		return endpoint_text(place->addr, place->port, text);
	snprintf(text, ADDRESS_TEXT, "[::]:%u", ntohs(place->port));
	return text;
}

/* A descriptor, or a negative errno. */
static int place_listen(const struct listen_place *place)
{
	const struct sockaddr_in6 all = { .sin6_family = AF_INET6, .sin6_port = place->port };
	const int yes = 1, alone = !place->both;
	struct sockaddr_storage at = {};
	socklen_t length = socket_address(place->addr, place->port, &at);
	int fd, err = 0;

	if (place->both) {
		memcpy(&at, &all, sizeof(all));
		length = sizeof(all);
	}
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (at.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof(alone));
	if (bind(fd, (struct sockaddr *)&at, length) || listen(fd, CONNECTIONS))
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static struct MHD_OptionItem limits[] = {
	{ MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, NULL },
	{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_OF_ONE, NULL },
	{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
	{ MHD_OPTION_CONNECTION_TIMEOUT, SILENT_SECONDS, NULL },
	{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
	{ MHD_OPTION_END, 0, NULL },
};

/* Has the library serve what comes to the descriptor, which is its then. */
static int server_start(struct daemon *daemon, int fd)
{
	struct http *http = daemon->http;
	const union MHD_DaemonInfo *info;
	int err = 0;

	http->server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, daemon,
					MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_ARRAY, limits,
					MHD_OPTION_NOTIFY_CONNECTION, on_connection, daemon,
					MHD_OPTION_END);
	if (!http->server) {
		close(fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EINVAL;
	err = sd_event_add_io(daemon->event, &http->ready, info->epoll_fd, EPOLLIN, on_ready,
			      daemon);
	if (err >= 0)
		err = sd_event_source_set_priority(http->ready, PRIORITY);
	return err < 0 ? err : 0;
}

static void server_stop(struct http *http)
{
	http->ready = sd_event_source_disable_unref(http->ready);
	sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
	sd_event_source_set_enabled(http->retry, SD_EVENT_OFF);
	if (http->server)
		MHD_stop_daemon(http->server); /* on_connection() hears of each */
	http->server = NULL;
}

static void place_say(const struct http *http, int err)
{
	char text[ADDRESS_TEXT];
	struct event event;

	event_begin(&event, err ? LOG_ERR : LOG_NOTICE, err ? "http-not-served" : "http-served");
	event_add(&event, "address", "%s", place_text(&http->place, text));
	if (err)
		event_add(&event, "reason", "%s", strerror(-err));
	event_say(&event);
}

static void server_try(struct daemon *daemon)
{
	struct http *http = daemon->http;
	int fd = place_listen(&http->place), err;

	err = fd < 0 ? fd : server_start(daemon, fd);
	if (!err || !http->refused)
		place_say(http, err);
	http->refused = err != 0;
	if (!err)
		return;
	server_stop(http);
	sd_event_source_set_time_relative(http->retry, RETRY_US);
	sd_event_source_set_enabled(http->retry, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *source, uint64_t at, void *context)
{
	(void)source, (void)at;
	server_try(context);
	return 0;
}

static bool same_listen(const struct listen_place *a, const struct listen_place *b)
{
	return a->on == b->on && a->both == b->both && a->port == b->port &&
	       same_address(a->addr, b->addr);
}

void http_apply(struct daemon *daemon)
{
	const struct listen_place *place = &daemon->configuration.daemon.http;
	struct http *http = daemon->http;

	if (same_listen(&http->place, place))
		return;
	server_stop(http);
	http->place = *place;
	http->refused = false;
	if (place->on)
		server_try(daemon);
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

static int timer_add(struct daemon *daemon, sd_event_source **timer,
		     sd_event_time_handler_t handler)
{
	int err =
		sd_event_add_time(daemon->event, timer, CLOCK_MONOTONIC, 0, 1000, handler, daemon);

	if (err >= 0)
		err = sd_event_source_set_priority(*timer, PRIORITY);
	return err < 0 ? err : sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
}

int http_begin(struct daemon *daemon)
{
	struct http *http = calloc(1, sizeof(*http));
	int err;

	if (!http)
		return fail(ENOMEM, "no memory to serve pages");
	daemon->http = http;
	http->documents = documents_begin(daemon);
	if (!http->documents)
		return -ENOMEM;
	err = timer_add(daemon, &http->timer, on_timer);
	if (err >= 0)
		err = timer_add(daemon, &http->retry, on_retry);
	return err < 0 ? fail(err, "cannot begin to serve pages: %s", strerror(-err)) : 0;
}

void http_end(struct daemon *daemon)
{
	struct http *http = daemon->http;

	if (!http)
		return;
	server_stop(http);
	sd_event_source_disable_unref(http->timer);
	sd_event_source_disable_unref(http->retry);
	documents_end(http->documents);
	free(http);
	daemon->http = NULL;
}
