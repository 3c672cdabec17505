// SPDX-License-Identifier: GPL-2.0-only
/* register: speaks for a listener that does not register itself; see xdplb-register(7). */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../client/xdplb-register.h"
#include "command.h"
#include "error.h"
#include "wanted.h"
#include "words.h"

#define TRIES 3
#define ANSWER_MS 300 /* time for an answer to each */

/* One message, its repetitions and their answer. */
struct exchange {
	struct xdplb_register *listener;
	int type; /* enum xdplb_register_type */
	unsigned int weight;
	struct sockaddr_storage balancer;
	socklen_t length; /* of addresses */
	int sender; /* messages leave here, with the listener's port */
	bool is_raw; /* they need their UDP header */
	int answers;
	unsigned int answer_port;
};

/* ---- sockets ------------------------------------------------------------------ */

/* A UDP socket on this port, 0: on any, that speaks to the balancer alone. Or a negative errno. */
static int udp_open(const struct exchange *exchange, unsigned int port)
{
	int family = exchange->balancer.ss_family, only6 = 1, err = 0;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Of an IPv6 service an IPv4 socket on the port is not the listener. */
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)))
		err = -errno;
	if (!err)
		err = xdplb_register_bind(exchange->listener, family, fd, port);
	if (!err && connect(fd, (struct sockaddr *)&exchange->balancer, exchange->length))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A socket that takes UDP packets with their header, so from a port that another socket has. */
