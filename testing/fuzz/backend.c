// SPDX-License-Identifier: GPL-2.0-only
/* parse_backend(): what it takes is within all bounds. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../../loader/wanted.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of listeners at its address, :PORT, the address is this one. */
	const struct service_address service = { .addr = { htonl(0xc0000201) },
						 .port = htons(80),
						 .proto = IPPROTO_TCP };
	struct wanted_backend backend, again;
	char text[ADDRESS_TEXT], *string = fuzz_string(data, size);

	if (!parse_backend(string, &service, &backend)) {
		fuzz_check(is_address(backend.addr) && backend.port, "it is complete");
		fuzz_check(backend.weight > 0, "it has a weight");
		fuzz_check(backend.state >= XDPLB_UP && backend.state <= XDPLB_BACKUP,
			   "its state is one of the states");
		fuzz_check(!(backend.mac[0] & 1), "its MAC is a station's");
		endpoint_text(backend.addr, backend.port, text);
		fuzz_check(!parse_backend(text, &service, &again), "it reads again");
		fuzz_check(!memcmp(backend.addr, again.addr, sizeof(again.addr)) &&
				   backend.port == again.port,
			   "it reads the same");
	}
	free(string);
	return 0;
}
