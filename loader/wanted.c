// SPDX-License-Identifier: GPL-2.0-only
#include "wanted.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "names.h"

#define WORD 128 /* longer than any address, option or number */

/* Copies the first `length` bytes of a word; -EINVAL when no word is that long. */
static int word_copy(char *word, const char *text, size_t length)
{
	if (length >= WORD)
		return -EINVAL;
	memcpy(word, text, length);
	word[length] = '\0';
	return 0;
}

int parse_number(const char *text, const char *what, long min, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || *number < min ||
	    *number > max)
		return fail(EINVAL, "%s %s: a number from %ld to %ld is expected", what, text, min,
			    max);
	return 0;
}

/* The first `length` bytes are an IPv6 address, in brackets or not. */
static bool is_ipv6(const char *text, size_t length)
{
	struct in6_addr addr;
	char word[WORD];
	const char *close;

	if (length && text[0] == '[') {
		text++;
		close = memchr(text, ']', length - 1);
		if (!close)
			return false;
		length = close - text;
	}
	return !word_copy(word, text, length) && inet_pton(AF_INET6, word, &addr) == 1;
}

int parse_address(const char *text, __be32 addr[4])
{
	__u8 first;

	memset(addr, 0, 4 * sizeof(*addr));
	if (inet_pton(AF_INET, text, &addr[0]) != 1) {
		if (is_ipv6(text, strlen(text)))
			return fail(EINVAL, "%s: IPv6 is not in this version yet", text);
		return fail(EINVAL, "%s: not an IPv4 address such as 192.0.2.10", text);
	}
	first = ntohl(addr[0]) >> 24;
	if (first == 0 || first == 127 || first >= 224)
		return fail(EINVAL, "%s: not the address of a host on a network", text);
	return 0;
}

/* Splits ADDR[:PORT] of `length` bytes; *port is 0 when it is left out. */
static int parse_endpoint(const char *text, size_t length, __be32 addr[4], __be16 *port)
{
	char word[WORD], *colon;
	long number = 0;
	int err;

	if (is_ipv6(text, length))
		return fail(EINVAL, "%s: IPv6 is not in this version yet", text);
	if (word_copy(word, text, length))
		return fail(EINVAL, "%s: too long for ADDR[:PORT]", text);
	colon = strchr(word, ':');
	if (colon) {
		*colon = '\0';
		err = parse_number(colon + 1, "port", 1, 65535, &number);
		if (err)
			return err;
	}
	*port = htons(number);
	return parse_address(word, addr);
}

int parse_service(const char *text, struct service_address *service)
{
	const char *slash = strchr(text, '/');
	const char *proto = slash ? slash + 1 : "tcp";
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	int err;

	memset(service, 0, sizeof(*service));
	if (!strcmp(proto, "tcp"))
		service->proto = IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		service->proto = IPPROTO_UDP;
	else
		return fail(EINVAL, "%s: the protocol is tcp or udp, as in 192.0.2.10:80/tcp",
			    text);
	if (length >= 2 && !strncmp(text + length - 2, ":*", 2))
		return fail(EINVAL, "%s: a service of every port is not in this version yet", text);
	err = parse_endpoint(text, length, service->addr, &service->port);
	if (!err && !service->port)
		return fail(EINVAL, "%s: a service has a port, as in 192.0.2.10:80/tcp", text);
	return err;
}

bool mac_given(const __u8 mac[6])
{
	static const __u8 none[6];

	return memcmp(mac, none, sizeof(none));
}

