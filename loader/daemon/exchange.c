// SPDX-License-Identifier: GPL-2.0-only
#include "exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../address.h"
#include "../error.h"

struct exchange {
	sd_event_source *io;
	int fd;
	struct exchange_plan plan;
	bool connected;
	size_t sent, got;
	unsigned char out[CHECK_SEND];
	unsigned char *in; /* EXCHANGE_ANSWER bytes, when the first come */
};

void exchange_end(struct exchange *exchange)
{
	if (!exchange)
		return;
	sd_event_source_disable_unref(exchange->io);
	if (exchange->fd >= 0)
		close(exchange->fd);
	free(exchange->in);
	free(exchange);
}

static void finish(struct exchange *exchange, enum check_verdict verdict, const char *reason)
{
	const struct exchange_plan plan = exchange->plan;

	exchange_end(exchange);
	plan.done(plan.context, verdict, reason);
}

static void finish_errno(struct exchange *exchange, const char *what, int err)
{
	char reason[CHECK_REASON];

	snprintf(reason, sizeof(reason), "%s: %s", what, strerror(err));
	finish(exchange, check_errno(err), reason);
}

/* ---- what comes and goes; true: it is over -----------------------------------------------------
 */

static bool judge(struct exchange *exchange, bool ended)
{
	char reason[CHECK_REASON] = "";
	enum check_verdict verdict;

	verdict = exchange->plan.judge(exchange->plan.context, exchange->in, exchange->got, ended,
				       reason);
	if (verdict == CHECK_NONE && !ended && exchange->got < EXCHANGE_ANSWER)
		return false;
	if (verdict == CHECK_NONE) {
		verdict = CHECK_FAILED;
		snprintf(reason, sizeof(reason),
			 ended ? "the answer ended early" : "the answer is too long");
	}
	finish(exchange, verdict, reason);
	return true;
}

static bool receive(struct exchange *exchange)
{
	ssize_t got;

	if (!exchange->in)
		exchange->in = malloc(EXCHANGE_ANSWER);
	if (!exchange->in) {
		finish_errno(exchange, "receive", ENOMEM);
		return true;
	}
	/* Of a datagram the last one alone counts. */
	if (exchange->plan.proto == IPPROTO_UDP)
		exchange->got = 0;
	got = recv(exchange->fd, exchange->in + exchange->got, EXCHANGE_ANSWER - exchange->got, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0) {
		finish_errno(exchange, "receive", errno);
		return true;
	}
	exchange->got += got;
	return judge(exchange, !got && exchange->plan.proto == IPPROTO_TCP);
}

static bool transmit(struct exchange *exchange)
{
	ssize_t sent = send(exchange->fd, exchange->out + exchange->sent,
			    exchange->plan.length - exchange->sent, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (sent < 0) {
		finish_errno(exchange, "send", errno);
		return true;
	}
	exchange->sent += sent;
	return false;
}

/* The connection is there, or has failed. */
static bool connected(struct exchange *exchange)
{
	socklen_t length = sizeof(int);
	int err = 0;

	if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &err, &length))
		err = errno;
	if (err) {
		finish_errno(exchange, "connect", err);
		return true;
	}
	exchange->connected = true;
	if (exchange->plan.judge)
		return false;
	finish(exchange, CHECK_PASSED, "connected");
	return true;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct exchange *exchange = context;

	(void)fd;
	if (!exchange->connected && connected(exchange))
		return 0;
	/* What is readable is read first: the backend may have said all and gone. */
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && receive(exchange))
		return 0;
	if (events & EPOLLOUT && exchange->sent < exchange->plan.length && transmit(exchange))
		return 0;
	if (exchange->sent == exchange->plan.length)
		sd_event_source_set_io_events(source, EPOLLIN);
	return 0;
}

bool exchange_is_connected(const struct exchange *exchange)
{
	return exchange->connected;
}

/* ---- begin -------------------------------------------------------------------------------------
 */

socklen_t socket_address(const __be32 addr[4], __be16 port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = address_family(addr);
	if (to->ss_family == AF_INET6) {
		memcpy(&in6->sin6_addr, addr, sizeof(in6->sin6_addr));
		in6->sin6_port = port;
		return sizeof(*in6);
	}
	in->sin_addr.s_addr = addr[0];
	in->sin_port = port;
	return sizeof(*in);
}

/* A check must leave nothing behind: no TIME_WAIT, of which thousands would use up the ports. */
static void options_set(int fd, __u8 proto)
{
	const struct linger reset = { .l_onoff = 1 };
	const int on = 1;

	if (proto == IPPROTO_TCP) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
}

/*
 * Answers to checks by the method are known by their port alone, as all come from the service's
 * address: so no two sockets have the same, as sockets may that are connected to different ones.
 */
static int mark_set(int fd, int family, __u32 mark)
{
	struct sockaddr_storage any = { .ss_family = family };
	socklen_t length =
		family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
	    bind(fd, (struct sockaddr *)&any, length))
		return -errno;
	return 0;
}

int check_socket(int family, __u8 proto, __u32 mark)
{
	int type = proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	if (fd < 0)
		return -errno;
	options_set(fd, proto);
	if (mark) {
		int err = mark_set(fd, family, mark);

		if (err) {
			close(fd);
			return err;
		}
	}
	return fd;
}

static int socket_open(const struct exchange_plan *plan)
{
	struct sockaddr_storage to;
	socklen_t length = socket_address(plan->addr, plan->port, &to);
	int fd = check_socket(to.ss_family, plan->proto, plan->mark);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&to, length) && errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

struct exchange *exchange_begin(sd_event *event, const struct exchange_plan *plan)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	int err = -ENOMEM;

	if (!exchange) {
		plan->done(plan->context, CHECK_NOT_RUN, strerror(ENOMEM));
		return NULL;
	}
	exchange->plan = *plan;
	if (plan->length)
		memcpy(exchange->out, plan->send, plan->length);
	exchange->fd = err = socket_open(plan);
	if (err >= 0)
		err = sd_event_add_io(event, &exchange->io, exchange->fd, EPOLLIN | EPOLLOUT, on_io,
				      exchange);
	if (err >= 0)
		return exchange;
	finish_errno(exchange, "connect", -err);
	return NULL;
}
