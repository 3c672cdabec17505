// SPDX-License-Identifier: GPL-2.0-only
#include "judge.h"

#include <stdio.h>
#include <string.h>

enum check_verdict judge_text(void *context, const unsigned char *answer, size_t length, bool ended,
			      char reason[CHECK_REASON])
{
	const struct judging *judging = context;

	(void)ended;
	if (judging->expect ?
		    memmem(answer, length, judging->expect, strlen(judging->expect)) != NULL :
		    length > 0 || !judging->stream) {
		snprintf(reason, CHECK_REASON, "%zu bytes", length);
		return CHECK_PASSED;
	}
	if (judging->stream)
		return CHECK_NONE;
	snprintf(reason, CHECK_REASON, "another answer than expected: %.*s",
		 (int)(length < 60 ? length : 60), (const char *)answer);
	return CHECK_FAILED;
}

enum check_verdict judge_dns(void *context, const unsigned char *answer, size_t length, bool ended,
			     char reason[CHECK_REASON])
{
	const struct judging *judging = context;
	int code;

	(void)ended;
	switch (dns_judge(judging->query, answer, length, judging->stream, &code)) {
	case DNS_GOOD:
		snprintf(reason, CHECK_REASON, "answered");
		return CHECK_PASSED;
	case DNS_REFUSED:
		snprintf(reason, CHECK_REASON, "%s", dns_code_name(code));
		return CHECK_FAILED;
	case DNS_OTHER:
		if (!judging->stream)
			return CHECK_NONE; /* somebody else's, or late */
		break;
	case DNS_INCOMPLETE:
		return CHECK_NONE;
	default:
		break;
	}
	snprintf(reason, CHECK_REASON, "no answer of DNS");
	return CHECK_FAILED;
}
