// SPDX-License-Identifier: GPL-2.0-only
/*
 * A UDP listener that sends back what it gets, with its number in it; see load.h.
 *
 *	echo ADDRESS PORT NUMBER [reuseport]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "load.h"

static int listener_open(const char *address, const char *port, int reuseport)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = LOAD_ROOM;

	if (inet_pton(AF_INET, address, &own.sin_addr) != 1) {
		fprintf(stderr, "echo: %s is no IPv4 address\n", address);
		exit(2);
	}
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuseport, sizeof(reuseport)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own))) {
		fprintf(stderr, "echo: %s:%s: %s\n", address, port, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in client;
	struct load_datagram datagram;
	socklen_t length;
	ssize_t size;
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: echo ADDRESS PORT NUMBER [reuseport]\n");
		return 2;
	}
	fd = listener_open(argv[1], argv[2], argc > 4);
	for (;;) {
		length = sizeof(client);
		size = recvfrom(fd, &datagram, sizeof(datagram), 0, (struct sockaddr *)&client,
				&length);
		if (size < (ssize_t)sizeof(datagram))
			continue; /* an error about an earlier answer */
		datagram.listener = atoi(argv[3]);
		sendto(fd, &datagram, sizeof(datagram), 0, (struct sockaddr *)&client, length);
	}
}
