/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a listener registers itself with the load balancer xdplb, for C99 and C++.
 * This one file is all of it; xdplb-register(7) tells the protocol. It needs
 * POSIX 2008 (_POSIX_C_SOURCE=200809L, or the compiler's usual gnu dialect).
 *
 *	struct xdplb_register self;
 *
 *	err = xdplb_register_init(&self, "192.0.2.1:5000/udp", 5001);
 *	if (!err)
 *		err = xdplb_register_key_file(&self, "/etc/xdplb/key"); // if there is one
 *	...
 *	xdplb_register_send(&self, fd, 10);	// now, and each self.lifetime / 3 seconds
 *	...
 *	xdplb_register_bye(&self, fd);		// before it ends
 *
 * `fd` is the listener's UDP socket, bound to its port, because a message
 * registers the port that it comes from; without a key bound to the service's
 * address, else to any. A TCP listener takes xdplb_register_socket().
 *
 * A message that is sent may be lost, and one that is refused is dropped without
 * an answer; so it is sent again and again, and its weight may change each time.
 *
 * Functions that return an int return 0 or a negative errno (those that open
 * something: a descriptor), print nothing and never wait. Numbers are in host
 * byte order where nothing else is said. A struct xdplb_register belongs to one
 * thread at a time.
 */
#ifndef XDPLB_REGISTER_H
#define XDPLB_REGISTER_H

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define XDPLB_REGISTER_PORT 7475 /* of the balancer, when nothing else is agreed */
#define XDPLB_REGISTER_LIFETIME 30 /* seconds, likewise */
#define XDPLB_REGISTER_VERSION 1
#define XDPLB_REGISTER_BYTES 56
#define XDPLB_REGISTER_TAGGED 48 /* bytes that the tag covers */

enum xdplb_register_type {
	XDPLB_REGISTER_REGISTER = 1,
	XDPLB_REGISTER_GOODBYE = 2,
	XDPLB_REGISTER_ANSWER = 0x80, /* is added to the type that is answered */
};

/* A message as it is sent. Nothing but bytes, so that it has no holes and may lie anywhere. */
struct xdplb_register_message {
	uint8_t magic[4]; /* "xdlb" */
	uint8_t version;
	uint8_t type; /* enum xdplb_register_type */
	uint8_t protocol; /* of the service, IPPROTO_TCP or IPPROTO_UDP */
	uint8_t status; /* 0 */
	/* Numbers from here on are big-endian. */
	uint8_t service_port[2];
	uint8_t listener_port[2]; /* the datagram's source port too */
	uint8_t weight[2]; /* 1 .. 65535; goodbye: 0 */
	uint8_t lifetime[2]; /* seconds, likewise */
	uint8_t service_address[16]; /* IPv4 as ::ffff:192.0.2.1 */
	uint8_t counter[8];
	uint8_t answer_port[2]; /* 0: no answer is wanted */
	uint8_t zero[6];
	uint8_t tag[8]; /* SipHash's result, little-endian as in its paper; zero without a key */
};

typedef char xdplb_register_has_56_bytes
	[sizeof(struct xdplb_register_message) == XDPLB_REGISTER_BYTES ? 1 : -1];

/*
 * A listener that registers itself. Filled by xdplb_register_init(); after that
 * the first group may be set to other values at any time.
 */
struct xdplb_register {
	uint16_t registration_port; /* 1 .. 65535 */
	uint16_t lifetime; /* 1 .. 65535 seconds, without news after which it is taken out */
	uint16_t answer_port; /* 0: no answers; its own or another port of this machine */

	uint8_t service_address[16]; /* IPv4 as ::ffff:192.0.2.1 */
	uint16_t service_port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t listener_port;
	uint8_t has_key;
	uint8_t key[16];
	uint64_t counter; /* of the last message */
};

/* ---- SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) ---- */

static inline uint64_t xdplb_register_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void xdplb_register_sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = xdplb_register_rotate(v[1], 13) ^ v[0];
		v[3] = xdplb_register_rotate(v[3], 16) ^ v[2];
		v[0] = xdplb_register_rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = xdplb_register_rotate(v[1], 17) ^ v[2];
		v[3] = xdplb_register_rotate(v[3], 21) ^ v[0];
		v[2] = xdplb_register_rotate(v[2], 32);
	}
}

