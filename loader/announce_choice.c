// SPDX-License-Identifier: GPL-2.0-only
#include "announce_choice.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static int service_order(const void *a, const void *b)
{
	const struct announce_service *one = a, *other = b;

	return memcmp(one->addr, other->addr, sizeof(one->addr));
}

/* Whether what is healthy of `services` in all is enough. */
static bool is_enough(const struct announce_settings *settings, int healthy, int services)
{
	return settings->all ? healthy == services && services : healthy;
}

static bool prefix_is_wanted(const struct announce_settings *settings, const struct prefix *prefix,
			     const struct announce_service *service, int services)
{
	int in = 0, healthy = 0;

	for (int i = 0; i < services; i++) {
		if (!prefix_has(prefix, service[i].addr))
			continue;
		in++;
		healthy += service[i].healthy;
	}
	return is_enough(settings, healthy, in);
}

/* The services are sorted: those of an address lie together. */
static int addresses_choose(const struct announce_settings *settings,
			    const struct announce_service *service, int services,
			    struct prefix *prefix)
{
	int count = 0, end;

	for (int i = 0; i < services; i = end) {
		int healthy = 0;

		for (end = i; end < services && !service_order(&service[i], &service[end]); end++)
			healthy += service[end].healthy;
		if (is_enough(settings, healthy, end - i))
			prefix[count++] = prefix_of(service[i].addr);
	}
	return count;
}

int announce_choose(const struct announce_settings *settings, struct announce_service *service,
		    int services, struct prefix **prefix)
{
	int most = settings->prefixes ? settings->prefixes : services, count = 0;

	*prefix = calloc(most + 1, sizeof(**prefix));
	if (!*prefix)
		return fail(ENOMEM, "no memory for %d addresses to announce", most);
	if (!settings->prefixes) {
		qsort(service, services, sizeof(*service), service_order);
		return addresses_choose(settings, service, services, *prefix);
	}
	for (int i = 0; i < settings->prefixes; i++)
		if (prefix_is_wanted(settings, &settings->prefix[i], service, services))
			(*prefix)[count++] = settings->prefix[i];
	return count;
}
