// SPDX-License-Identifier: GPL-2.0-only
#include "complete.h"

#include <string.h>

#include "defaults.h"

static void registration_complete(const struct wanted_registration *now,
				  struct wanted_registration *wanted)
{
	if (!wanted->given)
		wanted->mode = now->mode;
	if (!wanted->from_given)
		wanted->anywhere = now->anywhere;
	if (!wanted->key_given) {
		wanted->keyed = now->keyed;
		memcpy(wanted->key, now->key, sizeof(wanted->key));
	}
	if (wanted->mode)
		return;
	/* Whose listeners do not register keeps nothing of how they would. */
	wanted->anywhere = wanted->keyed = false;
	memset(wanted->key, 0, sizeof(wanted->key));
}

static void options_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	if (!wanted->scheduler)
		wanted->scheduler = now->scheduler ? now->scheduler : XDPLB_WRR;
	if (!wanted->forward)
		wanted->forward = now->forward ? now->forward : XDPLB_NAT;
	if (!wanted->affinity_given)
		wanted->affinity = now->affinity;
	if (!wanted->slow_given)
		wanted->slow_start = now->slow_start;
	if (!wanted->table_given)
		wanted->table = now->table;
	if (!wanted->udp)
		wanted->udp = now->udp;
	if (!wanted->window)
		wanted->window = now->window ? now->window : DEFAULT_WINDOW;
	registration_complete(&now->registration, &wanted->registration);
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		if (!wanted->timeout[i])
			wanted->timeout[i] = now->timeout[i] ? now->timeout[i] : default_timeout(i);
}

int wanted_complete(const struct wanted_service *now, struct wanted_service *wanted)
{
	options_complete(now, wanted);
	if (!wanted->snat_given && wanted->forward == now->forward) {
		wanted->snats = now->snats;
		memcpy(wanted->snat, now->snat, sizeof(wanted->snat));
	}
	return wanted_check(wanted);
}

static void backend_keep(const struct wanted_backend *now, struct wanted_backend *wanted)
{
	if (now->own_state && wanted->state == now->own_state && !wanted->forced) {
		wanted->state = now->state;
		wanted->own_state = now->own_state;
	}
	if (now->own_weight && wanted->weight == now->own_weight) {
		wanted->weight = now->weight;
		wanted->own_weight = now->own_weight;
	}
}

void own_keep(const struct wanted_service *now, struct wanted_service *wanted)
{
	for (int i = 0; i < wanted->backends; i++) {
		struct wanted_backend *backend = &wanted->backend[i];
		int index =
			backend->own_state || backend->own_weight ? -1 : wanted_index(now, backend);

		if (index >= 0)
			backend_keep(&now->backend[index], backend);
	}
}

static bool same_registration(const struct wanted_registration *a,
			      const struct wanted_registration *b)
{
	return a->mode == b->mode && a->keyed == b->keyed && a->anywhere == b->anywhere &&
	       !memcmp(a->key, b->key, sizeof(a->key));
}

/* How UDP is treated where nothing is said is not told from the same when it is said. */
static __u8 udp_of(const struct wanted_service *wanted)
{
	return wanted->udp == WANTED_UDP_EACH ? WANTED_UDP_AS_IT_IS : wanted->udp;
}

bool same_options(const struct wanted_service *a, const struct wanted_service *b)
{
	return a->scheduler == b->scheduler && a->forward == b->forward &&
	       a->affinity == b->affinity && udp_of(a) == udp_of(b) &&
	       a->slow_start == b->slow_start && a->window == b->window && a->table == b->table &&
	       a->snats == b->snats && !memcmp(a->snat, b->snat, a->snats * sizeof(*a->snat)) &&
	       !memcmp(a->timeout, b->timeout, sizeof(a->timeout)) &&
	       same_registration(&a->registration, &b->registration);
}

bool same_backend(const struct wanted_backend *a, const struct wanted_backend *b)
{
	return same_place(a, b) && a->weight == b->weight && a->state == b->state &&
	       a->own_state == b->own_state && a->own_weight == b->own_weight &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac));
}

bool another_order(const struct wanted_service *a, const struct wanted_service *b)
{
	if (a->backends != b->backends)
		return false;
	for (int i = 0; i < a->backends; i++)
		if (wanted_index(b, &a->backend[i]) < 0)
			return false;
	for (int i = 0; i < a->backends; i++)
		if (!same_place(&a->backend[i], &b->backend[i]))
			return true;
	return false;
}

bool same_service(const struct wanted_service *a, const struct wanted_service *b)
{
	if (!same_options(a, b) || a->backends != b->backends)
		return false;
	for (int i = 0; i < a->backends; i++)
		if (!same_backend(&a->backend[i], &b->backend[i]))
			return false;
	return true;
}