/* A little-endian number of at most eight bytes. */
static inline uint64_t xdplb_register_little(const uint8_t *bytes, size_t count)
{
	uint64_t number = 0;

	while (count--)
		number = number << 8 | bytes[count];
	return number;
}

static inline uint64_t xdplb_register_siphash(const uint8_t key[16], const void *text,
					      size_t length)
{
	uint64_t k0 = xdplb_register_little(key, 8), k1 = xdplb_register_little(key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
			  k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL };
	const uint8_t *bytes = (const uint8_t *)text;
	size_t at = 0, count;

	/* Words of eight bytes, the last one filled up and with the length in its highest. */
	do {
		uint64_t word;

		count = length - at < 8 ? length - at : 8;
		word = xdplb_register_little(bytes + at, count);
		if (count < 8)
			word |= (uint64_t)length << 56;
		v[3] ^= word;
		xdplb_register_sip_rounds(v, 2);
		v[0] ^= word;
		at += count;
	} while (count == 8);
	v[2] ^= 0xff;
	xdplb_register_sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- numbers and addresses ---------------------------------------------------------- */

static inline void xdplb_register_put(uint8_t *bytes, size_t count, uint64_t number)
{
	for (; count--; number >>= 8)
		bytes[count] = (uint8_t)number;
}

static inline uint64_t xdplb_register_get(const uint8_t *bytes, size_t count)
{
	uint64_t number = 0;

	while (count--)
		number = number << 8 | *bytes++;
	return number;
}

static inline void xdplb_register_map(const struct in_addr *from, uint8_t address[16])
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, from, 4);
}

/*
 * The address in 16 bytes, IPv4 as ::ffff:a.b.c.d. Returns the port, -1: neither IPv4
 * nor IPv6.
 */
static inline int xdplb_register_from_sockaddr(const struct sockaddr_storage *from,
					       uint8_t address[16])
{
	struct sockaddr_in6 from6;
	struct sockaddr_in from4;

	if (from->ss_family == AF_INET) {
		memcpy(&from4, from, sizeof(from4));
		xdplb_register_map(&from4.sin_addr, address);
		return ntohs(from4.sin_port);
	}
	if (from->ss_family == AF_INET6) {
		memcpy(&from6, from, sizeof(from6));
		memcpy(address, &from6.sin6_addr, 16);
		return ntohs(from6.sin6_port);
	}
	return -1;
}

/*
 * The other way round: of 16 bytes an IPv4 address takes the last four. Returns
 * the length.
 */
static inline socklen_t xdplb_register_to_sockaddr(int family, const uint8_t address[16],
						   uint16_t port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 to6;
	struct sockaddr_in to4;

	if (family == AF_INET) {
		memset(&to4, 0, sizeof(to4));
		to4.sin_family = AF_INET;
		to4.sin_port = htons(port);
		memcpy(&to4.sin_addr, address + 12, 4);
		memcpy(to, &to4, sizeof(to4));
		return sizeof(to4);
	}
	memset(&to6, 0, sizeof(to6));
	to6.sin6_family = AF_INET6;
	to6.sin6_port = htons(port);
	memcpy(&to6.sin6_addr, address, 16);
	memcpy(to, &to6, sizeof(to6));
	return sizeof(to6);
}

/* AF_INET or AF_INET6: the service's. */
static inline int xdplb_register_family(const struct xdplb_register *self)
{
	struct in6_addr address;

	memcpy(&address, self->service_address, sizeof(address));
	return IN6_IS_ADDR_V4MAPPED(&address) ? AF_INET : AF_INET6;
}

/*
 * Where messages go, for a socket of this family; an IPv6 socket takes IPv4
 * addresses too, in their IPv6 form. Returns the length, 0: it cannot get there.
 */
