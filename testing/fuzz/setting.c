// SPDX-License-Identifier: GPL-2.0-only
/* settings_read(): what it takes is within bounds. */
#include <stdlib.h>

#include "../../loader/settings.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = { .gue_port = 1 };
	char *string = fuzz_string(data, size);

	if (!settings_read(string, &settings)) {
		fuzz_check(settings.gue_port > 0, "the port is one");
		fuzz_check(settings.icmp_rate <= 1000000, "the rate has its bound");
	}
	free(string);
	return 0;
}
