// SPDX-License-Identifier: GPL-2.0-only
#include "services.h"

#include "change.h"
#include "daemon_lock.h"
#include "directory.h"
#include "error.h"
#include "sets.h"
#include "tables.h"

__u32 service_find(const struct balancer *balancer, const struct service_address *at)
{
	struct xdplb_directory_entry *entry =
		directory_find(balancer, XDPLB_KIND_SERVICE, at->addr, at->port, at->proto);
	__u32 id = entry ? entry->index : 0;

	return id && service_set(balancer, id) ? id : 0;
}

int service_need(const struct balancer *balancer, const struct service_address *at)
{
	char text[ADDRESS_TEXT];
	__u32 id = service_find(balancer, at);

	if (id)
		return id;
	return fail(ENOENT, "%s: no such service; see: xdplb-config list", service_text(at, text));
}

int service_apply(struct balancer *balancer, struct wanted_service *wanted)
{
	struct change change = {};
	struct wanted_service now;
	__u32 id = service_find(balancer, &wanted->at);
	int err = set_read(balancer, id, &now);

	if (!err && daemon_runs())
		own_keep(&now, wanted);
	if (!err)
		err = wanted_complete(&now, wanted);
	wanted_free(&now);
	if (!err)
		err = registration_port_check(balancer, balancer->config->registration_port,
					      wanted);
	if (!err)
		err = change_add(&change, wanted);
	if (!err)
		err = change_run(balancer, &change);
	change_free(&change);
	return err;
}

int services_remove(struct balancer *balancer, const bool *gone)
{
	struct change change = { .gone = gone };
	int err = change_run(balancer, &change);

	change_free(&change);
	return err;
}
