// SPDX-License-Identifier: GPL-2.0-only
#include "netdev.h"

#include <linux/genetlink.h>
#include <stdbool.h>

#include "netlink.h"

/* Of <linux/netdev.h>, which came with Linux 6.3. */
#define FAMILY "netdev"
#define COMMAND_DEV_GET 1
#define DEV_IFINDEX 1
#define DEV_XDP_FEATURES 3
#define XDP_NDO_XMIT 4

static struct nlmsghdr *request_new(char *buffer, __u16 family, __u8 command)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header;

	request->nlmsg_type = family;
	request->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->cmd = command;
	header->version = 1;
	return request;
}

static int read_family_attribute(const struct nlattr *attribute, void *context)
{
	if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
		*(__u16 *)context = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int read_family(const struct nlmsghdr *message, void *context)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), read_family_attribute, context);
}

/* The number that the family has on this kernel, 0: none. */
static __u16 family_find(void)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = request_new(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	__u16 family = 0;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, FAMILY);
	return netlink_ask(NETLINK_GENERIC, request, read_family, &family) ? 0 : family;
}

/* What a device tells. */
struct device {
	bool told;
	__u64 features;
};

static int read_device_attribute(const struct nlattr *attribute, void *context)
{
	struct device *device = context;

	if (mnl_attr_get_type(attribute) == DEV_XDP_FEATURES) {
		device->features = mnl_attr_get_u64(attribute);
		device->told = true;
	}
	return MNL_CB_OK;
}

static int read_device(const struct nlmsghdr *message, void *context)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), read_device_attribute, context);
}

static struct device device_ask(__u32 ifindex)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct device device = {};
	__u16 family = family_find();
	struct nlmsghdr *request;

	if (!family)
		return device;
	request = request_new(buffer, family, COMMAND_DEV_GET);
	mnl_attr_put_u32(request, DEV_IFINDEX, ifindex);
	if (netlink_ask(NETLINK_GENERIC, request, read_device, &device))
		device = (struct device){};
	return device;
}

__u64 netdev_features(__u32 ifindex)
{
	return device_ask(ifindex).features;
}

enum redirect netdev_redirect(__u32 ifindex)
{
	struct device device = device_ask(ifindex);

	if (!device.told)
		return REDIRECT_UNKNOWN;
	return device.features & XDP_NDO_XMIT ? REDIRECT_YES : REDIRECT_NO;
}

const char *redirect_name(enum redirect redirect)
{
	return redirect == REDIRECT_YES ? "yes" : redirect == REDIRECT_NO ? "no" : "unknown";
}
