// SPDX-License-Identifier: GPL-2.0-only
#include "neighbour.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "address.h"
#include "netlink.h"

static struct nlmsghdr *neighbour_request(char *buffer, __u16 type, __u16 flags,
					  const struct next_hop *hop, struct ndmsg **entry)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	*entry = mnl_nlmsg_put_extra_header(request, sizeof(**entry));
	(*entry)->ndm_family = address_family(hop->addr);
	(*entry)->ndm_ifindex = hop->ifindex;
	netlink_put_address(request, NDA_DST, hop->addr);
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
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;
	__u16 state = 0;

	request = neighbour_request(buffer, RTM_GETNEIGH, 0, hop, &entry);
	return netlink_ask(NETLINK_ROUTE, request, read_state, &state) ? 0 : state;
}

bool neighbour_known(const struct next_hop *hop)
{
	return neighbour_state(hop) &
	       (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY);
}

int neighbour_keep(const struct next_hop *hop, const __u8 *mac)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
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
	return netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
}

int neighbour_release(const struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;

	if (neighbour_state(hop) & (NUD_PERMANENT | NUD_NOARP) || !neighbour_known(hop))
		return 0;
	/* NTF_USE keeps its state, and not being managed takes that away. */
	request = neighbour_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE, hop, &entry);
	entry->ndm_flags = NTF_USE;
	return netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
}

int neighbour_forget(const struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct ndmsg *entry;

	return netlink_ask(NETLINK_ROUTE,
			   neighbour_request(buffer, RTM_DELNEIGH, NLM_F_ACK, hop, &entry), NULL,
			   NULL);
}
