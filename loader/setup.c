// SPDX-License-Identifier: GPL-2.0-only
#include "setup.h"

#include <arpa/inet.h>

#include "names.h"

/* Of the routing table that sends dnat's replies by the balancer. */
#define TABLE 4087

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES 8
#define TCP_BYTES 20

static __u32 header_bytes(const __be32 addr[4])
{
	return xdplb_is_ipv6(addr) ? IPV6_BYTES : IPV4_BYTES;
}

__u32 setup_overhead(const struct setup *setup)
{
	if (!forward_wraps(setup->forward))
		return 0;
	return header_bytes(setup->backend) + (setup->forward == XDPLB_GUE ? UDP_BYTES : 0);
}

static void print_nat(FILE *out)
{
	fprintf(out,
		"# nat needs nothing here: what the balancer sends has an address of its own as\n"
		"# source, to which the backend answers.\n");
}

/* A rule that sends packets of this kind by the balancer. */
static void print_rule(FILE *out, const char *ip, const char *selector)
{
	fprintf(out, "%s rule del %s lookup %d 2>/dev/null || true\n", ip, selector, TABLE);
	fprintf(out, "%s rule add %s lookup %d\n", ip, selector, TABLE);
}

/*
 * Which of the machine's own packets are replies. A UDP server's have no source
 * address yet when they are routed. What IPv4 learns of a path's MTU is kept by
 * address only (build_sk_flow_key() in net/ipv4/route.c leaves the ports out),
 * so that a rule with ports alone would hide it.
 */
static void print_rules(FILE *out, const struct setup *setup)
{
	const char *ip = xdplb_is_ipv6(setup->backend) ? "ip -6" : "ip";
	char text[ADDRESS_TEXT], ports[64], selector[ADDRESS_TEXT + 80];

	address_text(setup->backend, text);
	/* by number: names need a list that small machines have not */
	snprintf(ports, sizeof(ports), "ipproto %u sport %u", setup->at.proto, ntohs(setup->port));
	if (!xdplb_is_ipv6(setup->backend)) {
		snprintf(selector, sizeof(selector), "from %s", text);
		print_rule(out, ip, selector);
	} else if (setup->at.proto == IPPROTO_TCP) {
		snprintf(selector, sizeof(selector), "from %s %s", text, ports);
		print_rule(out, ip, selector);
	}
	if (setup->at.proto == IPPROTO_UDP)
		print_rule(out, ip, ports);
}

static void print_dnat(FILE *out, const struct setup *setup)
{
	const char *ip = xdplb_is_ipv6(setup->backend) ? "ip -6" : "ip";
	char text[ADDRESS_TEXT];

	fprintf(out,
		"# dnat leaves the client's address, so the replies must pass the balancer, which\n"
		"# gives them the service's address as source.\n");
	if (!setup->direct || !is_address(setup->balancer)) {
		fprintf(out,
			"# The balancer is no neighbour: route them by it where both ways meet.\n");
		return;
	}
	if (xdplb_is_ipv6(setup->backend))
		fprintf(out, "# This is for all that leaves from that port, also to those who ask "
			     "this machine\n# and not the service.\n");
	else
		fprintf(out, "# This is for all that leaves from that address; the rest of it the "
			     "balancer has to\n# route. There: sysctl -w net.ipv4.ip_forward=1\n");
	fprintf(out, "%s route replace default via %s table %d\n", ip,
		address_text(setup->balancer, text), TABLE);
	print_rules(out, setup);
}

/* Nobody in the network learns that this machine has the service's address. */
static void print_silence(FILE *out, const struct setup *setup)
{
	if (xdplb_is_ipv6(setup->at.addr))
		return; /* neighbours are told of an interface's own addresses only */
	fprintf(out, "# The service's address, of which no ARP answer and no ARP request speaks.\n"
		     "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n");
	if (same_address(setup->at.addr, setup->balancer))
		fprintf(out, "# The balancer has it too, and asks for this machine with it.\n"
			     "sysctl -w net.ipv4.conf.all.accept_local=1\n");
}

