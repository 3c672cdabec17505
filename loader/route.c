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

/* Asks for the route to an address, which is the next hop until the answer names another. */
static struct nlmsghdr *route_request(char *buffer, const __be32 to[4], struct next_hop *hop)
{
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
	return request;
}

int route_get(const __be32 to[4], struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};

	return netlink_ask(NETLINK_ROUTE, route_request(buffer, to, hop), read_route, hop);
}

struct routes {
	const char *to;
	size_t size;
	struct next_hop *hop;
	int *err;
};

static struct nlmsghdr *routes_write(char *buffer, __u32 i, void *context)
{
	const struct routes *routes = context;

	return route_request(buffer, (const __be32 *)(routes->to + i * routes->size),
			     &routes->hop[i]);
}

static void routes_read(__u32 i, const struct nlmsghdr *message, int err, void *context)
{
	const struct routes *routes = context;

	if (message && read_route(message, &routes->hop[i]) == MNL_CB_ERROR)
		err = -errno;
	routes->err[i] = err;
}

int routes_get(const __be32 *to, size_t size, __u32 count, struct next_hop *hop, int *err)
{
	struct routes routes = { .to = (const char *)to, .size = size, .hop = hop, .err = err };

	return netlink_ask_all(NETLINK_ROUTE, count, routes_write, routes_read, &routes);
}
