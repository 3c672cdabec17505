// SPDX-License-Identifier: GPL-2.0-only
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "address.h"
#include "netlink.h"

/* A gateway of another family than the route's (RFC 5549). */
static void read_via(const struct nlattr *attribute, struct next_hop *hop)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);

	netlink_get_address(via->rtvia_addr, mnl_attr_get_payload_len(attribute) - sizeof(*via),
			    hop->addr);
}

static int read_attribute(const struct nlattr *attribute, void *context)
{
	const void *payload = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);
	struct next_hop *hop = context;

	switch (mnl_attr_get_type(attribute)) {
	case RTA_GATEWAY:
		netlink_get_address(payload, length, hop->addr);
		break;
	case RTA_VIA:
		read_via(attribute, hop);
		break;
	case RTA_PREFSRC:
		netlink_get_address(payload, length, hop->source);
		break;
	case RTA_OIF:
		hop->ifindex = mnl_attr_get_u32(attribute);
		break;
	}
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct next_hop *hop = context;

	hop->local = route->rtm_type == RTN_LOCAL;
	if (!hop->local && route->rtm_type != RTN_UNICAST) {
		errno = EHOSTUNREACH;
		return MNL_CB_ERROR;
	}
	return mnl_attr_parse(message, sizeof(*route), read_attribute, hop);
}

int route_get(const __be32 to[4], struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	memset(hop, 0, sizeof(*hop));
	memcpy(hop->addr, to, sizeof(hop->addr));
	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = address_family(to);
	route->rtm_dst_len = xdplb_is_ipv6(to) ? 128 : 32;
	netlink_put_address(request, RTA_DST, to);
	return netlink_ask(NETLINK_ROUTE, request, read_route, hop);
}
