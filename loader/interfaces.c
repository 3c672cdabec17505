// SPDX-License-Identifier: GPL-2.0-only
#include "interfaces.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define TAGS_MAX 2 /* that the program reads */

const struct link *link_find(const struct link *links, int count, __u32 ifindex)
{
	for (int i = 0; i < count; i++)
		if (links[i].ifindex == ifindex)
			return &links[i];
	return NULL;
}

/* How the program sends out by `out`, in the name of `link`. */
static void interface_set(struct xdplb_interface *entry, const struct link *link,
			  const struct link *out, __u16 vlan)
{
	entry->ifindex = link->ifindex;
	entry->out = out->veth ? out->ifindex | XDPLB_OUT_REDIRECT : out->ifindex;
	entry->mtu = link->mtu < 65535 ? link->mtu : 65535;
	entry->vlan = htons(vlan);
	memcpy(entry->mac, link->mac, sizeof(entry->mac));
}

const struct link *link_below(const struct link *links, int count, const struct link *link,
			      int *tags)
{
	*tags = 0;
	while (link && link->vlan && !link->xdp && ++*tags <= TAGS_MAX)
		link = link_find(links, count, link->lower);
	return link;
}

int interfaces_of(const struct link *links, int count,
		  struct xdplb_interface table[XDPLB_INTERFACES])
{
	int n = 0, tags;

	memset(table, 0, XDPLB_INTERFACES * sizeof(*table));
	for (int i = 0; i < count; i++) {
		if (!links[i].xdp)
			continue;
		if (n < XDPLB_INTERFACES)
			interface_set(&table[n], &links[i], &links[i], 0);
		n++;
	}
	for (int i = 0; i < count; i++) {
		const struct link *below = link_below(links, count, &links[i], &tags);

		/* The program sets one tag's id; two stay as they are. */
		if (!below || !below->xdp || !tags || tags > TAGS_MAX)
			continue;
		if (n < XDPLB_INTERFACES)
			interface_set(&table[n], &links[i], below, tags == 1 ? links[i].vlan : 0);
		n++;
	}
	return n;
}
