/* SPDX-License-Identifier: GPL-2.0-only */
/* Judges answers to checks of tcp, udp and dns; see struct exchange_plan. */
#ifndef XDPLBD_JUDGE_H
#define XDPLBD_JUDGE_H

#include "check.h"
#include "dns.h"

/* What an answer is judged by. */
struct judging {
	const char *expect; /* text that must be in it; NULL: anything will do */
	bool stream; /* TCP */
	unsigned char query[DNS_QUERY];
};

enum check_verdict judge_text(void *judging, const unsigned char *answer, size_t length, bool ended,
			      char reason[CHECK_REASON]);
enum check_verdict judge_dns(void *judging, const unsigned char *answer, size_t length, bool ended,
			     char reason[CHECK_REASON]);

#endif
