// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An example of a listener that registers itself with xdplb: it sends datagrams
 * back to where they came from, and asks for the less of them the more there is
 * to do on this machine.
 *
 *	cc -O2 -o load-average load-average.c
 *	./load-average 192.0.2.1:5000/udp 5001 [WEIGHT [KEYFILE]]
 *
 * The service's address has to be on this machine: ip address add 192.0.2.1/32 dev lo
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "xdplb-register.h"

#define WEIGHT 100 /* of an idle machine; the larger, the finer the steps */

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int complain(const char *what, int err)
{
	fprintf(stderr, "load-average: %s: %s\n", what, strerror(-err));
	return 1;
}

/* The whole weight without load, half of it with one task for each CPU, a third with two. */
static unsigned int weight_now(unsigned int most)
{
	double load = 0, weight;

	getloadavg(&load, 1);
	weight = most / (1 + load / (double)sysconf(_SC_NPROCESSORS_ONLN));
	return weight < 1 ? 1 : (unsigned int)weight;
}

/*
 * Bound to the service's address, so that replies come from it; by the wildcard
 * address the kernel would choose another.
 */
static int listener_open(const struct xdplb_register *self)
{
	int family = xdplb_register_family(self), fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage own;
	socklen_t length = xdplb_register_to_sockaddr(family, self->service_address,
						      self->listener_port, &own);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, length))
		return -errno;
	return fd;
}

/* A datagram and its reply. What goes wrong is as good as lost on the way. */
static void serve(int fd)
{
	struct sockaddr_storage client;
	socklen_t length = sizeof(client);
	char data[65536];
	ssize_t got =
		recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&client, &length);

	if (got >= 0)
		sendto(fd, data, (size_t)got, MSG_DONTWAIT, (const struct sockaddr *)&client,
		       length);
}

static long long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Serves until a signal comes, and registers three times in a lifetime: two may get lost. */
static void run(struct xdplb_register *self, int fd, unsigned int most, const sigset_t *signals)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	long long next = milliseconds();

	while (!ended) {
		long long left = next - milliseconds();
		struct timespec wait = { left / 1000, left % 1000 * 1000000 };
		int err;

		if (left <= 0) {
			err = xdplb_register_send(self, fd, weight_now(most));
			if (err)
				complain("cannot register now", err);
			next = milliseconds() + self->lifetime * 1000LL / 3;
		} else if (ppoll(&readable, 1, &wait, signals) > 0) {
			serve(fd);
		}
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = end };
	unsigned int port = argc > 2 ? xdplb_register_number(argv[2]) : 0;
	unsigned int most = argc > 3 ? xdplb_register_number(argv[3]) : WEIGHT;
	struct xdplb_register self;
	sigset_t ends, before;
	int fd, err;

	if (argc > 5 || !port || !most || xdplb_register_init(&self, argv[1], port)) {
		fprintf(stderr, "usage: load-average ADDR:PORT/udp PORT [WEIGHT [KEYFILE]]\n");
		return 2;
	}
	err = argc > 4 ? xdplb_register_key_file(&self, argv[4]) : 0;
	if (err)
		return complain(argv[4], err);
	fd = listener_open(&self);
	if (fd < 0)
		return complain(argv[1], fd);
	/* The signals come only while ppoll() waits, so none is missed. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &before);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	run(&self, fd, most, &before);
	err = xdplb_register_bye(&self, fd);
	return err ? complain("cannot say goodbye", err) : 0;
}