static int raw_open(const struct exchange *exchange)
{
	struct sockaddr_storage host;
	int fd = socket(exchange->balancer.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP), err;

	if (fd < 0)
		return -errno;
	xdplb_register_to_sockaddr(exchange->balancer.ss_family,
				   exchange->listener->service_address, 0, &host);
	if (connect(fd, (struct sockaddr *)&host, exchange->length)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* From a port that is free a normal socket can send; usually the listener has it. */
static int sender_open(struct exchange *exchange)
{
	unsigned int port = exchange->listener->listener_port;

	exchange->sender = udp_open(exchange, port);
	exchange->is_raw = exchange->sender == -EADDRINUSE;
	if (exchange->is_raw)
		exchange->sender = raw_open(exchange);
	if (exchange->sender >= 0)
		return 0;
	if (exchange->is_raw && exchange->sender == -EPERM)
		return fail(EPERM,
			    "--port %u is in use: to send from it needs CAP_NET_RAW, as root has, "
			    "or let the listener register itself, as in xdplb-register(7)",
			    port);
	if (exchange->sender == -EACCES)
		return fail(EACCES, "--port %u: to send from it needs CAP_NET_BIND_SERVICE", port);
	return fail(exchange->sender, "cannot send from port %u to the service's address: %s", port,
		    strerror(-exchange->sender));
}

static int answers_open(struct exchange *exchange)
{
	struct sockaddr_storage own = {};
	socklen_t length = sizeof(own);
	__u8 address[16];
	int err;

	exchange->answers = udp_open(exchange, 0);
	if (exchange->answers < 0)
		return fail(exchange->answers, "cannot open a socket for the answer: %s",
			    strerror(-exchange->answers));
	if (getsockname(exchange->answers, (struct sockaddr *)&own, &length)) {
		err = fail(errno, "cannot tell the port for the answer: %s", strerror(errno));
		close(exchange->answers);
		return err;
	}
	exchange->answer_port = xdplb_register_from_sockaddr(&own, address);
	return 0;
}

/* ---- the message --------------------------------------------------------------- */

/* Adds up words as they lie in memory; the sum of RFC 1071 does not depend on their order. */
static __u32 sum_words(__u32 sum, const void *bytes, size_t length)
{
	__u16 word;

	for (size_t at = 0; at < length; at += sizeof(word)) {
		memcpy(&word, (const char *)bytes + at, sizeof(word));
		sum += word;
	}
	return sum;
}

/* UDP's checksum; the ffff before an IPv4 address of 16 bytes does not change such a sum. */
static __u16 checksum(const __u8 from[16], const __u8 to[16], const void *packet, __u16 length)
{
	const __u16 pseudo[2] = { htons(IPPROTO_UDP), htons(length) };
	__u32 sum = sum_words(0, pseudo, sizeof(pseudo));

	sum = sum_words(sum_words(sum, from, 16), to, 16);
	sum = sum_words(sum, packet, length);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : ~sum;
}

static int raw_send(const struct exchange *exchange, const __u8 message[XDPLB_REGISTER_BYTES])
{
	const struct xdplb_register *listener = exchange->listener;
	__u8 packet[sizeof(struct udphdr) + XDPLB_REGISTER_BYTES], from[16];
	struct udphdr udp = { .source = htons(listener->listener_port),
			      .dest = htons(listener->registration_port),
			      .len = htons(sizeof(packet)) };
	struct sockaddr_storage own = {};
	socklen_t length = sizeof(own);

	if (getsockname(exchange->sender, (struct sockaddr *)&own, &length))
		return -errno;
	xdplb_register_from_sockaddr(&own, from);
	memcpy(packet + sizeof(udp), message, XDPLB_REGISTER_BYTES);
	memcpy(packet, &udp, sizeof(udp));
	udp.check = checksum(from, listener->service_address, packet, sizeof(packet));
	memcpy(packet, &udp, sizeof(udp));
	return send(exchange->sender, packet, sizeof(packet), 0) < 0 ? -errno : 0;
}

static int message_send(const struct exchange *exchange)
{
	__u8 message[XDPLB_REGISTER_BYTES];
	int err;

	xdplb_register_next(exchange->listener);
	err = xdplb_register_message(exchange->listener, exchange->type, exchange->weight,
				     exchange->answer_port, message);
	if (err)
		return err;
	if (exchange->is_raw)
		return raw_send(exchange, message);
	return send(exchange->sender, message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* ---- the answer ---------------------------------------------------------------- */

static long clock_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads a datagram: is it the answer to one of the messages since the counter was `first`? */
static bool answer_read(const struct exchange *exchange, __u64 first)
{
	__u8 data[XDPLB_REGISTER_BYTES + 1];
	struct sockaddr_storage from = {};
	socklen_t length = sizeof(from);
	ssize_t got = recvfrom(exchange->answers, data, sizeof(data), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &length);
	uint64_t counter;

	return got > 0 &&
	       xdplb_register_is_answer(exchange->listener, data, got, &from, &counter) &&
	       data[offsetof(struct xdplb_register_message, type)] ==
		       (XDPLB_REGISTER_ANSWER | exchange->type) &&
	       counter > first && counter <= exchange->listener->counter;
}

/* Waits for an answer: 0, -ETIMEDOUT, or what the network said of the message. */
static int answer_wait(const struct exchange *exchange, __u64 first)
{
	struct pollfd wait[2] = { { .fd = exchange->answers, .events = POLLIN },
				  { .fd = exchange->sender } };
	long end = clock_milliseconds() + ANSWER_MS, left = ANSWER_MS;

	for (; left > 0; left = end - clock_milliseconds()) {
		int err = 0;
		socklen_t length = sizeof(err);

		if (poll(wait, 2, left) < 0)
			return -errno;
		if (wait[0].revents && answer_read(exchange, first))
			return 0;
		if (wait[1].revents &&
		    !getsockopt(exchange->sender, SOL_SOCKET, SO_ERROR, &err, &length) && err)
			return -err;
	}
	return -ETIMEDOUT;
}

/*
 * A raw socket is told of every UDP packet to that address which was refused, so
 * one refusal says little and three say enough.
 */
static int exchange_run(const struct exchange *exchange)
{
	__u64 first = xdplb_register_next(exchange->listener);
	int err = -ETIMEDOUT;

	for (int i = 0; i < TRIES && err; i++) {
		err = message_send(exchange);
		if (!err)
			err = answer_wait(exchange, first);
	}
	return err;
}

/* ---- the command --------------------------------------------------------------- */

struct registration {
	struct xdplb_register listener;
	unsigned int weight;
	bool renew;
};

/*
 * Where messages were refused, nobody took them. Otherwise who did did not like
 * them. To whom renewing is left, a missing answer is no end.
 */
static int no_answer(const struct registration *registration, int err)
{
	const struct xdplb_register *listener = &registration->listener;
	char balancer[ADDRESS_TEXT], text[256];
	__be32 addr[4] = {};

	if (xdplb_register_family(listener) == AF_INET)
		memcpy(addr, listener->service_address + 12, 4);
	else
		memcpy(addr, listener->service_address, 16);
	endpoint_text(addr, htons(listener->registration_port), balancer);
	if (err == -ECONNREFUSED)
		snprintf(text, sizeof(text),
			 "nobody takes registrations at %s: kernel needs the balancer on lo "
			 "(xdplb-config load lo), user needs xdplb-config registrar",
			 balancer);
	else
		snprintf(text, sizeof(text),
			 "no answer from %s%s%s: is registration on (xdplb-config list), the key "
			 "right, a place free? see the drops in xdplb-config stats, or what the "
			 "registrar says",
			 balancer, err == -ETIMEDOUT ? "" : ": ",
			 err == -ETIMEDOUT ? "" : strerror(-err));
	if (!registration->renew)
		return fail(err, "%s", text);
	warn("%s", text);
	return 0;
}

static int announce(struct registration *registration, int type)
{
	struct exchange exchange = {
		.listener = &registration->listener,
		.type = type,
		.weight = registration->weight,
	};
	int err;

	exchange.length = xdplb_register_balancer(
		exchange.listener, xdplb_register_family(exchange.listener), &exchange.balancer);
	err = sender_open(&exchange);
	if (err)
		return err;
	err = answers_open(&exchange);
	if (!err) {
		err = exchange_run(&exchange);
		close(exchange.answers);
		if (err)
			err = no_answer(registration, err);
	}
	close(exchange.sender);
	return err;
}

/*
 * Until a signal comes. What cannot be done the first time ends it; later it may
 * become possible again.
 */
static int renew(struct registration *registration)
{
	long step = registration->listener.lifetime * 1000L / 3;
	const struct timespec wait = { step / 1000, step % 1000 * 1000000 };
	bool first = true;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	do {
		int err = announce(registration, XDPLB_REGISTER_REGISTER);

		if (err && first)
			return err;
		first = false;
	} while (sigtimedwait(&ends, NULL, &wait) < 0);
	announce(registration, XDPLB_REGISTER_GOODBYE);
	return 0;
}

/* A number's option, which may be left out. */
static int number_read(const char *text, const char *what, long usual, long *number)
{
	*number = usual;
	return text ? parse_number(text, what, 1, 65535, number) : 0;
}

static int registration_read(const struct options *options, struct registration *registration)
{
	struct xdplb_register *listener = &registration->listener;
	long port, weight, ttl, registration_port;
	struct service_address service;
	char text[ADDRESS_TEXT];
	int err = parse_service(options->arguments[0], &service);

	if (err || (err = number_read(options->port, "--port", 0, &port)) ||
	    (err = number_read(options->weight, "--weight", 1, &weight)) ||
	    (err = number_read(options->ttl, "--ttl", XDPLB_REGISTER_LIFETIME, &ttl)) ||
	    (err = number_read(options->registration_port, "--registration-port",
			       XDPLB_REGISTER_PORT, &registration_port)))
		return err;
	err = xdplb_register_init(listener, service_text(&service, text), port);
	if (err)
		return fail(err, "%s: not a service such as 192.0.2.10:80/tcp", text);
	listener->lifetime = ttl;
	listener->registration_port = registration_port;
	registration->weight = weight;
	registration->renew = options->renew;
	if (!options->registration_key)
		return 0;
	err = xdplb_register_key_file(listener, options->registration_key);
	return !err ? 0 :
		      fail(err, "--registration-key %s: %s", options->registration_key,
			   err == -EINVAL ? "32 hexadecimal digits and nothing else are expected" :
					    strerror(-err));
}

int command_register(struct options *options)
{
	struct registration registration;
	int err;

	if (!options->port)
		return misuse("register: --port, the listener's, is missing");
	if (options->goodbye && (options->weight || options->ttl || options->renew))
		return misuse("--goodbye: --weight, --ttl and --renew do not go with it");
	err = registration_read(options, &registration);
	if (err)
		return err;
	if (options->goodbye)
		return announce(&registration, XDPLB_REGISTER_GOODBYE);
	return options->renew ? renew(&registration) :
				announce(&registration, XDPLB_REGISTER_REGISTER);
}
