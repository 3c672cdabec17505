// SPDX-License-Identifier: GPL-2.0-only
#include "prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "error.h"
#include "words.h"

static int bits_of(int family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* The bits of word `word` that belong to a network of this length. */
static __be32 mask_of(int length, int word)
{
	int bits = length - 32 * word;

	if (bits >= 32)
		return ~0U;
	return bits > 0 ? htonl(~0U << (32 - bits)) : 0;
}

struct prefix prefix_of(const __be32 addr[4])
{
	struct prefix prefix = { .family = address_family(addr) };

	prefix.length = bits_of(prefix.family);
	memcpy(prefix.addr, addr, sizeof(prefix.addr));
	return prefix;
}

bool prefix_is_address(const struct prefix *prefix)
{
	return prefix->length == bits_of(prefix->family);
}

bool prefix_has(const struct prefix *prefix, const __be32 addr[4])
{
	if (prefix->family != address_family(addr))
		return false;
	for (int i = 0; i < 4; i++)
		if ((addr[i] & mask_of(prefix->length, i)) != prefix->addr[i])
			return false;
	return true;
}

int prefix_order(const void *a, const void *b)
{
	const struct prefix *one = a, *other = b;
	int order = memcmp(one->addr, other->addr, sizeof(one->addr));

	if (order)
		return order;
	return one->family != other->family ? one->family - other->family :
					      one->length - other->length;
}

const char *prefix_text(const struct prefix *prefix, char *text)
{
	size_t length;

	inet_ntop(prefix->family, prefix->addr, text, PREFIX_TEXT);
	length = strlen(text);
	if (!prefix_is_address(prefix))
		snprintf(text + length, PREFIX_TEXT - length, "/%u", prefix->length);
	return text;
}

/* Of a network the address may be one that is no host's: 2001:db8::/32. */
static int network_read(const char *text, struct prefix *prefix)
{
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(prefix->family, text, prefix->addr) == 1)
		return 0;
	return fail(EINVAL, "%s: a network is written as in 192.0.2.0/24 or 2001:db8::/48", text);
}

static int bits_check(const char *text, const struct prefix *prefix)
{
	struct prefix network = *prefix;
	char right[PREFIX_TEXT];

	for (int i = 0; i < 4; i++)
		network.addr[i] &= mask_of(prefix->length, i);
	if (same_address(network.addr, prefix->addr))
		return 0;
	return fail(EINVAL, "%s: no network's address; it is in %s", text,
		    prefix_text(&network, right));
}

int parse_prefix(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char word[WORD];
	long length = 0;
	int err;

	if (!slash) {
		err = parse_address(text, prefix->addr);
		*prefix = prefix_of(prefix->addr);
		return err;
	}
	if (word_copy(word, text, slash - text))
		return fail(EINVAL, "%s: too long for a network", text);
	err = network_read(word, prefix);
	if (!err)
		err = parse_number(slash + 1, "length of a network", 1, bits_of(prefix->family),
				   &length);
	prefix->length = length;
	return err ? err : bits_check(text, prefix);
}
