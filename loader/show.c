// SPDX-License-Identifier: GPL-2.0-only
#include "show.h"

#include <string.h>

#include "services.h"

void service_address_of(const struct xdplb_service *service, struct service_address *at)
{
	memcpy(at->addr, service->addr, sizeof(at->addr));
	at->port = service->port;
	at->proto = service->proto;
}

int show_open(struct options *options, struct balancer *balancer, __u32 *only)
{
	struct service_address at;
	int err = options->count ? parse_service(options->arguments[0], &at) : 0, id;

	*only = 0;
	if (!err)
		err = balancer_open(balancer, &options->choice, false);
	if (err || !options->count)
		return err;
	id = service_need(balancer, &at);
	if (id < 0)
		balancer_close(balancer);
	*only = id;
	return id < 0 ? id : 0;
}

bool show_service(const struct balancer *balancer, __u32 id, __u32 only)
{
	return only ? id == only : balancer->services[id].proto && service_set(balancer, id);
}
