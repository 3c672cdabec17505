// SPDX-License-Identifier: GPL-2.0-only
#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "netlink.h"

/* Of the kernel's <net/tcp_states.h>; an unconnected socket of UDP is a closed one. */
#define STATE_CLOSE 7
#define STATE_LISTEN 10

#define REPLY_BYTES 32768 /* a dump comes in pieces of at most this */

static __u8 state_wanted(__u8 proto)
{
	return proto == IPPROTO_TCP ? STATE_LISTEN : STATE_CLOSE;
}

/* An address ::ffff:a.b.c.d is one of IPv4, and its socket has no part in IPv6. */
static bool is_mapped(const struct listener *listener)
{
	return listener->ipv6 && !listener->addr[0] && !listener->addr[1] &&
	       listener->addr[2] == htonl(0xffff);
}

bool listener_takes(const struct listener *listener, const __be32 addr[4], __be16 port, __u8 proto)
{
	bool ipv6 = listener->ipv6, only = listener->ipv6_only;
	__be32 bound[4] = {};

	if (listener->port != port || listener->state != state_wanted(proto))
		return false;
	if (is_mapped(listener)) {
		ipv6 = false;
		bound[0] = listener->addr[3];
	} else {
		memcpy(bound, listener->addr, ipv6 ? 16 : 4);
	}
	if (ipv6 == xdplb_is_ipv6(addr))
		return !is_address(bound) || same_address(bound, addr);
	return ipv6 && !only && !is_address(bound);
}

/* ---- by sock_diag ------------------------------------------------------------------------ */

struct search {
	const __be32 *addr;
	__be16 port;
	__u8 proto;
	bool found;
};

static int read_only(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY)
		((struct listener *)context)->ipv6_only = mnl_attr_get_u8(attribute);
	return MNL_CB_OK;
}

static void read_socket(const struct nlmsghdr *message, struct search *search)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	struct listener listener = { .port = socket->id.idiag_sport,
				     .ipv6 = socket->idiag_family == AF_INET6,
				     .state = socket->idiag_state };

	memcpy(listener.addr, socket->id.idiag_src, sizeof(listener.addr));
	mnl_attr_parse(message, sizeof(*socket), read_only, &listener);
	if (listener_takes(&listener, search->addr, search->port, search->proto))
		search->found = true;
}

/* 1: there is more to come; 0: that was all; or a negative errno. */
static int read_messages(const char *buffer, int left, struct search *search)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		switch (message->nlmsg_type) {
		case NLMSG_ERROR:
			return ((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
		case NLMSG_DONE:
			return *(int *)mnl_nlmsg_get_payload(message);
		case SOCK_DIAG_BY_FAMILY:
			read_socket(message, search);
		}
	}
	return 1;
}

/*
 * Not by netlink_ask(): that a protocol cannot be looked at, for want of a
 * module, the kernel says where a dump ends, which libmnl does not read.
 */
static int diag_receive(struct mnl_socket *socket, struct search *search)
{
	char buffer[REPLY_BYTES];
	int got, more;

	do {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (got <= 0)
			return got ? -errno : -EIO;
		more = read_messages(buffer, got, search);
	} while (more > 0);
	return more;
}

static int diag_ask(__u8 family, struct search *search)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_SOCK_DIAG);
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *wanted;
	int err = 0;

	if (!socket)
		return -errno;
	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	wanted = mnl_nlmsg_put_extra_header(request, sizeof(*wanted));
	wanted->sdiag_family = family;
	wanted->sdiag_protocol = search->proto;
	wanted->idiag_states = 1U << state_wanted(search->proto);
	wanted->id.idiag_sport = search->port;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = diag_receive(socket, search);
	mnl_socket_close(socket);
	return err;
}

int listening_by_diag(const __be32 addr[4], __be16 port, __u8 proto)
{
	struct search search = { .addr = addr, .port = port, .proto = proto };
	int err = diag_ask(AF_INET6, &search);

	if (!err && !search.found && !xdplb_is_ipv6(addr))
		err = diag_ask(AF_INET, &search);
	return err ? err : search.found;
}

/* ---- by /proc/net ------------------------------------------------------------------------ */

/* Words are shown as numbers of this machine, a port as a number. */
bool listener_read(const char *line, struct listener *listener)
{
	unsigned int word[4] = {}, port, state;
	int words;

	*listener = (struct listener){};
	words = sscanf(line, " %*u: %8x%8x%8x%8x:", &word[0], &word[1], &word[2], &word[3]);
	if (words != 1 && words != 4)
		return false;
	line = strchr(line, ':') + 1;
	if (sscanf(line, " %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x", &port, &state) != 2)
		return false;
	listener->ipv6 = words == 4;
	memcpy(listener->addr, word, sizeof(listener->addr));
	listener->port = htons(port);
	listener->state = state;
	return true;
}

static int proc_search(const char *path, const struct search *search)
{
	FILE *file = fopen(path, "re");
	struct listener listener;
	bool found = false;
	char line[512];

	if (!file)
		return -errno;
	while (!found && fgets(line, sizeof(line), file))
		found = listener_read(line, &listener) &&
			listener_takes(&listener, search->addr, search->port, search->proto);
	fclose(file);
	return found;
}

int listening_by_proc(const __be32 addr[4], __be16 port, __u8 proto)
{
	struct search search = { .addr = addr, .port = port, .proto = proto };
	bool tcp = proto == IPPROTO_TCP;
	int found = 0;

	if (!xdplb_is_ipv6(addr))
		found = proc_search(tcp ? "/proc/net/tcp" : "/proc/net/udp", &search);
	if (found)
		return found;
	found = proc_search(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", &search);
	return found == -ENOENT ? 0 : found; /* a machine without IPv6 */
}

int listening(const __be32 addr[4], __be16 port, __u8 proto)
{
	int found = listening_by_diag(addr, port, proto);

	return found < 0 ? listening_by_proc(addr, port, proto) : found;
}
