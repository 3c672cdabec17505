// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "error.h"

static const char *const schedulers[] = {
	[XDPLB_RR] = "rr", [XDPLB_WRR] = "wrr",	      [XDPLB_LC] = "lc",   [XDPLB_WLC] = "wlc",
	[XDPLB_SH] = "sh", [XDPLB_MAGLEV] = "maglev", [XDPLB_P2C] = "p2c", NULL,
};

static const char *const forwards[] = {
	[XDPLB_NAT] = "nat",
	[XDPLB_DNAT] = "dnat",
	[XDPLB_DSR] = "dsr",
	[XDPLB_IPIP] = "ipip",
	[XDPLB_GUE] = "gue",
	[XDPLB_LOCAL] = "local",
	NULL,
};

static const char *const states[] = {
	[XDPLB_UP] = "up",
	[XDPLB_DRAIN] = "drain",
	[XDPLB_DOWN] = "down",
	[XDPLB_BACKUP] = "backup",
	NULL,
};

static const char *const registrations[] = {
	[XDPLB_REGISTRATION_OFF] = "off",
	[XDPLB_REGISTRATION_KERNEL] = "kernel",
	[XDPLB_REGISTRATION_USER] = "user",
};

static const char *const timeouts[] = {
	[XDPLB_TIMEOUT_ESTABLISHED] = "established",
	[XDPLB_TIMEOUT_CLOSING] = "closing",
	[XDPLB_TIMEOUT_UDP] = "udp",
};

static const char *const reasons[] = {
	[XDPLB_DROP_NO_BACKEND] = "no_backend",
	[XDPLB_DROP_NO_NEIGHBOUR] = "no_neighbour",
	[XDPLB_DROP_NO_ROUTE] = "no_route",
	[XDPLB_DROP_NO_PORT] = "no_port",
	[XDPLB_DROP_TABLE_FULL] = "table_full",
	[XDPLB_DROP_RACE] = "race",
	[XDPLB_DROP_BAD_HEADER] = "bad_header",
	[XDPLB_DROP_BAD_SOURCE] = "bad_source",
	[XDPLB_DROP_FRAGMENT] = "fragment",
	[XDPLB_DROP_TTL] = "ttl",
	[XDPLB_DROP_TOO_BIG] = "too_big",
	[XDPLB_DROP_NO_ENCAP] = "no_encap",
	[XDPLB_DROP_VLAN] = "vlan",
	[XDPLB_DROP_REG_MALFORMED] = "registration_malformed",
	[XDPLB_DROP_REG_DENIED] = "registration_denied",
	[XDPLB_DROP_REG_KEY] = "registration_key",
	[XDPLB_DROP_REG_REPLAY] = "registration_replay",
	[XDPLB_DROP_REG_FULL] = "registration_full",
	[XDPLB_PASS_UNREADABLE] = "unreadable",
	[XDPLB_PASS_FRAGMENT] = "fragment",
	[XDPLB_PASS_NO_FLOW] = "no_flow",
	[XDPLB_ANSWER_TOO_BIG] = "too_big",
	[XDPLB_ANSWER_ECHO] = "echo",
	[XDPLB_ANSWER_REGISTERED] = "registered",
	[XDPLB_FLOW_NO_ROOM] = "no_room",
	[XDPLB_FLOW_STRAY] = "stray",
	[XDPLB_FLOW_TAKEN_OVER] = "adopted",
	[XDPLB_FLOW_EVICTED] = "evicted",
	[XDPLB_FLOW_EXPIRED] = "expired",
};

_Static_assert(sizeof(reasons) / sizeof(*reasons) == XDPLB_REASONS, "a word for each");

static const char *const flow_states[] = {
	[XDPLB_FLOW_FREE] = "?",
	[XDPLB_FLOW_BUSY] = "?",
	[XDPLB_FLOW_NEW] = "new",
	[XDPLB_FLOW_ESTABLISHED] = "established",
	[XDPLB_FLOW_FIN_CLIENT] = "fin_client",
	[XDPLB_FLOW_FIN_BACKEND] = "fin_backend",
	[XDPLB_FLOW_CLOSED] = "closed",
	[XDPLB_FLOW_RESET] = "reset",
	[XDPLB_FLOW_UDP_NEW] = "udp_new",
	[XDPLB_FLOW_UDP] = "udp",
	[XDPLB_FLOW_CLIENT_NEW] = "sticky",
	[XDPLB_FLOW_CLIENT] = "sticky",
	[XDPLB_FLOW_ADOPTED] = "adopted",
};

_Static_assert(sizeof(flow_states) / sizeof(*flow_states) == XDPLB_FLOW_STATES, "a word for each");

const char *scheduler_name(__u8 scheduler)
{
	return scheduler >= XDPLB_RR && scheduler <= XDPLB_P2C ? schedulers[scheduler] : "?";
}

const char *forward_name(__u8 forward)
{
	return forward >= XDPLB_NAT && forward <= XDPLB_LOCAL ? forwards[forward] : "?";
}

const char *state_name(__u8 state)
{
	return state >= XDPLB_UP && state <= XDPLB_BACKUP ? states[state] : "?";
}

const char *flow_state_name(__u8 state)
{
	return state < XDPLB_FLOW_STATES ? flow_states[state] : "?";
}

const char *registration_name(__u8 mode)
{
	return mode <= XDPLB_REGISTRATION_USER ? registrations[mode] : "?";
}

const char *proto_name(__u8 proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

const char *timeout_name(enum xdplb_timeout timeout)
{
	return timeout < sizeof(timeouts) / sizeof(*timeouts) ? timeouts[timeout] : NULL;
}

const char *reason_name(enum xdplb_reason reason)
{
	return reasons[reason];
}

/* The words begin at 1 and end with NULL. */
static int number(const char *const *words, const char *word)
{
	for (int i = 1; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -EINVAL;
}

int scheduler_number(const char *word)
{
	int found = number(schedulers, word);

	if (found > 0)
		return found;
	return fail(EINVAL, "%s: no such scheduler; there are rr, wrr, lc, wlc, sh, maglev and p2c",
		    word);
}

int forward_number(const char *word)
{
	int found = number(forwards, word);

	if (found > 0)
		return found;
	return fail(EINVAL,
		    "%s: no such way of forwarding; there are nat, dnat, dsr, ipip, gue and local",
		    word);
}

int state_number(const char *word)
{
	int found = number(states, word);

	if (found > 0)
		return found;
	return fail(EINVAL, "state=%s: a state is up, drain, down or backup", word);
}
