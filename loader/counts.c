// SPDX-License-Identifier: GPL-2.0-only
#include "counts.h"

#include <stdlib.h>
#include <string.h>

void counts_add(struct counts *total, const struct counts *counts)
{
	total->packets += counts->packets;
	total->bytes += counts->bytes;
	total->reply_packets += counts->reply_packets;
	total->reply_bytes += counts->reply_bytes;
	total->new_flows += counts->new_flows;
	total->active += counts->active;
}

void counts_free(struct all_counts *all)
{
	free(all->service);
	free(all->backend);
	free(all->cpu);
	memset(all, 0, sizeof(*all));
}

const char *counts_backend_text(const struct service_counts *service,
				const struct backend_counts *backend, char *text)
{
	return backend_text(service->forward, backend->addr, backend->port, text);
}