/* Six numbers of one or two hexadecimal digits with colons between. */
static bool mac_digits(const char *text, __u8 mac[6])
{
	for (int i = 0; i < 6; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");

		if (digits < 1 || digits > 2 || text[digits] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = strtoul(text, NULL, 16);
		text += digits + 1;
	}
	return true;
}

static int parse_mac(const char *text, __u8 mac[6])
{
	if (!mac_digits(text, mac) || mac[0] & 1 || !mac_given(mac))
		return fail(EINVAL, "mac=%s: a station's MAC such as 02:00:00:00:00:01 is expected",
			    text);
	return 0;
}

static int parse_backend_option(const char *option, struct wanted_backend *backend)
{
	long weight;
	int state, err;

	if (!strncmp(option, "weight=", 7)) {
		err = parse_number(option + 7, "weight", 1, XDPLB_WEIGHT_MAX, &weight);
		if (!err)
			backend->weight = weight;
		return err;
	}
	if (!strncmp(option, "state=", 6)) {
		state = state_number(option + 6);
		if (state > 0)
			backend->state = state;
		return state < 0 ? state : 0;
	}
	if (!strncmp(option, "mac=", 4))
		return parse_mac(option + 4, backend->mac);
	return fail(EINVAL, "%s: a backend's options are weight=, state= and mac=", option);
}

int parse_backend(const char *text, const struct service_address *service,
		  struct wanted_backend *backend)
{
	size_t length = strcspn(text, ",");
	const char *whole = text;
	char option[WORD];
	int err;

	memset(backend, 0, sizeof(*backend));
	backend->weight = 1;
	backend->state = XDPLB_UP;
	if (memchr(text, '/', length))
		return fail(EINVAL, "%s: not a backend such as 10.0.0.1:8080,weight=2", text);
	err = parse_endpoint(text, length, backend->addr, &backend->port);
	if (err)
		return err;
	if (!backend->port)
		backend->port = service->port;
	for (text += length; *text == ','; text += length) {
		text++;
		length = strcspn(text, ",");
		if (!length)
			return fail(EINVAL,
				    "%s: empty after a comma; a backend's options are weight=, "
				    "state= and mac=",
				    whole);
		if (word_copy(option, text, length))
			return fail(EINVAL, "%s: too long for an option of a backend", text);
		err = parse_backend_option(option, backend);
		if (err)
			return err;
	}
	return 0;
}

const char *mac_text(const __u8 mac[6], char *text)
{
	snprintf(text, BACKEND_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

const char *address_text(const __be32 addr[4], char *text)
{
	inet_ntop(AF_INET, &addr[0], text, BACKEND_TEXT);
	return text;
}

const char *backend_text(const __be32 addr[4], __be16 port, char *text)
{
	size_t length = strlen(address_text(addr, text));

	snprintf(text + length, BACKEND_TEXT - length, ":%u", ntohs(port));
	return text;
}

const char *service_text(const struct service_address *service, char *text)
{
	size_t length = strlen(backend_text(service->addr, service->port, text));

	snprintf(text + length, SERVICE_TEXT - length, "/%s", proto_name(service->proto));
	return text;
}

static bool same_backend(const struct wanted_backend *a, const struct wanted_backend *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static int compare_backends(const void *a, const void *b)
{
	const struct wanted_backend *x = a, *y = b;
	int order = memcmp(x->addr, y->addr, sizeof(x->addr));

	return order ? order : memcmp(&x->port, &y->port, sizeof(x->port));
}

static int check_twice(const struct wanted_service *wanted)
{
	size_t size = wanted->backends * sizeof(*wanted->backend);
	struct wanted_backend *sorted = malloc(size ? size : 1);
	char text[BACKEND_TEXT];
	int err = 0;

	if (!sorted)
		return fail(ENOMEM, "no memory for %d backends", wanted->backends);
	if (size)
		memcpy(sorted, wanted->backend, size);
	qsort(sorted, wanted->backends, sizeof(*sorted), compare_backends);
	for (int i = 1; i < wanted->backends && !err; i++)
		if (same_backend(&sorted[i - 1], &sorted[i]))
			err = fail(EEXIST, "backend %s is given twice: once is right",
				   backend_text(sorted[i].addr, sorted[i].port, text));
	free(sorted);
	return err;
}

int wanted_check(const struct wanted_service *wanted)
{
	char text[BACKEND_TEXT];

	if (wanted->backends > XDPLB_SET_BACKENDS_MAX)
		return fail(E2BIG, "%d backends: a service has at most %d", wanted->backends,
			    XDPLB_SET_BACKENDS_MAX);
	for (int i = 0; i < wanted->backends; i++)
		if (wanted->backend[i].port == wanted->at.port &&
		    !memcmp(wanted->backend[i].addr, wanted->at.addr, sizeof(wanted->at.addr)))
			return fail(EINVAL,
				    "backend %s is the service itself: another address or port is "
				    "needed",
				    backend_text(wanted->at.addr, wanted->at.port, text));
	for (int i = 0; i < wanted->snats; i++)
		for (int j = 0; j < i; j++)
			if (!memcmp(wanted->snat[i], wanted->snat[j], sizeof(wanted->snat[i])))
				return fail(EEXIST, "--snat %s is given twice: once is right",
					    address_text(wanted->snat[i], text));
	return check_twice(wanted);
}

void wanted_free(struct wanted_service *wanted)
{
	free(wanted->backend);
	wanted->backend = NULL;
	wanted->backends = 0;
}
