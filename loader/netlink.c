// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "address.h"

#define REPLY_BYTES 32768 /* a dump comes in pieces of at most this */

/* Asks by an open socket, and closes it. */
static int ask(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t on_reply,
	       void *context)
{
	char buffer[REPLY_BYTES];
	int err = 0, got, more;

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

int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t on_reply, void *context)
{
	struct mnl_socket *socket = mnl_socket_open(bus);

	return socket ? ask(socket, request, on_reply, context) : -errno;
}

int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t on_reply, void *context)
{
	struct mnl_socket *socket = mnl_socket_open(bus);
	int on = 1;

	if (!socket)
		return -errno;
	/* Every kernel that we run on knows it. */
	setsockopt(mnl_socket_get_fd(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return ask(socket, request, on_reply, context);
}

#define AT_ONCE 32 /* answers, which fit the socket's buffer in any case */

struct series {
	struct mnl_socket *socket;
	netlink_write *write;
	netlink_read *read;
	void *context;
	__u32 first, count; /* those that are asked at once */
	__u32 answered;
};

static int series_send(const struct series *series)
{
	char buffer[AT_ONCE * NETLINK_REQUEST_BYTES] = {};
	size_t length = 0;

	for (__u32 i = 0; i < series->count; i++) {
		struct nlmsghdr *request =
			series->write(buffer + length, series->first + i, series->context);

		request->nlmsg_seq = series->first + i + 1;
		length += MNL_ALIGN(request->nlmsg_len);
	}
	return mnl_socket_sendto(series->socket, buffer, length) < 0 ? -errno : 0;
}

static void series_read(struct series *series, const struct nlmsghdr *message)
{
	__u32 i = message->nlmsg_seq - 1;
	const struct nlmsgerr *error;

	if (i - series->first >= series->count)
		return;
	series->answered++;
	if (message->nlmsg_type != NLMSG_ERROR) {
		series->read(i, message, 0, series->context);
		return;
	}
	error = mnl_nlmsg_get_payload(message);
	series->read(i, NULL, error->error, series->context);
}

static int series_receive(struct series *series)
{
	char buffer[REPLY_BYTES];

	series->answered = 0;
	while (series->answered < series->count) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
		int left = mnl_socket_recvfrom(series->socket, buffer, sizeof(buffer));

		if (left <= 0)
			return left ? -errno : -EIO;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			series_read(series, message);
	}
	return 0;
}

int netlink_ask_all(int bus, __u32 count, netlink_write *write, netlink_read *read, void *context)
{
	struct series series = { .write = write, .read = read, .context = context };
	int err = 0;

	series.socket = mnl_socket_open(bus);
	if (!series.socket)
		return -errno;
	if (mnl_socket_bind(series.socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	while (!err && series.first < count) {
		series.count = count - series.first < AT_ONCE ? count - series.first : AT_ONCE;
		err = series_send(&series);
		if (!err)
			err = series_receive(&series);
		series.first += series.count;
	}
	mnl_socket_close(series.socket);
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