/* The service's address, which nothing of the machine's own shall be sent from. */
static void print_address(FILE *out, const struct setup *setup, const char *device)
{
	bool is_ipv6 = xdplb_is_ipv6(setup->at.addr);
	char text[ADDRESS_TEXT];

	fprintf(out, "ip address replace %s/%s dev %s%s\n", address_text(setup->at.addr, text),
		is_ipv6 ? "128" : "32", device, is_ipv6 ? " preferred_lft 0" : "");
}

static void print_dsr(FILE *out, const struct setup *setup)
{
	fprintf(out, "# Packets come with the service's address as destination: the machine has it "
		     "too.\n");
	print_silence(out, setup);
	print_address(out, setup, "lo");
}

/* The kernel's tunnels, by what is in what. */
struct tunnel {
	const char *device;
	const char *type;
};

static const struct tunnel *tunnel_of(const struct setup *setup)
{
	static const struct tunnel in4 = { "xdplb-4in4", "ipip" }, in4_6 = { "xdplb-6in4", "sit" };
	static const struct tunnel in6 = { "xdplb-in6", "ip6tnl mode any" };

	if (xdplb_is_ipv6(setup->backend))
		return &in6; /* takes both: there can be but one of them */
	return xdplb_is_ipv6(setup->at.addr) ? &in4_6 : &in4;
}

static void print_tunnel(FILE *out, const struct setup *setup)
{
	const struct tunnel *tunnel = tunnel_of(setup);
	char text[ADDRESS_TEXT];

	fprintf(out, "# Unwraps what is sent to this machine, whoever sends it.\n");
	fprintf(out,
		"ip link show %s >/dev/null 2>&1 || ip link add %s type %s local %s\n"
		"ip link set %s up\n",
		tunnel->device, tunnel->device, tunnel->type, address_text(setup->backend, text),
		tunnel->device);
	print_silence(out, setup);
	if (xdplb_is_ipv6(setup->at.addr)) {
		print_address(out, setup, "lo");
		return;
	}
	print_address(out, setup, tunnel->device);
	fprintf(out,
		"# The way to a client is not the one its packets come by; this takes an address\n"
		"# on the device.\n"
		"sysctl -w net.ipv4.conf.%s.rp_filter=2\n",
		tunnel->device);
}

static void print_outer_source(FILE *out, const struct setup *setup)
{
	if (setup->fixed_source || setup->forward != XDPLB_IPIP || xdplb_is_ipv6(setup->backend))
		return;
	fprintf(out, "# The wrapping's source is one of 172.16.0.0/16. Only where rp_filter is on "
		     "and no\n"
		     "# route to that leads back the way it comes: ip route add 172.16.0.0/16 dev "
		     "IFNAME\n");
}

static void print_gue(FILE *out, const struct setup *setup)
{
	const char *family = xdplb_is_ipv6(setup->backend) ? " -6" : "";

	fprintf(out,
		"# Takes the UDP header off.\n"
		"modprobe fou\n"
		"ip fou show | grep -q '^port %u gue%s *$' || ip fou add port %u gue%s\n",
		setup->gue_port, family, setup->gue_port, family);
}

/* Segments that fit when wrapped, and not only then. */
static void print_segments(FILE *out, const struct setup *setup)
{
	__u32 less = setup_overhead(setup) + header_bytes(setup->at.addr) + TCP_BYTES;
	const char *ip = xdplb_is_ipv6(setup->at.addr) ? "ip -6" : "ip";

	if (setup->at.proto != IPPROTO_TCP || setup->mtu <= less)
		return;
	fprintf(out,
		"# Has clients send segments that fit when wrapped. It works without, but each "
		"client\n"
		"# then sends long ones first and is told by ICMP. For all that goes by this "
		"route.\n"
		"%s route change $(%s route show default | head -n 1 | sed 's/ expires [^ ]*//') "
		"advmss %u\n",
		ip, ip, setup->mtu - less);
}

void setup_print(FILE *out, const struct setup *setup)
{
	switch (setup->forward) {
	case XDPLB_NAT:
		print_nat(out);
		return;
	case XDPLB_DNAT:
		print_dnat(out, setup);
		return;
	case XDPLB_DSR:
		print_dsr(out, setup);
		return;
	default:
		if (setup->forward == XDPLB_GUE)
			print_gue(out, setup);
		print_tunnel(out, setup);
		print_outer_source(out, setup);
		print_segments(out, setup);
	}
}
