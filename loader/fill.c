// SPDX-License-Identifier: GPL-2.0-only
#include "fill.h"

void fill_count(const struct balancer *balancer, const struct flow_counts *flows, struct fill *fill)
{
	*fill = (struct fill){
		.flows = flows->entries,
		.room = balancer->entries[MAP_FLOWS] * XDPLB_WAYS,
	};
	for (__u32 id = 1; id < XDPLB_SERVICES; id++)
		fill->services += balancer->services[id].proto && service_set(balancer, id);
	for (__u32 id = 1; id < XDPLB_BACKENDS; id++)
		fill->backends += balancer->backends[id].flags && balancer->backends[id].port;
}
