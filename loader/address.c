// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "error.h"
#include "words.h"

int address_family(const __be32 addr[4])
{
	return xdplb_is_ipv6(addr) ? AF_INET6 : AF_INET;
}

const char *family_name(const __be32 addr[4])
{
	return xdplb_is_ipv6(addr) ? "IPv6" : "IPv4";
}

/* Why an address cannot be a host's here, NULL: it can. */
static const char *unfit4(const __be32 addr[4])
{
	__u8 first = ntohl(addr[0]) >> 24;

	return first == 0 || first == 127 || first >= 224 ?
		       "not the address of a host on a network" :
		       NULL;
}

static const char *unfit6(const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		return "a link-local address means nothing without its interface: a global one or "
		       "one of fd00::/8 is expected";
	if (IN6_IS_ADDR_V4MAPPED(addr))
		return "an IPv4 address is written as in 192.0.2.10";
	if (IN6_IS_ADDR_UNSPECIFIED(addr) || IN6_IS_ADDR_LOOPBACK(addr) ||
	    IN6_IS_ADDR_MULTICAST(addr))
		return "not the address of a host on a network";
	if (!xdplb_is_ipv6(addr->s6_addr32))
		return "a subnet's anycast address, and not a host's";
	return NULL;
}

bool is_loopback(const __be32 addr[4])
{
	if (xdplb_is_ipv6(addr))
		return IN6_IS_ADDR_LOOPBACK(addr);
	return ntohl(addr[0]) >> 24 == 127;
}

/* What an address may be of. */
enum reach {
	OF_NETWORK, /* a host on a network */
	OF_MACHINE, /* or this machine for itself */
	OF_LISTENER, /* or all that this machine has */
};

static int address_read(const char *text, __be32 addr[4], enum reach reach)
{
	struct in6_addr addr6;
	const char *unfit;

	memset(addr, 0, 4 * sizeof(*addr));
	if (inet_pton(AF_INET6, text, &addr6) == 1) {
		unfit = unfit6(&addr6);
		memcpy(addr, &addr6, sizeof(addr6));
	} else if (inet_pton(AF_INET, text, &addr[0]) == 1) {
		unfit = unfit4(addr);
	} else {
		return fail(EINVAL,
			    "%s: not an IPv4 address such as 192.0.2.10, nor an IPv6 address such "
			    "as 2001:db8::10",
			    text);
	}
	if (!unfit || (reach >= OF_MACHINE && is_loopback(addr)) ||
	    (reach == OF_LISTENER && !is_address(addr)))
		return 0;
	return fail(EINVAL, "%s: %s", text, unfit);
}

int parse_address(const char *text, __be32 addr[4])
{
	return address_read(text, addr, OF_NETWORK);
}

/* [ADDR] or [ADDR]:PORT: cuts the address out. Returns the colon before the port, or the end. */
static char *brackets_cut(char *word, char **address)
{
	char *close = strchr(word, ']');
	struct in6_addr addr6;

	if (!close || (close[1] && close[1] != ':'))
		return NULL;
	*close = '\0';
	*address = word + 1;
	if (inet_pton(AF_INET6, *address, &addr6) == 1)
		return close + 1;
	*close = ']';
	return NULL;
}

/*
 * The colon before the port, or the end. What has more than one colon is an
 * IPv6 address, or means to be one, unless it begins with an IPv4 address.
 */
static char *colon_find(char *word)
{
	char *colon = strchr(word, ':'), *end = word + strlen(word);
	struct in_addr addr4;
	bool is_ipv4;

	if (!colon || !strchr(colon + 1, ':'))
		return colon ? colon : end;
	*colon = '\0';
	is_ipv4 = inet_pton(AF_INET, word, &addr4) == 1;
	*colon = ':';
	return is_ipv4 ? colon : end;
}

static int endpoint_read(const char *text, size_t length, __be32 addr[4], __be16 *port,
			 enum reach reach)
{
	char word[WORD], *address = word, *colon;
	long number = 0;
	int err;

	if (word_copy(word, text, length))
		return fail(EINVAL, "%s: too long for ADDR[:PORT]", text);
	colon = word[0] == '[' ? brackets_cut(word, &address) : colon_find(word);
	if (!colon)
		return fail(EINVAL,
			    "%s: an IPv6 address and port are written as in [2001:db8::10]:80",
			    word);
	if (*colon) {
		*colon = '\0';
		err = parse_number(colon + 1, "port", 1, 65535, &number);
		if (err)
			return err;
	}
	*port = htons(number);
	return address_read(address, addr, reach);
}

int parse_endpoint(const char *text, size_t length, __be32 addr[4], __be16 *port)
{
	return endpoint_read(text, length, addr, port, OF_NETWORK);
}

int parse_own_endpoint(const char *text, size_t length, __be32 addr[4], __be16 *port)
{
	return endpoint_read(text, length, addr, port, OF_MACHINE);
}

int parse_listen_endpoint(const char *text, __be32 addr[4], __be16 *port)
{
	return endpoint_read(text, strlen(text), addr, port, OF_LISTENER);
}

const char *address_text(const __be32 addr[4], char *text)
{
	inet_ntop(address_family(addr), addr, text, INET6_ADDRSTRLEN);
	return text;
}

const char *endpoint_text(const __be32 addr[4], __be16 port, char *text)
{
	bool brackets = xdplb_is_ipv6(addr);
	size_t length;

	text[0] = '[';
	address_text(addr, text + brackets);
	length = strlen(text);
	snprintf(text + length, ADDRESS_TEXT - length, "%s:%u", brackets ? "]" : "", ntohs(port));
	return text;
}
