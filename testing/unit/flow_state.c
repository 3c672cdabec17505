// SPDX-License-Identifier: GPL-2.0-only
/* xdp/flow_state.h: the whole table of transitions, and ages. */
#include "../../xdp/flow_state.h"

#include "unit.h"

#define FREE XDPLB_FLOW_FREE
#define NEW XDPLB_FLOW_NEW
#define EST XDPLB_FLOW_ESTABLISHED
#define FINC XDPLB_FLOW_FIN_CLIENT
#define FINB XDPLB_FLOW_FIN_BACKEND
#define CLOSED XDPLB_FLOW_CLOSED
#define RESET XDPLB_FLOW_RESET
#define UNEW XDPLB_FLOW_UDP_NEW
#define UDP XDPLB_FLOW_UDP
#define CNEW XDPLB_FLOW_CLIENT_NEW
#define CLIENT XDPLB_FLOW_CLIENT
#define ADOPTED XDPLB_FLOW_ADOPTED

/* What a TCP packet says: the strongest flag wins. */
enum word {
	SAYS_NOTHING,
	SAYS_SYN,
	SAYS_FIN,
	SAYS_RST,
	WORDS
};

static const __u8 tcp_states[] = { NEW, EST, FINC, FINB, CLOSED, RESET, ADOPTED };

/*
 * The state after, by the state before (in the order above), what is said, and
 * who says it (backend, client).
 */
static const __u8 after[COUNT(tcp_states)][WORDS][2] = {
	/*	      backend client */
	{
		{ NEW, EST }, /* the client's second packet is what proves it */
		{ NEW, NEW }, /* SYN again; SYN and ACK */
		{ FINB, FINC },
		{ RESET, RESET },
	},
	{ { EST, EST }, { EST, EST }, { FINB, FINC }, { RESET, RESET } },
	{ { FINC, FINC }, { FINC, FINC }, { CLOSED, FINC }, { RESET, RESET } },
	{ { FINB, FINB }, { FINB, FINB }, { FINB, CLOSED }, { RESET, RESET } },
	{ { CLOSED, CLOSED }, { CLOSED, CLOSED }, { CLOSED, CLOSED }, { CLOSED, CLOSED } },
	{
		{ EST, EST }, /* the RST was not believed */
		{ RESET, RESET },
		{ FINB, FINC },
		{ RESET, RESET },
	},
	{
		{ ADOPTED, EST }, /* a second packet proves it */
		{ ADOPTED, ADOPTED },
		{ FINB, FINC },
		{ RESET, RESET },
	},
};

static enum word says(unsigned int flags)
{
	if (flags & 0x04)
		return SAYS_RST;
	if (flags & 0x01)
		return SAYS_FIN;
	return flags & 0x02 ? SAYS_SYN : SAYS_NOTHING;
}

/* Every state, all 256 values of the byte, both directions. */
static void tcp_transitions(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(tcp_states); s++)
		for (unsigned int flags = 0; flags < 256; flags++)
			for (int client = 0; client < 2; client++) {
				__u32 got = flow_state_after(tcp_states[s], flags, client);

				if (got != after[s][says(flags)][client])
					fail_msg("state %u, flags %02x from %s: %u, not %u",
						 tcp_states[s], flags,
						 client ? "client" : "backend", got,
						 after[s][says(flags)][client]);
			}
}

/* UDP has no flags: whatever is passed as such must not matter. */
static void udp_transitions(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		assert_int_equal(flow_state_after(UNEW, flags, true), UDP);
		assert_int_equal(flow_state_after(UNEW, flags, false), UNEW);
		assert_int_equal(flow_state_after(UDP, flags, true), UDP);
		assert_int_equal(flow_state_after(UDP, flags, false), UDP);
	}
}

/* A client's entry is proven by the first packet that opens no flow; nothing ends it. */
static void client_transitions(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++)
		for (int client = 0; client < 2; client++) {
			assert_int_equal(flow_state_after(CNEW, flags, client),
					 flags & 0x02 ? CNEW : CLIENT);
			assert_int_equal(flow_state_after(CLIENT, flags, client), CLIENT);
		}
}

