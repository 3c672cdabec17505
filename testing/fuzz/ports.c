// SPDX-License-Identifier: GPL-2.0-only
/* ports_take_list(): takes, never gives, and the same whatever was taken before. */
#include <stdlib.h>
#include <string.h>

#include "../../loader/ports.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static __u64 all[PORT_WORDS], half[PORT_WORDS];
	char *list = fuzz_string(data, size);

	memset(all, 0xff, sizeof(all));
	memset(half, 0x5a, sizeof(half));
	ports_take_list(all, list);
	ports_take_list(half, list);
	for (int i = 0; i < PORT_WORDS; i++)
		fuzz_check(half[i] == (all[i] & 0x5a5a5a5a5a5a5a5aULL), "it only takes");
	free(list);
	return 0;
}
