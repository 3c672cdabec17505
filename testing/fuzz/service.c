// SPDX-License-Identifier: GPL-2.0-only
/* parse_service(): what it takes is complete, and reads the same when written again. */
#include <stdlib.h>
#include <string.h>

#include "../../loader/wanted.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct service_address service, again;
	char text[ADDRESS_TEXT], *string = fuzz_string(data, size);

	if (!parse_service(string, &service)) {
		fuzz_check(is_address(service.addr) && service.port && service.proto,
			   "it is complete");
		fuzz_check(!parse_service(service_text(&service, text), &again), "it reads again");
		fuzz_check(!memcmp(service.addr, again.addr, sizeof(again.addr)) &&
				   service.port == again.port && service.proto == again.proto,
			   "it reads the same");
	}
	free(string);
	return 0;
}
