// SPDX-License-Identifier: GPL-2.0-only
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

#define OWN_SPACE "/proc/self/ns/net"

/* Named ones, and those of processes. */
static const char *const places[] = { "/run/netns/*", "/proc/[1-9]*/ns/net" };

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

/* Opens the namespace with this number; -1: it is not found. */
static int space_open(int number, char path[PATH_MAX])
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		glob_t found;
		int fd = -1;

		if (glob(places[i], 0, NULL, &found))
			continue;
		for (size_t j = 0; fd < 0 && j < found.gl_pathc; j++) {
			fd = open(found.gl_pathv[j], O_RDONLY | O_CLOEXEC);
			if (fd < 0 || space_number(fd) == number) {
				snprintf(path, PATH_MAX, "%s", found.gl_pathv[j]);
				continue;
			}
			close(fd);
			fd = -1;
		}
		globfree(&found);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* In the namespace that the process is in. */
static bool peer_read(__u32 ifindex, struct peer *peer)
{
	return if_indextoname(ifindex, peer->name) && !offloads_here(peer->name, &peer->offloads);
}

/* Goes there, looks, and comes back. */
static bool peer_read_there(__u32 ifindex, int space, struct peer *peer)
{
	int own = open(OWN_SPACE, O_RDONLY | O_CLOEXEC);
	bool found;

	if (own < 0)
		return false;
	found = !setns(space, CLONE_NEWNET) && peer_read(ifindex, peer);
	if (setns(own, CLONE_NEWNET))
		found = false;
	close(own);
	return found;
}

bool peer_find(const struct link *link, struct peer *peer)
{
	bool found;
	int space;

	memset(peer, 0, sizeof(*peer));
	if (!link || !link->veth || !link->peer)
		return false;
	if (link->peer_space < 0)
		return peer_read(link->peer, peer);
	space = space_open(link->peer_space, peer->space);
	if (space < 0)
		return false;
	found = peer_read_there(link->peer, space, peer);
	close(space);
	return found;
}

const char *peer_enter(const struct peer *peer, char text[PEER_ENTER])
{
	text[0] = '\0';
	if (peer->space[0])
		snprintf(text, PEER_ENTER, "nsenter --net=%s ", peer->space);
	return text;
}