static inline socklen_t xdplb_register_balancer(const struct xdplb_register *self, int family,
						struct sockaddr_storage *to)
{
	if (family != AF_INET6 && family != xdplb_register_family(self))
		return 0;
	return xdplb_register_to_sockaddr(family, self->service_address, self->registration_port,
					  to);
}

/* A number from 1 to 65535 and nothing behind it, 0: it is none. */
static inline uint16_t xdplb_register_number(const char *text)
{
	unsigned long number = 0;

	for (; *text >= '0' && *text <= '9' && number <= 65535; text++)
		number = number * 10 + (unsigned long)(*text - '0');
	return *text || number > 65535 ? 0 : (uint16_t)number;
}

/* ---- setting up --------------------------------------------------------------------- */

/* ADDR or [ADDR], the latter IPv6. */
static inline int xdplb_register_parse_address(char *text, uint8_t address[16])
{
	size_t length = strlen(text);
	struct in6_addr address6;
	struct in_addr address4;

	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		if (inet_pton(AF_INET6, text + 1, &address6) != 1 ||
		    IN6_IS_ADDR_V4MAPPED(&address6))
			return -EINVAL;
		memcpy(address, &address6, sizeof(address6));
		return 0;
	}
	if (inet_pton(AF_INET, text, &address4) != 1)
		return -EINVAL;
	xdplb_register_map(&address4, address);
	return 0;
}

/*
 * A listener on `listener_port`, 1 to 65535, of `service`: ADDR:PORT/PROTO such as
 * "192.0.2.1:5000/udp" or "[2001:db8::1]:53/udp"; PROTO is tcp when left out.
 * -EINVAL: one of them is not like that.
 */
