// SPDX-License-Identifier: GPL-2.0-only
#include "frame_text.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INSIDE_MAX 2 /* packets in each other that are looked at */

struct reader {
	const __u8 *at;
	size_t left;
	__u16 gue_port;
	int inside;
	char *text;
	size_t length;
};

static void put(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct reader *reader, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length =
		vsnprintf(reader->text + reader->length, FRAME_TEXT - reader->length, format, args);
	va_end(args);
	reader->length += length;
	if (reader->length >= FRAME_TEXT)
		reader->length = FRAME_TEXT - 1;
}

/* The next `size` bytes, NULL: they are not there. */
static const __u8 *take(struct reader *reader, size_t size)
{
	const __u8 *at = reader->at;

	if (reader->left < size) {
		reader->left = 0;
		put(reader, ", cut short");
		return NULL;
	}
	reader->at += size;
	reader->left -= size;
	return at;
}

static __u16 number_at(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static void read_ip(struct reader *reader);

static void read_tcp(struct reader *reader)
{
	const __u8 *tcp = take(reader, 14);
	char flags[TCP_FLAGS_TEXT];

	if (tcp)
		put(reader, ", TCP %u > %u %s", number_at(tcp), number_at(tcp + 2),
		    tcp_flags_text(tcp[13], flags));
}

static void read_udp(struct reader *reader)
{
	const __u8 *udp = take(reader, 8);

	if (!udp)
		return;
	put(reader, ", UDP %u > %u", number_at(udp), number_at(udp + 2));
	if (number_at(udp + 2) != reader->gue_port || !reader->left)
		return;
	if (*reader->at >> 4 == 4 || *reader->at >> 4 == 6) {
		put(reader, ", ");
		read_ip(reader);
	}
}

/* What an error is about follows it. */
static void read_icmp(struct reader *reader, bool v6)
{
	const __u8 *icmp = take(reader, 8);

	if (!icmp)
		return;
	put(reader, ", ICMP%s type %u code %u", v6 ? "v6" : "", icmp[0], icmp[1]);
	if (v6 ? icmp[0] < 1 || icmp[0] > 4 :
		 icmp[0] != 3 && icmp[0] != 4 && icmp[0] != 11 && icmp[0] != 12)
		return;
	if (number_at(icmp + 6) && (v6 ? icmp[0] == 2 : icmp[0] == 3 && icmp[1] == 4))
		put(reader, " MTU %u", number_at(icmp + 6));
	put(reader, " about ");
	read_ip(reader);
}

static void read_above(struct reader *reader, __u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		read_tcp(reader);
		break;
	case IPPROTO_UDP:
		read_udp(reader);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		read_icmp(reader, proto == IPPROTO_ICMPV6);
		break;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		put(reader, ", ");
		read_ip(reader);
		break;
	default:
		put(reader, ", protocol %u", proto);
	}
}

static void read_ip4(struct reader *reader)
{
	const __u8 *ip = take(reader, 20);
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
	__u16 part;
	size_t options;

	if (!ip)
		return;
	inet_ntop(AF_INET, ip + 12, from, sizeof(from));
	inet_ntop(AF_INET, ip + 16, to, sizeof(to));
	put(reader, "IPv4 %s > %s ttl %u", from, to, ip[8]);
	options = (ip[0] & 15) < 5 ? 0 : ((ip[0] & 15) - 5) * 4;
	if (options && !take(reader, options))
		return;
	part = number_at(ip + 6);
	if (part & 0x3fff)
		put(reader, ", fragment at %u%s", (part & 0x1fff) * 8,
		    part & 0x2000 ? "" : ", the last");
	if (!(part & 0x1fff))
		read_above(reader, ip[9]);
}

/* Skips an extension header of type *next. False: it is none, or nothing is to be read behind it.
 */
static bool extension_skip(struct reader *reader, __u8 *next)
{
	const __u8 *header;
	size_t size;

	if (*next != 0 && *next != 43 && *next != 44 && *next != 51 && *next != 60)
		return false;
	header = take(reader, 8);
	if (!header)
		return false;
	size = *next == 44 ? 8 : *next == 51 ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
	if (*next == 44 && number_at(header + 2) & 0xfff9) {
		put(reader, ", fragment at %u%s", number_at(header + 2) & 0xfff8,
		    header[3] & 1 ? "" : ", the last");
		if (number_at(header + 2) & 0xfff8)
			reader->left = 0;
	}
	*next = header[0];
	return size <= 8 || take(reader, size - 8);
}

static void read_ip6(struct reader *reader)
{
	const __u8 *ip = take(reader, 40);
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	__u8 next;

	if (!ip)
		return;
	inet_ntop(AF_INET6, ip + 8, from, sizeof(from));
	inet_ntop(AF_INET6, ip + 24, to, sizeof(to));
	put(reader, "IPv6 %s > %s hop limit %u", from, to, ip[7]);
	next = ip[6];
	while (reader->left && extension_skip(reader, &next))
		;
	if (reader->left)
		read_above(reader, next);
}

static void read_ip(struct reader *reader)
{
	if (reader->inside++ > INSIDE_MAX || !reader->left)
		return;
	if (*reader->at >> 4 == 6)
		read_ip6(reader);
	else if (*reader->at >> 4 == 4)
		read_ip4(reader);
	else
		put(reader, "no IP");
}

const char *frame_text(const struct frame *frame, __u16 gue_port, char *text)
{
	struct reader reader = {
		.at = frame->data, .left = frame->size, .gue_port = gue_port, .text = text
	};
	const __u8 *mac = take(&reader, ETH_HLEN);
	__u16 type;

	if (!mac)
		return text;
	put(&reader, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x, ", mac[6],
	    mac[7], mac[8], mac[9], mac[10], mac[11], mac[0], mac[1], mac[2], mac[3], mac[4],
	    mac[5]);
	type = number_at(mac + 12);
	for (int i = 0; i < 2 && (type == ETH_P_8021Q || type == ETH_P_8021AD); i++) {
		const __u8 *tag = take(&reader, 4);

		if (!tag)
			return text;
		put(&reader, "vlan %u, ", number_at(tag) & 0xfff);
		type = number_at(tag + 2);
	}
	if (type == ETH_P_IP || type == ETH_P_IPV6)
		read_ip(&reader);
	else
		put(&reader, "type 0x%04x", type);
	put(&reader, ", %u bytes", frame->size);
	return text;
}
