// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "error.h"

#define TTL 64
#define WINDOW 64240

/* ---- made to order ---------------------------------------------------------------------- */

/* RFC 1071: the ones' complement sum of 16-bit words, on top of another. */
static __u64 sum_add(__u64 sum, const void *data, size_t length)
{
	const __u8 *byte = data;

	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? byte[i] : byte[i] << 8;
	return sum;
}

static __be16 sum_end(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static size_t transport_size(const struct frame_wish *wish)
{
	return wish->proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
}

/* TCP's or UDP's header before `length` bytes in all, with the checksum over both. */
static void transport_put(const struct frame_wish *wish, __u8 *at, size_t length)
{
	size_t size = xdplb_is_ipv6(wish->daddr) ? 16 : 4;
	struct tcphdr tcp = { .source = wish->sport,
			      .dest = wish->dport,
			      .seq = htonl(1),
			      .ack_seq = htonl(wish->flags & 0x10 ? 1 : 0),
			      .doff = sizeof(tcp) / 4,
			      .window = htons(WINDOW) };
	struct udphdr udp = { .source = wish->sport, .dest = wish->dport, .len = htons(length) };
	__u64 sum = sum_add(sum_add(wish->proto + length, wish->saddr, size), wish->daddr, size);

	if (wish->proto == IPPROTO_TCP) {
		((__u8 *)&tcp)[13] = wish->flags;
		tcp.check = sum_end(sum_add(sum, &tcp, sizeof(tcp)));
		memcpy(at, &tcp, sizeof(tcp));
		return;
	}
	udp.check = sum_end(sum_add(sum, &udp, sizeof(udp)));
	if (!udp.check)
		udp.check = 0xffff;
	memcpy(at, &udp, sizeof(udp));
}

static void ip4_put(const struct frame_wish *wish, __u8 *at, size_t length)
{
	struct iphdr ip = { .version = 4,
			    .ihl = sizeof(ip) / 4,
			    .tot_len = htons(length),
			    .frag_off = htons(0x4000), /* do not fragment */
			    .ttl = TTL,
			    .protocol = wish->proto,
			    .saddr = wish->saddr[0],
			    .daddr = wish->daddr[0] };
	__be16 check;

	memcpy(at, &ip, sizeof(ip));
	check = sum_end(sum_add(0, at, sizeof(ip)));
	memcpy(at + offsetof(struct iphdr, check), &check, sizeof(check));
}

static void ip6_put(const struct frame_wish *wish, __u8 *at, size_t length)
{
	struct ipv6hdr ip = { .version = 6,
			      .payload_len = htons(length - sizeof(ip)),
			      .nexthdr = wish->proto,
			      .hop_limit = TTL };

	memcpy(&ip.saddr, wish->saddr, sizeof(ip.saddr));
	memcpy(&ip.daddr, wish->daddr, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
}

int frame_make(const struct frame_wish *wish, struct frame *frame)
{
	bool v6 = xdplb_is_ipv6(wish->daddr);
	size_t network = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	size_t least = ETH_HLEN + network + transport_size(wish), most = ETH_HLEN + 65535;
	struct ethhdr eth = { .h_proto = htons(v6 ? ETH_P_IPV6 : ETH_P_IP) };

	frame->size = wish->length ? wish->length : least;
	if (frame->size < least || frame->size > most)
		return fail(EINVAL, "--length %u: this packet has %zu to %zu bytes", wish->length,
			    least, most);
	memset(frame->data, 0, frame->size);
	memcpy(eth.h_dest, wish->dmac, ETH_ALEN);
	memcpy(eth.h_source, wish->smac, ETH_ALEN);
	memcpy(frame->data, &eth, sizeof(eth));
	if (v6)
		ip6_put(wish, frame->data + ETH_HLEN, frame->size - ETH_HLEN);
	else
		ip4_put(wish, frame->data + ETH_HLEN, frame->size - ETH_HLEN);
	transport_put(wish, frame->data + ETH_HLEN + network, frame->size - ETH_HLEN - network);
	return 0;
}

/* ---- hexadecimal digits ----------------------------------------------------------------- */

static int nibble(char digit)
{
	if (isdigit((unsigned char)digit))
		return digit - '0';
	digit = tolower((unsigned char)digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int frame_from_hex(const char *text, struct frame *frame)
{
	const char *at = text;
	int high, low;

	frame->size = 0;
	while (*at) {
		if (strchr(" \t\r\n:.-", *at)) {
			at++;
			continue;
		}
		high = nibble(at[0]);
		low = high < 0 ? -1 : nibble(at[1]);
		if (low < 0)
			return fail(EINVAL,
				    "--hex: two hexadecimal digits are expected at character %td, "
				    "'%.8s'",
				    at - text + 1, at);
		if (frame->size == FRAME_MAX)
			return fail(EINVAL, "--hex: more than %d bytes, the longest packet",
				    FRAME_MAX);
		frame->data[frame->size++] = high * 16 + low;
		at += 2;
	}
	if (frame->size < FRAME_MIN)
		return fail(EINVAL,
			    "--hex: %u bytes: an Ethernet frame, which has %d at least, is "
			    "expected",
			    frame->size, FRAME_MIN);
	return 0;
}

/* ---- TCP's flags ------------------------------------------------------------------------ */

static const char *const flag_names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };

#define FLAGS (sizeof(flag_names) / sizeof(*flag_names))

static int flag_read(const char *word, size_t length, __u8 *flags)
{
	for (size_t i = 0; i < FLAGS; i++) {
		if (length != 3 || strncasecmp(word, flag_names[i], 3))
			continue;
		*flags |= 1 << i;
		return 0;
	}
	return fail(EINVAL,
		    "--flags %.*s: no flag of TCP; there are FIN, SYN, RST, PSH, ACK, URG, ECE and "
		    "CWR, as in SYN,ACK",
		    (int)length, word);
}

int parse_tcp_flags(const char *text, __u8 *flags)
{
	int err = 0;

	*flags = 0;
	for (const char *word = text; !err; word++) {
		size_t length = strcspn(word, ",|");

		err = flag_read(word, length, flags);
		word += length;
		if (!*word)
			break;
	}
	return err;
}

const char *tcp_flags_text(__u8 flags, char *text)
{
	size_t length = 0;

	snprintf(text, TCP_FLAGS_TEXT, "no flags");
	for (size_t i = 0; i < FLAGS; i++)
		if (flags & 1 << i)
			length += snprintf(text + length, TCP_FLAGS_TEXT - length, "%s%s",
					   length ? "," : "", flag_names[i]);
	return text;
}
