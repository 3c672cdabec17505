// SPDX-License-Identifier: GPL-2.0-only
#include "announce.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "grown.h"
#include "netlink.h"

/* ---- what is there ----------------------------------------------------------------------- */

struct entry {
	struct prefix prefix;
	__u32 in; /* the table's number, or the interface's */
	bool by_address;
	bool wanted;
};

struct entries {
	const struct announce_place *place;
	struct entry *entry;
	int count;
	bool full; /* there was no memory for all */
};

static void entry_add(struct entries *entries, const struct entry *entry)
{
	struct entry *more = grown(entries->entry, entries->count, sizeof(*more), "announcements");

	if (!more) {
		entries->full = true;
		return;
	}
	entries->entry = more;
	more[entries->count++] = *entry;
}

static int read_destination(const struct nlattr *attribute, void *context)
{
	struct entry *entry = context;

	if (mnl_attr_get_type(attribute) == RTA_DST)
		netlink_get_address(mnl_attr_get_payload(attribute),
				    mnl_attr_get_payload_len(attribute), entry->prefix.addr);
	if (mnl_attr_get_type(attribute) == RTA_TABLE)
		entry->in = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct entries *entries = context;
	struct entry entry = {
		.prefix = { .family = route->rtm_family, .length = route->rtm_dst_len },
		.in = route->rtm_table,
	};

	mnl_attr_parse(message, sizeof(*route), read_destination, &entry);
	if (route->rtm_protocol == entries->place->protocol)
		entry_add(entries, &entry);
	return MNL_CB_OK;
}

struct address {
	struct entry entry;
	__u8 protocol;
};

static int read_attribute(const struct nlattr *attribute, void *context)
{
	struct address *address = context;

	if (mnl_attr_get_type(attribute) ==
	    (address->entry.prefix.family == AF_INET6 ? IFA_ADDRESS : IFA_LOCAL))
		netlink_get_address(mnl_attr_get_payload(attribute),
				    mnl_attr_get_payload_len(attribute),
				    address->entry.prefix.addr);
	if (mnl_attr_get_type(attribute) == IFA_PROTO)
		address->protocol = mnl_attr_get_u8(attribute);
	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct entries *entries = context;
	struct address address = {
		.entry = { .prefix = { .family = header->ifa_family,
				       .length = header->ifa_prefixlen },
			   .in = header->ifa_index,
			   .by_address = true },
	};

	mnl_attr_parse(message, sizeof(*header), read_attribute, &address);
	if (address.protocol == entries->place->protocol)
		entry_add(entries, &address.entry);
	return MNL_CB_OK;
}

/* One that the kernel was built or started without has none. */
static int dumped(int err)
{
	return err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}

/* Of a table, 0: of all. */
static int routes_dump(struct entries *entries, int family, __u32 table)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
	route->rtm_family = family;
	route->rtm_protocol = entries->place->protocol;
	if (table)
		mnl_attr_put_u32(request, RTA_TABLE, table);
	return dumped(netlink_dump(NETLINK_ROUTE, request, read_route, entries));
}

static int addresses_dump(struct entries *entries, int family)
{
	char buffer[NETLINK_REQUEST_BYTES] = {};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *address;

	request->nlmsg_type = RTM_GETADDR;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	address = mnl_nlmsg_put_extra_header(request, sizeof(*address));
	address->ifa_family = family;
	return dumped(netlink_dump(NETLINK_ROUTE, request, read_address, entries));
}

static int entries_read(struct entries *entries, bool everywhere)
{
	static const int families[] = { AF_INET, AF_INET6 };
	__u32 table = everywhere ? 0 : entries->place->table;
	int err = 0;

	for (int i = 0; !err && i < 2; i++) {
		err = routes_dump(entries, families[i], table);
		if (!err)
			err = addresses_dump(entries, families[i]);
	}
	if (err)
		return fail(err, "the kernel does not say what is announced: %s", strerror(-err));
	return entries->full ? -ENOMEM : 0;
}

