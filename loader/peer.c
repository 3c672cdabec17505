// SPDX-License-Identifier: GPL-2.0-only
#include "peer.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "spaces.h"

static int read_number(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == NETNSA_NSID)
		*(int *)context = (int)mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int read_space(const struct nlmsghdr *message, void *context)
{
	return mnl_attr_parse(message, sizeof(struct rtgenmsg), read_number, context);
}

/* The number that this namespace has for another, -1: none. */
static int space_number(int space)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *header;
	int number = -1;

	request->nlmsg_type = RTM_GETNSID;
	request->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(request, NETNSA_FD, space);
	return netlink_ask(NETLINK_ROUTE, request, read_space, &number) ? -1 : number;
}

/* A search: what is looked for, and where it goes. */
struct search {
	const struct link *link;
	struct peer *peer;
	bool found;
};

/* In the namespace that the process is in. */
static bool peer_read(void *context)
{
	const struct search *search = context;
	struct peer *peer = search->peer;

	return if_indextoname(search->link->peer, peer->name) &&
	       !offloads_here(peer->name, &peer->offloads);
}

static bool peer_look(int space, const char *path, void *context)
{
	struct search *search = context;

	if (space_number(space) != search->link->peer_space)
		return true;
	snprintf(search->peer->space, sizeof(search->peer->space), "%s", path);
	search->found = space_do(space, peer_read, search);
	return false;
}

bool peer_find(const struct link *link, struct peer *peer)
{
	struct search search = { .link = link, .peer = peer };

	memset(peer, 0, sizeof(*peer));
	if (!link || !link->veth || !link->peer)
		return false;
	if (link->peer_space < 0)
		return peer_read(&search);
	spaces_each(peer_look, &search);
	return search.found;
}

const char *peer_enter(const struct peer *peer, char text[PEER_ENTER])
{
	text[0] = '\0';
	if (peer->space[0])
		snprintf(text, PEER_ENTER, "nsenter --net=%s ", peer->space);
	return text;
}
