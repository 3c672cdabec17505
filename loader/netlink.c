// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "address.h"

#define REPLY_BYTES 32768 /* a dump comes in pieces of at most this */

int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t on_reply, void *context)
{
	struct mnl_socket *socket = mnl_socket_open(bus);
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

void netlink_put_address(struct nlmsghdr *request, __u16 type, const __be32 addr[4])
{
	mnl_attr_put(request, type, xdplb_is_ipv6(addr) ? 16 : 4, addr);
}

void netlink_get_address(const void *bytes, size_t length, __be32 addr[4])
{
	if (length != 4 && length != 16)
		return;
	memset(addr, 0, 16);
	memcpy(addr, bytes, length);
}