/* ---- what shall be there --------------------------------------------------------------------- */

/* Messages about some entries, one each. */
struct requests {
	const struct announce_place *place;
	const struct entry **entry;
	__u32 count;
	bool add;
	int done;
	int err; /* of the first that failed */
	const struct entry *failed;
};

static void put_address(struct nlmsghdr *request, __u16 type, const struct prefix *prefix)
{
	mnl_attr_put(request, type, prefix->family == AF_INET6 ? 16 : 4, prefix->addr);
}

static struct nlmsghdr *request_begin(char *buffer, const struct requests *requests, __u16 add,
				      __u16 remove)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = requests->add ? add : remove;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (requests->add)
		request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	return request;
}

/*
 * Where the table is one that packets are routed by, what no service takes is
 * answered there and does not go back to the router.
 */
static struct nlmsghdr *route_write(char *buffer, const struct requests *requests,
				    const struct entry *entry)
{
	struct nlmsghdr *request = request_begin(buffer, requests, RTM_NEWROUTE, RTM_DELROUTE);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));

	route->rtm_family = entry->prefix.family;
	route->rtm_dst_len = entry->prefix.length;
	route->rtm_protocol = requests->place->protocol;
	route->rtm_scope = requests->add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	route->rtm_type = requests->add ? RTN_UNREACHABLE : RTN_UNSPEC;
	put_address(request, RTA_DST, &entry->prefix);
	mnl_attr_put_u32(request, RTA_TABLE, entry->in);
	return request;
}

static struct nlmsghdr *address_write(char *buffer, const struct requests *requests,
				      const struct entry *entry)
{
	struct nlmsghdr *request = request_begin(buffer, requests, RTM_NEWADDR, RTM_DELADDR);
	struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(request, sizeof(*address));

	address->ifa_family = entry->prefix.family;
	address->ifa_prefixlen = entry->prefix.length;
	address->ifa_index = entry->in;
	/* Every balancer has it: it would be found twice. */
	if (entry->prefix.family == AF_INET6)
		address->ifa_flags = IFA_F_NODAD;
	put_address(request, IFA_LOCAL, &entry->prefix);
	put_address(request, IFA_ADDRESS, &entry->prefix);
	mnl_attr_put_u8(request, IFA_PROTO, requests->place->protocol);
	return request;
}

static struct nlmsghdr *request_write(char *buffer, __u32 i, void *context)
{
	const struct requests *requests = context;
	const struct entry *entry = requests->entry[i];

	return entry->by_address ? address_write(buffer, requests, entry) :
				   route_write(buffer, requests, entry);
}

static void request_read(__u32 i, const struct nlmsghdr *message, int err, void *context)
{
	struct requests *requests = context;

	(void)message;
	/* Somebody else took it away. */
	if (!requests->add && (err == -ESRCH || err == -EADDRNOTAVAIL || err == -ENODEV))
		err = 0;
	if (!err)
		requests->done++;
	if (!err || requests->err)
		return;
	requests->err = err;
	requests->failed = requests->entry[i];
}

static int requests_fail(const struct requests *requests)
{
	const struct entry *entry = requests->failed;
	const struct announce_place *place = requests->place;
	char text[PREFIX_TEXT], where[64];

	prefix_text(&entry->prefix, text);
	if (entry->by_address)
		snprintf(where, sizeof(where), "interface %s", place->interface);
	else
		snprintf(where, sizeof(where), "table %u", entry->in);
	if (requests->err != -EEXIST)
		return fail(requests->err, "%s cannot be %s %s: %s", text,
			    requests->add ? "announced in" : "withdrawn from", where,
			    strerror(-requests->err));
	return fail(EEXIST, "%s is in %s already, and not from here: take it out there", text,
		    where);
}

/* The messages of one kind. Returns how many were followed, or a negative errno after an error
 * line. */
