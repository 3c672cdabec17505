// SPDX-License-Identifier: GPL-2.0-only
/*
 * garbage KIND ADDRESS PORT COUNT [SERVICE-PORT]: sends COUNT datagrams as fast as it can, and
 * prints how many nanoseconds of this process each took. On lo that is sending and all that the
 * other end does with it.
 *
 *	random  56 bytes of anything     short  1 byte
 *	other   well-formed registrations with UDP service SERVICE-PORT, for a port that they
 *		do not come from
 *	forged  the same, for the port that they come from, with a tag that nobody has made
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../../client/xdplb-register.h"

#define AT_ONCE 64

static struct xdplb_register about;
static uint64_t state = 1;

static uint64_t anything(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void fill(const char *kind, uint8_t *data)
{
	uint64_t words[XDPLB_REGISTER_BYTES / 8];

	for (size_t i = 0; i < XDPLB_REGISTER_BYTES / 8; i++)
		words[i] = anything();
	if (!strcmp(kind, "random") || !strcmp(kind, "short")) {
		memcpy(data, words, sizeof(words));
		return;
	}
	xdplb_register_next(&about);
	xdplb_register_message(&about, XDPLB_REGISTER_REGISTER, 1 + anything() % 65535, 0, data);
	memcpy(data + XDPLB_REGISTER_TAGGED, words, 8);
}

/* Connected to the registration port; `about` gets the port it is bound to, or another. */
static int sender(const char *kind, const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) }, own;
	socklen_t length = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(fd, (struct sockaddr *)&own, &length)) {
		perror(address);
		exit(1);
	}
	about.listener_port = ntohs(own.sin_port) + !strcmp(kind, "other");
	return fd;
}

static double cpu_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv)
{
	static uint8_t data[AT_ONCE][XDPLB_REGISTER_BYTES];
	struct mmsghdr messages[AT_ONCE] = { 0 };
	struct iovec parts[AT_ONCE];
	long left, count;
	double begin;
	char service[64];
	int fd;

	if (argc < 5)
		return 2;
	snprintf(service, sizeof(service), "%s:%s/udp", argv[2], argc > 5 ? argv[5] : "5000");
	if (xdplb_register_init(&about, service, 1))
		return 2;
	fd = sender(argv[1], argv[2], argv[3]);
	count = left = atol(argv[4]);
	for (int i = 0; i < AT_ONCE; i++) {
		parts[i].iov_base = data[i];
		parts[i].iov_len = strcmp(argv[1], "short") ? XDPLB_REGISTER_BYTES : 1;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		fill(argv[1], data[i]);
	}
	begin = cpu_nanoseconds();
	while (left > 0) {
		int sent = sendmmsg(fd, messages, left < AT_ONCE ? left : AT_ONCE, 0);

		if (sent < 0) {
			perror("garbage");
			return 1;
		}
		left -= sent;
		fill(argv[1], data[left % AT_ONCE]);
	}
	printf("%.0f\n", (cpu_nanoseconds() - begin) / count);
	return 0;
}
