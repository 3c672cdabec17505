// SPDX-License-Identifier: GPL-2.0-only
/* The options of a service: what is taken is within all bounds. The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "../../loader/service_options.h"
#include "../../loader/slots.h"
#include "fuzz.h"

static void affinity(const char *string, struct wanted_service *wanted)
{
	const __u32 most = xdplb_is_ipv6(wanted->at.addr) ? 128 : 32;
	struct wanted_service again = { .at = wanted->at };
	char text[ADDRESS_TEXT];

	if (parse_affinity(string, wanted))
		return;
	fuzz_check(wanted->affinity <= most, "the prefix fits the address");
	if (!wanted->affinity || !wanted->timeout[XDPLB_TIMEOUT_AFFINITY])
		return;
	fuzz_check(!parse_affinity(affinity_text(wanted, text), &again), "it reads again");
	fuzz_check(again.affinity == wanted->affinity &&
			   again.timeout[XDPLB_TIMEOUT_AFFINITY] ==
				   wanted->timeout[XDPLB_TIMEOUT_AFFINITY],
		   "it reads the same");
}

static void others(const char *string, struct wanted_service *wanted)
{
	if (!parse_udp(string, wanted))
		fuzz_check(wanted->udp == WANTED_UDP_TRACKED ||
				   wanted->udp == WANTED_UDP_STATELESS ||
				   wanted->udp == WANTED_UDP_EACH,
			   "it is one of the three");
	if (!parse_table_size(string, wanted) && wanted->table)
		fuzz_check(wanted->table >= SLOTS_HASHED_MIN && wanted->table <= SLOTS_HASHED_MAX &&
				   wanted->table % 2,
			   "the table has a size that may be");
	if (!parse_window(string, wanted))
		fuzz_check(wanted->window > 0, "the window is open for a while");
	parse_slow_start(string, wanted);
	parse_timeouts(string, wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wanted_service wanted = {};
	char *string;

	if (!size)
		return 0;
	string = fuzz_string(data + 1, size - 1);
	wanted.at.addr[3] = data[0] & 1;
	if (data[0] & 2)
		others(string, &wanted);
	else
		affinity(string, &wanted);
	for (int i = 0; i < XDPLB_TIMEOUTS; i++)
		fuzz_check(wanted.timeout[i] <= XDPLB_TIMEOUT_MAX, "a timeout has its bound");
	fuzz_check(wanted.slow_start <= XDPLB_TIMEOUT_MAX, "so has slow start");
	free(string);
	return 0;
}
