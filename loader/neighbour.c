// SPDX-License-Identifier: GPL-2.0-only
#include "neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

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

#define KNOWN (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define SET (NUD_PERMANENT | NUD_NOARP) /* by somebody, or the interface needs none */

/* What an entry says of being kept. */
struct entry {
	__u32 flags; /* NTF_EXT_* */
	const void *mac;
};

static int read_attribute(const struct nlattr *attribute, void *context)
{
	struct entry *entry = context;

	if (mnl_attr_get_type(attribute) == NDA_FLAGS_EXT)
		entry->flags = mnl_attr_get_u32(attribute);
	if (mnl_attr_get_type(attribute) == NDA_LLADDR && mnl_attr_get_payload_len(attribute) == 6)
		entry->mac = mnl_attr_get_payload(attribute);
	return MNL_CB_OK;
}

static struct nlmsghdr *look_write(char *buffer, __u32 i, void *context)
{
	const struct neighbour *neighbour = context;
	struct ndmsg *entry;

	return neighbour_request(buffer, RTM_GETNEIGH, 0, &neighbour[i].hop, &entry);
}

static void look_read(__u32 i, const struct nlmsghdr *message, int err, void *context)
{
	struct neighbour *neighbour = (struct neighbour *)context + i;
	struct entry entry = {};
	__u16 state;

	neighbour->known = neighbour->kept = false;
	if (err || !message)
		return; /* it was never heard of */
	state = ((const struct ndmsg *)mnl_nlmsg_get_payload(message))->ndm_state;
	mnl_attr_parse(message, sizeof(struct ndmsg), read_attribute, &entry);
	neighbour->known = state & KNOWN;
	if (neighbour->mac)
		neighbour->kept =
			state & NUD_PERMANENT && entry.mac && !memcmp(entry.mac, neighbour->mac, 6);
	else
		neighbour->kept = state & SET || entry.flags & NTF_EXT_MANAGED;
}

int neighbours_look(struct neighbour *neighbour, __u32 count)
{
	return netlink_ask_all(NETLINK_ROUTE, count, look_write, look_read, neighbour);
}

/* Those that are not kept yet. */
struct keeping {
	struct neighbour *neighbour;
	__u32 *place;
};

static struct nlmsghdr *keep_write(char *buffer, __u32 i, void *context)
{
	const struct keeping *keeping = context;
	const struct neighbour *neighbour = &keeping->neighbour[keeping->place[i]];
	struct nlmsghdr *request;
	struct ndmsg *entry;

	request = neighbour_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
				    &neighbour->hop, &entry);
	if (neighbour->mac) {
		entry->ndm_state = NUD_PERMANENT;
		mnl_attr_put(request, NDA_LLADDR, 6, neighbour->mac);
	} else {
		mnl_attr_put_u32(request, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	}
	return request;
}

static void keep_read(__u32 i, const struct nlmsghdr *message, int err, void *context)
{
	const struct keeping *keeping = context;

	(void)message;
	keeping->neighbour[keeping->place[i]].err = err;
}

int neighbours_keep(struct neighbour *neighbour, __u32 count)
{
	struct keeping keeping = { .neighbour = neighbour };
	__u32 missing = 0;
	int err;

	keeping.place = calloc(count + 1, sizeof(*keeping.place));
	if (!keeping.place)
		return -ENOMEM;
	for (__u32 i = 0; i < count; i++)
		if (!neighbour[i].kept)
			keeping.place[missing++] = i;
	err = netlink_ask_all(NETLINK_ROUTE, missing, keep_write, keep_read, &keeping);
	free(keeping.place);
	return err;
}

int neighbour_ask(const struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;

	request = neighbour_request(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE, hop, &entry);
	entry->ndm_flags = NTF_USE;
	return netlink_ask(NETLINK_ROUTE, request, NULL, NULL);
}

bool neighbour_is_proxied(const struct next_hop *hop)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;
	__u16 state;

	request = neighbour_request(buffer, RTM_GETNEIGH, 0, hop, &entry);
	entry->ndm_flags = NTF_PROXY;
	return !netlink_ask(NETLINK_ROUTE, request, read_state, &state);
}

int neighbour_release(const struct next_hop *hop)
{
	__u16 state = neighbour_state(hop);
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request;
	struct ndmsg *entry;

	if (state & SET || !(state & KNOWN))
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

bool neighbours_known(const struct neighbour *neighbour, __u32 count)
{
	for (__u32 i = 0; i < count; i++)
		if (!neighbour[i].known)
			return false;
	return true;
}
