// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

struct reading {
	struct link *links;
	int count;
	bool vlan; /* the kind of the one that is being read */
	int space; /* where the one is that it stands on: of another network namespace, -1: here */
};

static struct link *current(struct reading *reading)
{
	return &reading->links[reading->count];
}

static int read_vlan(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == IFLA_VLAN_ID)
		current(context)->vlan = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int read_kind(const struct nlattr *attribute, void *context)
{
	struct reading *reading = context;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_INFO_KIND:
		current(reading)->veth = !strcmp(mnl_attr_get_str(attribute), "veth");
		reading->vlan = !strcmp(mnl_attr_get_str(attribute), "vlan");
		return MNL_CB_OK;
	case IFLA_INFO_DATA: /* comes behind the kind */
		return reading->vlan ? mnl_attr_parse_nested(attribute, read_vlan, context) :
				       MNL_CB_OK;
	default:
		return MNL_CB_OK;
	}
}

static int read_xdp(const struct nlattr *attribute, void *context)
{
	struct reading *reading = context;

	if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED)
		current(reading)->xdp = mnl_attr_get_u8(attribute) != XDP_ATTACHED_NONE;
	if (mnl_attr_get_type(attribute) == IFLA_XDP_PROG_ID)
		current(reading)->program = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int read_attribute(const struct nlattr *attribute, void *context)
{
	struct reading *reading = context;
	struct link *link = current(reading);

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(link->mac))
			memcpy(link->mac, mnl_attr_get_payload(attribute), sizeof(link->mac));
		return MNL_CB_OK;
	case IFLA_MTU:
		link->mtu = mnl_attr_get_u32(attribute);
		return MNL_CB_OK;
	case IFLA_LINK:
		link->lower = mnl_attr_get_u32(attribute);
		return MNL_CB_OK;
	case IFLA_MASTER:
		link->master = mnl_attr_get_u32(attribute);
		return MNL_CB_OK;
	case IFLA_LINK_NETNSID:
		reading->space = (int)mnl_attr_get_u32(attribute);
		return MNL_CB_OK;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attribute, read_kind, context);
	case IFLA_XDP:
		return mnl_attr_parse_nested(attribute, read_xdp, context);
	default:
		return MNL_CB_OK;
	}
}

static int read_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct reading *reading = context;
	struct link *more, *link;

	more = realloc(reading->links, (reading->count + 1) * sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	reading->links = more;
	reading->vlan = false;
	reading->space = -1;
	link = current(reading);
	*link = (struct link){ .ifindex = info->ifi_index };
	mnl_attr_parse(message, sizeof(*info), read_attribute, reading);
	link->peer = link->veth ? link->lower : 0;
	link->peer_space = reading->space;
	if (link->veth || reading->space >= 0)
		link->lower = 0;
	reading->count++;
	return MNL_CB_OK;
}

int links_read(struct link **links)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct reading reading = {};
	struct ifinfomsg *info;
	int err;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	err = netlink_ask(NETLINK_ROUTE, request, read_link, &reading);
	*links = reading.links;
	return err ? err : reading.count;
}