static int requests_send(struct requests *requests)
{
	int err = netlink_ask_all(NETLINK_ROUTE, requests->count, request_write, request_read,
				  requests);

	if (err)
		return fail(err, "the kernel takes no %s: %s",
			    requests->add ? "announcement" : "withdrawal", strerror(-err));
	return requests->err ? requests_fail(requests) : requests->done;
}

/* ---- the difference ------------------------------------------------------------------------ */

static int entry_order(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return prefix_order(&one->prefix, &other->prefix);
}

/* That of ours which says this in the right place; the entries are sorted. */
static struct entry *entry_find(const struct entries *entries, const struct entry *like)
{
	struct entry *found = entries->entry ? bsearch(like, entries->entry, entries->count,
						       sizeof(*like), entry_order) :
					       NULL;
	struct entry *end = entries->entry + entries->count;

	/* Several with the same address, in different places, lie side by side. */
	while (found && found > entries->entry && !entry_order(found - 1, like))
		found--;
	for (; found && found < end && !entry_order(found, like); found++)
		if (found->by_address == like->by_address && found->in == like->in)
			return found;
	return NULL;
}

/* Adds to the entries what is missing, behind those that are there. */
static int missing_add(struct entries *entries, const struct prefix *prefix, int count, __u32 in)
{
	struct entries there = *entries;

	for (int i = 0; i < count; i++) {
		struct entry entry = { .prefix = prefix[i],
				       .in = in,
				       .by_address = entries->place->by_address,
				       .wanted = true };
		struct entry *found = entry_find(&there, &entry);

		if (found)
			found->wanted = true;
		else
			entry_add(entries, &entry);
		there.entry = entries->entry;
	}
	return entries->full ? -ENOMEM : 0;
}

/* Those from `first` to `end` that are wanted, or those that are not. */
static int requests_make(const struct entries *entries, int first, int end, bool add)
{
	struct requests requests = { .place = entries->place, .add = add };
	int err;

	requests.entry = calloc(end - first + 1, sizeof(struct entry *));
	if (!requests.entry)
		return fail(ENOMEM, "no memory for %d announcements", end - first);
	for (int i = first; entries->entry && i < end; i++)
		if (entries->entry[i].wanted == add)
			requests.entry[requests.count++] = &entries->entry[i];
	err = requests.count ? requests_send(&requests) : 0;
	free(requests.entry);
	return err;
}

static int match(struct entries *entries, const struct prefix *prefix, int count, __u32 in)
{
	int there = entries->count, added, removed;

	if (entries->entry)
		qsort(entries->entry, there, sizeof(*entries->entry), entry_order);
	if (missing_add(entries, prefix, count, in))
		return -ENOMEM;
	added = requests_make(entries, there, entries->count, true);
	removed = requests_make(entries, 0, there, false);
	if (added < 0)
		return added;
	return removed < 0 ? removed : added + removed;
}

int announce_match(const struct announce_place *place, const struct prefix *prefix, int count,
		   bool everywhere)
{
	struct entries entries = { .place = place };
	__u32 in = place->table;
	int err;

	/* What is withdrawn says itself where it is. */
	if (place->by_address && count) {
		in = if_nametoindex(place->interface);
		if (!in)
			return fail(ENODEV, "%s: no such interface to announce by",
				    place->interface);
	}
	err = entries_read(&entries, everywhere);
	if (!err)
		err = match(&entries, prefix, count, in);
	free(entries.entry);
	return err;
}

int announce_read(const struct announce_place *place, struct prefix **prefix)
{
	struct entries entries = { .place = place };
	int err = entries_read(&entries, true);

	if (!err) {
		*prefix = calloc(entries.count + 1, sizeof(**prefix));
		if (!*prefix)
			err = fail(ENOMEM, "no memory for %d announcements", entries.count);
	}
	for (int i = 0; !err && i < entries.count; i++)
		(*prefix)[i] = entries.entry[i].prefix;
	free(entries.entry);
	return err ? err : entries.count;
}
