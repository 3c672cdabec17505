/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the kernel by netlink (RFC 3549). */
#ifndef XDPLB_NETLINK_H
#define XDPLB_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/types.h>

#define NETLINK_REQUEST_BYTES (MNL_NLMSG_HDRLEN + 256)

/*
 * Sends a request (`bus` is NETLINK_ROUTE or NETLINK_GENERIC) and hands the
 * replies to `on_reply`. 0 or a negative errno, and nothing said.
 */
int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t on_reply, void *context);

/*
 * The same for a dump of which the kernel leaves out what the request's header and
 * attributes do not say, which it does not check otherwise.
 */
int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t on_reply, void *context);

/*
 * A question of many: writes request `i` into NETLINK_REQUEST_BYTES of zeros,
 * with the flags that it needs to have exactly one answer.
 */
typedef struct nlmsghdr *netlink_write(char *buffer, __u32 i, void *context);
/* Its answer: a message, or NULL and an error (0: done, or a negative errno). */
typedef void netlink_read(__u32 i, const struct nlmsghdr *message, int err, void *context);

/*
 * Asks `count` questions, many at a time. A negative errno, and nothing said,
 * when not all of them were answered.
 */
int netlink_ask_all(int bus, __u32 count, netlink_write *write, netlink_read *read, void *context);

/* Puts and reads the 4 or 16 bytes of an address. */
void netlink_put_address(struct nlmsghdr *request, __u16 type, const __be32 addr[4]);
void netlink_get_address(const void *bytes, size_t length, __be32 addr[4]);

#endif
