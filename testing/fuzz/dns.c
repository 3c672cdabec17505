// SPDX-License-Identifier: GPL-2.0-only
/* An answer of DNS is judged without a look beyond it, and only one to the question is good. */
#include <stdlib.h>
#include <string.h>

#include "../../loader/daemon/dns.h"
#include "../../loader/daemon/judge.h"
#include "fuzz.h"

static void judge_one(const uint8_t *data, size_t size, bool framed)
{
	struct judging judging = { .stream = framed };
	unsigned char *copy = malloc(size ? size : 1);
	char reason[CHECK_REASON] = "";
	enum check_verdict verdict;
	enum dns_answer answer;
	int code;

	memcpy(copy, data, size);
	dns_query(judging.query, "example.org", 1, 0x1234, framed);
	answer = dns_judge(judging.query, copy, size, framed, &code);
	if (framed)
		copy += 2;
	if (answer == DNS_GOOD)
		fuzz_check(copy[0] == 0x12 && copy[1] == 0x34 && copy[2] & 0x80 && !code,
			   "it answers that question, and well");
	if (answer == DNS_REFUSED)
		fuzz_check(code > 0 && code < 16 && *dns_code_name(code), "it says why");
	if (framed)
		copy -= 2;
	verdict = judge_dns(&judging, copy, size, false, reason);
	fuzz_check((verdict == CHECK_PASSED) == (answer == DNS_GOOD), "that alone passes");
	fuzz_check(memchr(reason, 0, sizeof(reason)) != NULL, "a reason ends");
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	judge_one(data, size, false);
	judge_one(data, size, true);
	return 0;
}