static void first(void **state)
{
	static const __u8 by_word[WORDS] = { ADOPTED, NEW, ADOPTED, ADOPTED };

	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		assert_int_equal(flow_state_first(true, flags), by_word[says(flags)]);
		assert_int_equal(flow_state_first(false, flags), UNEW);
	}
}

/* A connection's whole life, each side closing first. */
static void lives(void **state)
{
	static const struct {
		__u8 flags;
		bool client;
		__u8 after;
	} life[] = {
		{ 0x12, false, NEW },	{ 0x10, true, EST },	 { 0x18, true, EST },
		{ 0x18, false, EST },	{ 0x11, true, FINC },	 { 0x10, false, FINC },
		{ 0x18, false, FINC },	{ 0x11, false, CLOSED }, { 0x10, true, CLOSED },
		{ 0x04, true, CLOSED },
	};
	__u32 forth = flow_state_first(true, 0x02), back = EST;

	(void)state;
	for (size_t i = 0; i < COUNT(life); i++) {
		forth = flow_state_after(forth, life[i].flags, life[i].client);
		assert_int_equal(forth, life[i].after);
	}
	back = flow_state_after(back, 0x11, false);
	assert_int_equal(back, FINB);
	back = flow_state_after(back, 0x10, true);
	assert_int_equal(back, FINB);
	assert_int_equal(flow_state_after(back, 0x19, true), CLOSED);
}

/* active, over, unproven */
static void kinds(void **state)
{
	static const __u8 kind[XDPLB_FLOW_STATES][3] = {
		[NEW] = { 1, 0, 1 },	[EST] = { 1, 0, 0 },	 [FINC] = { 0, 0, 0 },
		[FINB] = { 0, 0, 0 },	[CLOSED] = { 0, 1, 0 },	 [RESET] = { 0, 1, 0 },
		[UNEW] = { 1, 0, 1 },	[UDP] = { 1, 0, 0 },	 [CNEW] = { 0, 0, 1 },
		[CLIENT] = { 0, 0, 0 }, [ADOPTED] = { 1, 0, 1 },
	};

	(void)state;
	for (__u32 s = FREE; s < XDPLB_FLOW_STATES; s++) {
		assert_int_equal(flow_is_active(s), kind[s][0]);
		assert_int_equal(flow_is_over(s), kind[s][1]);
		assert_int_equal(flow_is_unproven(s), kind[s][2]);
	}
}

/* All pairs of a base and a distance: nothing but the distance matters. */
static void ages(void **state)
{
	static const __u32 bases[] = { 0, 1, 2, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff };

	(void)state;
	for (size_t i = 0; i < COUNT(bases); i++)
		for (__u32 distance = 0; distance <= 0xffff; distance++) {
			__u32 seen = bases[i], now = bases[i] + distance;
			__u32 age = distance >= 0xfffe ? 0 : distance;

			assert_int_equal(flow_age(now & 0xffff, seen), age);
			/* `now` is a full count of seconds, `seen` what was kept of one. */
			assert_int_equal(flow_age(now, seen), age);
			assert_int_equal(flow_age(now + 0x12340000, seen), age);
			assert_int_equal(flow_age(now & 0xffff, seen + 0xabcd0000), age);
		}
}

static void ages_by_hand(void **state)
{
	(void)state;
	assert_int_equal(flow_age(5, 5), 0);
	assert_int_equal(flow_age(6, 5), 1);
	assert_int_equal(flow_age(4, 5), 0); /* another CPU's clock is a tick ahead */
	assert_int_equal(flow_age(3, 5), 0);
	assert_int_equal(flow_age(2, 5), 0xfffd);
	assert_int_equal(flow_age(0x10000, 0xffff), 1);
	assert_int_equal(flow_age(0x1ffff, 0), 0); /* and so once in 18 hours */
	assert_int_equal(flow_age(0xffff, 0x10000 & 0xffff), 0);
	assert_int_equal(flow_age(0x10384, 0xffff), 901);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_transitions),
		cmocka_unit_test(udp_transitions),
		cmocka_unit_test(client_transitions),
		cmocka_unit_test(first),
		cmocka_unit_test(lives),
		cmocka_unit_test(kinds),
		cmocka_unit_test(ages),
		cmocka_unit_test(ages_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
