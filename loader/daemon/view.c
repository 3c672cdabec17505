// SPDX-License-Identifier: GPL-2.0-only
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Most are in the place `first`: the file's order is that in which services were made. */
static const struct watched_service *service_of(const struct daemon *daemon,
						const struct service_address *at, __u32 first)
{
	for (int i = 0; i < daemon->services; i++) {
		const struct watched_service *service =
			daemon->service[(first + i) % daemon->services];

		if (!service->gone && !service_order(&service->at, at))
			return service;
	}
	return NULL;
}

static const struct watched_backend *backend_of(const struct watched_service *service,
						const struct backend_counts *counts, __u32 first)
{
	for (int i = 0; i < service->backends; i++) {
		const struct watched_backend *backend =
			service->backend[(first + i) % service->backends];

		if (backend->place.port == counts->port &&
		    same_address(backend->place.addr, counts->addr))
			return backend;
	}
	return NULL;
}

int view_make(struct view *view, const struct daemon *daemon, const struct sample *sample)
{
	const struct all_counts *all = &sample->counts;

	*view = (struct view){ .daemon = daemon, .sample = sample };
	view->service = calloc(all->services + 1, sizeof(struct watched_service *));
	view->backend = calloc(all->backends + 1, sizeof(struct watched_backend *));
	if (!view->service || !view->backend) {
		view_free(view);
		return -ENOMEM;
	}
	for (__u32 i = 0; i < all->services; i++) {
		const struct service_counts *service = &all->service[i];

		view->service[i] = service_of(daemon, &service->at, i);
		for (__u32 j = 0; view->service[i] && j < service->backends; j++)
			view->backend[service->first + j] =
				backend_of(view->service[i], &all->backend[service->first + j], j);
	}
	return 0;
}

void view_free(struct view *view)
{
	free(view->service);
	free(view->backend);
	view->service = NULL;
	view->backend = NULL;
}

bool view_is_checked(const struct watched_backend *backend)
{
	return backend && !backend->fallback && backend->options->type != CHECK_OFF;
}

int view_wanted(const struct watched_service *service)
{
	int wanted = 0;

	for (int i = 0; i < service->backends; i++) {
		__u8 own = own_state(&service->backend[i]->place);

		wanted +=
			!service->backend[i]->fallback && (own == XDPLB_UP || own == XDPLB_BACKUP);
	}
	return wanted;
}
