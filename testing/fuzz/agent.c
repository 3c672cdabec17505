// SPDX-License-Identifier: GPL-2.0-only
/* An agent's line: what is read of it is within all bounds, however it comes in pieces. */
#include <stdlib.h>
#include <string.h>

#include "../../loader/daemon/agent_words.h"
#include "../../xdp/xdplb.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *copy = malloc(size ? size : 1);
	struct agent_words words, cut;
	size_t line;

	memcpy(copy, data, size);
	line = agent_line(copy, size);
	fuzz_check(line <= size, "the line ends in what has come");
	if (line) {
		fuzz_check(!agent_line(copy, line - 1), "it does not end before that");
		fuzz_check(agent_line(copy, line) == line, "what follows is not looked at");
	}
	if (agent_read(copy, line ? line : size, &words)) {
		fuzz_check(words.percent <= 100, "percent are percent");
		fuzz_check(words.percent_given || words.state_given, "it says something");
		fuzz_check(!words.state_given ||
				   (words.state >= XDPLB_UP && words.state <= XDPLB_DOWN),
			   "its state is one of three");
		fuzz_check(!line || agent_read(copy, line - 1, &cut), "its end says nothing");
	}
	free(copy);
	return 0;
}