static inline int xdplb_register_init(struct xdplb_register *self, const char *service,
				      unsigned int listener_port)
{
	char word[64], *slash, *colon;

	memset(self, 0, sizeof(*self));
	if (strlen(service) >= sizeof(word) || !listener_port || listener_port > 65535)
		return -EINVAL;
	memcpy(word, service, strlen(service) + 1);
	self->registration_port = XDPLB_REGISTER_PORT;
	self->lifetime = XDPLB_REGISTER_LIFETIME;
	self->listener_port = (uint16_t)listener_port;
	self->protocol = IPPROTO_TCP;
	slash = strchr(word, '/');
	if (slash) {
		*slash = '\0';
		if (!strcmp(slash + 1, "udp"))
			self->protocol = IPPROTO_UDP;
		else if (strcmp(slash + 1, "tcp"))
			return -EINVAL;
	}
	colon = strrchr(word, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	self->service_port = xdplb_register_number(colon + 1);
	if (!self->service_port)
		return -EINVAL;
	return xdplb_register_parse_address(word, self->service_address);
}

/* The service's key. */
static inline void xdplb_register_key(struct xdplb_register *self, const uint8_t key[16])
{
	memcpy(self->key, key, sizeof(self->key));
	self->has_key = 1;
}

/* 32 hexadecimal digits, two a byte: -EINVAL when it is something else. */
static inline int xdplb_register_key_text(struct xdplb_register *self, const char *text)
{
	uint8_t key[16];

	if (strlen(text) != 2 * sizeof(key))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(key); i++) {
		unsigned int byte;

		if (!isxdigit((unsigned char)text[2 * i]) ||
		    !isxdigit((unsigned char)text[2 * i + 1]) ||
		    sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		key[i] = (uint8_t)byte;
	}
	xdplb_register_key(self, key);
	return 0;
}

/*
 * The same from a file that has nothing else in it but white space around.
 * -EINVAL: it has; else what open() and read() say of the file.
 */
static inline int xdplb_register_key_file(struct xdplb_register *self, const char *path)
{
	FILE *file = fopen(path, "r");
	char text[34], more;
	int found, err;

	if (!file)
		return -errno;
	found = fscanf(file, " %33s %c", text, &more);
	err = ferror(file) ? -errno : found == 1 ? 0 : -EINVAL;
	fclose(file);
	return err ? err : xdplb_register_key_text(self, text);
}

/*
 * Binds a socket to a port (0: one that is free) at the service's address, where
 * that is this machine's, else at any. 0 or a negative errno.
 */
static inline int xdplb_register_bind(const struct xdplb_register *self, int family, int fd,
				      uint16_t port)
{
	static const uint8_t any[16] = { 0 };
	struct sockaddr_storage own;
	socklen_t length = xdplb_register_to_sockaddr(family, self->service_address, port, &own);

	if (!bind(fd, (const struct sockaddr *)&own, length))
		return 0;
	if (errno != EADDRNOTAVAIL)
		return -errno;
	xdplb_register_to_sockaddr(family, any, port, &own);
	return bind(fd, (const struct sockaddr *)&own, length) ? -errno : 0;
}

/*
 * For a listener that has no UDP socket of its own, as one of TCP: a UDP socket
 * on the same port number, which receives from the balancer alone. Returns a
 * descriptor, to be closed with close(); -EADDRINUSE: another process has that
 * UDP port; -ENETUNREACH and its like: no way to the service's address.
 */
static inline int xdplb_register_socket(const struct xdplb_register *self)
{
	int family = xdplb_register_family(self), fd = socket(family, SOCK_DGRAM, 0), err;
	struct sockaddr_storage to;
	socklen_t length = xdplb_register_balancer(self, family, &to);

	if (fd < 0)
		return -errno;
	err = fcntl(fd, F_SETFD, FD_CLOEXEC) ? -errno : 0;
	if (!err)
		err = xdplb_register_bind(self, family, fd, self->listener_port);
	if (!err && connect(fd, (const struct sockaddr *)&to, length))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* ---- messages ----------------------------------------------------------------------- */

/*
 * The next counter, which each message needs: greater than all before, also those
 * of an earlier process, as long as the machine's clock does not go back.
 */
static inline uint64_t xdplb_register_next(struct xdplb_register *self)
{
	struct timespec now;
	uint64_t nanoseconds;

	clock_gettime(CLOCK_REALTIME, &now);
	nanoseconds = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	self->counter = nanoseconds > self->counter ? nanoseconds : self->counter + 1;
	return self->counter;
}

/* The tag that belongs to a message, which may be an answer. */
static inline void xdplb_register_tag(const struct xdplb_register *self, const uint8_t *message,
				      uint8_t tag[8])
{
	uint64_t hash = 0;

	if (self->has_key)
		hash = xdplb_register_siphash(self->key, message, XDPLB_REGISTER_TAGGED);
	for (int i = 0; i < 8; i++, hash >>= 8)
		tag[i] = (uint8_t)hash;
}

/*
 * Writes a message with self's present counter; the functions below do all that
 * is needed, this one is for those who send it on a way of their own. `type` is
 * XDPLB_REGISTER_REGISTER, with a weight from 1 to 65535, or
 * XDPLB_REGISTER_GOODBYE, where weight means nothing. -EINVAL: one of them is
 * not like that, or the lifetime is 0.
 */
static inline int xdplb_register_message(const struct xdplb_register *self, int type,
					 unsigned int weight, unsigned int answer_port,
					 uint8_t out[XDPLB_REGISTER_BYTES])
{
	int is_goodbye = type == XDPLB_REGISTER_GOODBYE;
	struct xdplb_register_message message;

	if (!is_goodbye &&
	    (type != XDPLB_REGISTER_REGISTER || !weight || weight > 65535 || !self->lifetime))
		return -EINVAL;
	if (answer_port > 65535)
		return -EINVAL;
	memset(&message, 0, sizeof(message));
	memcpy(message.magic, "xdlb", 4);
	message.version = XDPLB_REGISTER_VERSION;
	message.type = (uint8_t)type;
	message.protocol = self->protocol;
	xdplb_register_put(message.service_port, 2, self->service_port);
	xdplb_register_put(message.listener_port, 2, self->listener_port);
	if (!is_goodbye) {
		xdplb_register_put(message.weight, 2, weight);
		xdplb_register_put(message.lifetime, 2, self->lifetime);
	}
	memcpy(message.service_address, self->service_address, 16);
	xdplb_register_put(message.counter, 8, self->counter);
	xdplb_register_put(message.answer_port, 2, answer_port);
	xdplb_register_tag(self, (const uint8_t *)&message, message.tag);
	memcpy(out, &message, sizeof(message));
	return 0;
}

/* Sends one from the listener's socket. */
static inline int xdplb_register_emit(struct xdplb_register *self, int fd, int type,
				      unsigned int weight)
{
	uint8_t message[XDPLB_REGISTER_BYTES], address[16];
	struct sockaddr_storage own, to;
	socklen_t length = sizeof(own);
	int err;

	memset(&own, 0, sizeof(own));
	if (getsockname(fd, (struct sockaddr *)&own, &length))
		return -errno;
	if (xdplb_register_from_sockaddr(&own, address) != self->listener_port)
		return -EINVAL;
	length = xdplb_register_balancer(self, own.ss_family, &to);
	if (!length)
		return -EAFNOSUPPORT;
	xdplb_register_next(self);
	err = xdplb_register_message(self, type, weight, self->answer_port, message);
	if (err)
		return err;
	if (sendto(fd, message, sizeof(message), MSG_DONTWAIT, (const struct sockaddr *)&to,
		   length) < 0)
		return -errno;
	return 0;
}

/*
 * Registers the listener, or renews that, or changes its weight, 1 to 65535 (its
 * share of what is new, against the weights of the service's other listeners).
 * `fd` is its own UDP socket. 0: the message is on its way. -EINVAL: a weight or
 * lifetime of 0, or fd is not bound to the listener's port; -EAFNOSUPPORT: the
 * service has an IPv6 address and fd is an IPv4 socket; else what sendto() says.
 * A connected fd may say -ECONNREFUSED of the message before: nobody was there.
 */
static inline int xdplb_register_send(struct xdplb_register *self, int fd, unsigned int weight)
{
	return xdplb_register_emit(self, fd, XDPLB_REGISTER_REGISTER, weight);
}

/*
 * Says goodbye: nothing new comes any more. Errors as above. Connections of a TCP
 * listener go on until its lifetime ends: serve them to their end before closing.
 */
static inline int xdplb_register_bye(struct xdplb_register *self, int fd)
{
	return xdplb_register_emit(self, fd, XDPLB_REGISTER_GOODBYE, 0);
}

/*
 * Whether a datagram, as recvfrom() gave it, is the balancer's answer to a message
 * of this listener, and no datagram of a client: 1 or 0. Only those get answers
 * who set answer_port. *counter, unless NULL, becomes that of the message that is
 * answered.
 */
static inline int xdplb_register_is_answer(const struct xdplb_register *self, const void *datagram,
					   size_t length, const struct sockaddr_storage *from,
					   uint64_t *counter)
{
	struct xdplb_register_message got, mine;
	uint8_t address[16], tag[8];

	if (length != sizeof(got) ||
	    xdplb_register_from_sockaddr(from, address) != self->registration_port ||
	    memcmp(address, self->service_address, sizeof(address)))
		return 0;
	memcpy(&got, datagram, sizeof(got));
	if (got.type != (XDPLB_REGISTER_ANSWER | XDPLB_REGISTER_REGISTER) &&
	    got.type != (XDPLB_REGISTER_ANSWER | XDPLB_REGISTER_GOODBYE))
		return 0;
	xdplb_register_message(self, XDPLB_REGISTER_GOODBYE, 0, 0, (uint8_t *)&mine);
	mine.type = got.type;
	/* All up to the listener's port, and the service's address. */
	if (memcmp(&got, &mine, offsetof(struct xdplb_register_message, weight)) ||
	    memcmp(got.service_address, mine.service_address, sizeof(got.service_address)))
		return 0;
	xdplb_register_tag(self, (const uint8_t *)&got, tag);
	if (memcmp(got.tag, tag, sizeof(tag)))
		return 0;
	if (counter)
		*counter = xdplb_register_get(got.counter, sizeof(got.counter));
	return 1;
}

#endif
