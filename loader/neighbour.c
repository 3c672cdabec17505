// SPDX-License-Identifier: GPL-2.0-only
#include "neighbour.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define REPLY_BYTES 32768 /* a dump comes in pieces of at most this */

/* Sends a request and hands the replies to `on_reply`. 0 or a negative errno. */
static int talk(struct nlmsghdr *request, mnl_cb_t on_reply, void *context)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	char buffer[REPLY_BYTES];
	int err = 0, got, more;

	if (!socket)
		return -errno;
	request->nlmsg_seq = time(NULL);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) {
		err = -errno;
		goto out;
	}
	do {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		more = got < 0 ? got :
				 mnl_cb_run(buffer, got, request->nlmsg_seq,
					    mnl_socket_get_portid(socket), on_reply, context);
	} while (more > 0 && request->nlmsg_flags & NLM_F_DUMP);
	if (more < 0)
		err = -errno;
out:
	mnl_socket_close(socket);
	return err;
}

static int read_attribute(const struct nlattr *attribute, void *context)
{
	struct next_hop *hop = context;

	switch (mnl_attr_get_type(attribute)) {
	case RTA_GATEWAY:
		hop->addr = mnl_attr_get_u32(attribute);
		break;
	case RTA_PREFSRC:
		hop->source = mnl_attr_get_u32(attribute);
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

int route_get(__be32 to, struct next_hop *hop)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	memset(hop, 0, sizeof(*hop));
	hop->addr = to;
	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = AF_INET;
	route->rtm_dst_len = 32;
	mnl_attr_put_u32(request, RTA_DST, to);
	return talk(request, read_route, hop);
}

static struct nlmsghdr *neighbour_request(char *buffer, __u16 type, __u16 flags,
					  const struct next_hop *hop, struct ndmsg **entry)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	*entry = mnl_nlmsg_put_extra_header(request, sizeof(**entry));
	(*entry)->ndm_family = AF_INET;
	(*entry)->ndm_ifindex = hop->ifindex;
	mnl_attr_put_u32(request, NDA_DST, hop->addr);
	return request;
}

static int read_state(const struct nlmsghdr *message, void *context)
{
	const struct ndmsg *entry = mnl_nlmsg_get_payload(message);

	*(__u16 *)context = entry->ndm_state;
	return MNL_CB_OK;
}

static __u16 neighbour_state(const struct next_hop *hop)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;
	__u16 state = 0;

	request = neighbour_request(buffer, RTM_GETNEIGH, 0, hop, &entry);
	return talk(request, read_state, &state) ? 0 : state;
}

bool neighbour_known(const struct next_hop *hop)
{
	return neighbour_state(hop) &
	       (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
}

int neighbour_keep(const struct next_hop *hop, const __u8 *mac)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;

	if (!mac && neighbour_state(hop) & (NUD_PERMANENT | NUD_NOARP))
		return 0; /* somebody has set it, or the interface needs none */
	request = neighbour_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
				    hop, &entry);
	if (mac) {
		entry->ndm_state = NUD_PERMANENT;
		mnl_attr_put(request, NDA_LLADDR, 6, mac);
	} else {
		mnl_attr_put_u32(request, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	}
	return talk(request, NULL, NULL);
}

int neighbour_release(const struct next_hop *hop)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;

	if (neighbour_state(hop) & (NUD_PERMANENT | NUD_NOARP) || !neighbour_known(hop))
		return 0;
	/* NTF_USE keeps its state, and not being managed takes that away. */
	request = neighbour_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE, hop, &entry);
	entry->ndm_flags = NTF_USE;
	return talk(request, NULL, NULL);
}

int neighbour_forget(const struct next_hop *hop)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct ndmsg *entry;

	return talk(neighbour_request(buffer, RTM_DELNEIGH, NLM_F_ACK, hop, &entry), NULL, NULL);
}

struct links {
	struct xdp_link *link;
	int count;
	int max;
	bool xdp; /* the one that is being read has a program */
};

static int read_link_kind(const struct nlattr *attribute, void *context)
{
	struct links *links = context;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		links->link[links->count].veth = !strcmp(mnl_attr_get_str(attribute), "veth");
	return MNL_CB_OK;
}

static int read_link_xdp(const struct nlattr *attribute, void *context)
{
	struct links *links = context;

	if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED)
		links->xdp = mnl_attr_get_u8(attribute) != XDP_ATTACHED_NONE;
	return MNL_CB_OK;
}

static int read_link_attribute(const struct nlattr *attribute, void *context)
{
	struct links *links = context;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(links->link->mac))
			memcpy(links->link[links->count].mac, mnl_attr_get_payload(attribute),
			       sizeof(links->link->mac));
		return MNL_CB_OK;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attribute, read_link_kind, context);
	case IFLA_XDP:
		return mnl_attr_parse_nested(attribute, read_link_xdp, context);
	default:
		return MNL_CB_OK;
	}
}

static int read_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct links *links = context;

	if (links->count == links->max)
		return MNL_CB_OK;
	links->xdp = false;
	links->link[links->count] = (struct xdp_link){ .ifindex = info->ifi_index };
	mnl_attr_parse(message, sizeof(*info), read_link_attribute, links);
	links->count += links->xdp;
	return MNL_CB_OK;
}

int links_with_xdp(struct xdp_link *link, int max)
{
	char buffer[MNL_NLMSG_HDRLEN + 256] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct links links = { .link = link, .max = max };
	struct ifinfomsg *info;
	int err;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	err = talk(request, read_link, &links);
	return err ? err : links.count;
}
